"""The data dictionary as a workbook: the same contracts as the page, for those who sort, filter and send it on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from citybrain.contracts import Contract
from citybrain.docs import words
from citybrain.indicators.registry import Registry

_TABLES = ("表名", "名称", "层次", "责任单位", "数据集编号", "一行是什么", "说明", "注意事项", "主键", "报送", "来自")
_FIELDS = (
    "表名",
    "表",
    "字段",
    "名称",
    "又名",
    "类型",
    "单位",
    "必填",
    "主键",
    "取值",
    "也收",
    "编码格式",
    "分级",
    "个人信息",
    "说明",
)
_RULES = ("表名", "表", "规则", "含义", "级别", "由谁处理")
_INDICATORS = (
    "编号",
    "指标",
    "主题",
    "责任单位",
    "口径",
    "口径名称",
    "默认",
    "分子",
    "分母",
    "单位",
    "统计范围",
    "周期",
    "说明",
    "定义来源",
)
_WIDE = {
    "说明": 50,
    "注意事项": 40,
    "取值": 40,
    "也收": 40,
    "一行是什么": 40,
    "含义": 60,
    "分子": 40,
    "分母": 30,
    "定义来源": 40,
}


def write(declared: dict[str, Contract], known: Registry, out: Path) -> Path:
    """Sheets 表, 字段, 规则 and 指标; headers stay in view and every sheet can be filtered."""
    contracts = list(declared.values())
    sheets = {
        "表": (_TABLES, [_table(c) for c in contracts]),
        "字段": (_FIELDS, [row for c in contracts for row in _fields(c)]),
        "规则": (_RULES, [row for c in contracts for row in _rules(c)]),
        "指标": (_INDICATORS, list(_indicators(known))),
    }
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": "数据字典"})
        for name, (head, rows) in sheets.items():
            _sheet(book, name, head, rows)
    return out


def _sheet(book: Any, name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    for column, title in enumerate(head):
        longest = max((len(row[column]) for row in rows), default=0)
        sheet.set_column(column, column, _WIDE.get(title) or min(max(longest + 2, 2 * len(title) + 2), 36), wrap)
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, 1):
        for column, text in enumerate(row):
            sheet.write_string(number, column, text, wrap)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(len(rows), 1), len(head) - 1)


def _table(c: Contract) -> tuple[str, ...]:
    d = c.delivery
    delivered = f"{words.CADENCE[d.every]}，{words.MODES[d.mode]}，{'/'.join(d.format)}" if d else ""
    about = (c.source or "", c.grain, c.description or "", "\n".join(c.warnings))
    return (c.table, c.title, words.LAYERS[c.layer], c.owner, *about, "、".join(c.key), delivered, "\n".join(c.inputs))


def _fields(c: Contract) -> Iterable[tuple[str, ...]]:
    for f in c.fields:
        yes = ("是" if f.required else "", "是" if f.name in c.key else "")
        read = "、".join(f"{told}→{value}" for told, value in f.values.items()) if c.layer == "bronze" else ""
        about = (read, f.pattern or "", f.level, words.PERSONAL[f.personal], f.description or "")
        named = (c.table, c.title, f.name, f.title, "、".join(f.aliases) if c.layer == "bronze" else "")
        yield (*named, words.kind(f), f.unit or "", *yes, words.valid(f), *about)


def _rules(c: Contract) -> Iterable[tuple[str, ...]]:
    for r in c.rules:
        yield c.table, c.title, r.rule, r.message, words.weight(r.severity, c.layer), words.actor(r.fix, c)


def _indicators(known: Registry) -> Iterable[tuple[str, ...]]:
    for i, v in known.variants():
        above = f"{known.figures[v.percentile.of].title} 的第 {v.percentile.percent} 百分位" if v.percentile else ""
        above = above or _in_words(known, v.numerator or "")
        where = ("、".join(words.GRAINS[g] for g in v.grains), "、".join(words.PERIODS[p] for p in i.periods))
        of = (
            i.id,
            i.name,
            known.themes.themes[i.theme].title,
            i.owner,
            v.id,
            v.title,
            "是" if v.id == i.default else "",
        )
        yield (
            *of,
            above,
            _in_words(known, v.denominator or ""),
            v.unit,
            *where,
            v.description or i.description,
            i.source,
        )


def _in_words(known: Registry, expression: str) -> str:
    return " ".join(known.figures[t].title if t in known.figures else t.replace("-", "−") for t in expression.split())
