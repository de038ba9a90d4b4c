"""The registry and the contracts as tables of the serving file, for formula pages, the catalogue and boards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.indicators.compile import question_sql
from citybrain.indicators.model import Indicator, Variant, terms
from citybrain.indicators.registry import Registry

Row = tuple[Any, ...]
# table of schema meta → its title and columns (name, type, title)
TABLES: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "theme": ("专题", (
        ("theme", "varchar", "专题"), ("theme_title", "varchar", "专题名称"),
        ("panel", "varchar", "板块"), ("panel_title", "varchar", "板块名称"))),
    "indicator": ("指标", (
        ("indicator_id", "varchar", "指标编号"), ("indicator_name", "varchar", "指标名称"),
        ("en", "varchar", "英文名"), ("theme", "varchar", "专题"), ("owner", "varchar", "责任单位"),
        ("kind", "varchar", "计算或引用"), ("min_denominator", "bigint", "参加排名的最小分母"),
        ("source", "varchar", "口径来源"), ("source_columns", "varchar[]", "来源字段"),
        ("description", "varchar", "口径说明"), ("default_variant", "varchar", "默认口径"),
        ("periods", "varchar[]", "统计周期"))),
    "variant": ("指标口径", (
        ("indicator_id", "varchar", "指标编号"), ("variant", "varchar", "口径"),
        ("variant_title", "varchar", "口径名称"), ("is_default", "boolean", "是否默认"),
        ("unit", "varchar", "计量单位"), ("direction", "varchar", "好的方向"), ("rounding", "bigint", "小数位"),
        ("additive", "boolean", "各期可否相加"), ("grains", "varchar[]", "区划级别"), ("formula", "varchar", "公式"),
        ("description", "varchar", "口径说明"), ("figures", "varchar[]", "基础数"),
        ("sql", "varchar", "算法（asked 为所问的区划与统计期）"),
        ("effective_from", "date", "启用日期"), ("effective_to", "date", "停用日期"))),
    "figure": ("基础数", (
        ("figure", "varchar", "基础数"), ("title", "varchar", "名称"), ("table_name", "varchar", "表"),
        ("measure", "varchar", "度量"), ("condition", "varchar", "条件"), ("form", "varchar", "流量或存量"),
        ("date_column", "varchar", "日期列"), ("known_column", "varchar", "变动日列"))),
    "contract": ("数据表", (
        ("table_name", "varchar", "表"), ("title", "varchar", "名称"), ("owner", "varchar", "责任单位"),
        ("grain", "varchar", "一行是什么"), ("description", "varchar", "说明"), ("warnings", "varchar[]", "注意"),
        ("key", "varchar[]", "主键"), ("inputs", "varchar[]", "输入"))),
    "column": ("字段", (
        ("table_name", "varchar", "表"), ("position", "bigint", "次序"), ("column_name", "varchar", "字段"),
        ("type", "varchar", "类型"), ("title", "varchar", "名称"), ("unit", "varchar", "计量单位"),
        ("is_required", "boolean", "是否必填"), ("description", "varchar", "说明"),
        ("personal", "varchar", "个人信息"), ("level", "varchar", "数据分级"))),
}  # fmt: skip
FORMS = {"flow": "期内", "level": "期末存量", "opening": "期初存量"}


def write(db: duckdb.DuckDBPyConnection, declared: Registry, contracts: Mapping[str, Contract]) -> None:
    """Creates and fills the tables of schema ``meta`` that describe."""
    rows: dict[str, list[Row]] = {
        "theme": [(id, t.title, t.panel, declared.themes.panels[t.panel]) for id, t in declared.themes.themes.items()],
        "indicator": [_indicator(i) for i in declared.indicators.values()],
        "variant": [_variant(declared, i, v) for i, v in declared.variants()],
        "figure": [
            (f.id, f.title, f.table, f.sum, f.where, FORMS[f.form], f.date, f.known) for f in declared.figures.values()
        ],
        "contract": [_contract(c) for c in contracts.values()],
        "column": [row for c in contracts.values() for row in _columns(c)],
    }
    for name, (title, columns) in TABLES.items():
        create(db, f"meta.{name}", title, columns)
        insert(db, f"meta.{name}", rows[name])


def create(
    db: duckdb.DuckDBPyConnection, table: str, title: str, columns: Iterable[tuple[str, str, str | None]]
) -> None:
    """An empty table with its Chinese comments."""
    listed = list(columns)
    schema, name = table.split(".")
    db.execute(f'CREATE TABLE {schema}."{name}" ({", ".join(f"{quoted(n)} {kind}" for n, kind, _ in listed)})')
    comment(db, f'TABLE {schema}."{name}"', title)
    for column, _, text in listed:
        comment(db, f'COLUMN {schema}."{name}".{quoted(column)}', text)


def comment(db: duckdb.DuckDBPyConnection, what: str, text: str | None) -> None:
    if text:
        db.execute(f"COMMENT ON {what} IS {literal(text)}")


def insert(db: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> None:
    """As literals in one statement: DuckDB would import pandas to look at parameters."""
    schema, name = table.split(".")
    if rows:
        db.execute(f'INSERT INTO {schema}."{name}" VALUES {", ".join(map(literal, rows))}')


def quoted(name: str) -> str:
    return f'"{name}"'


def formula(declared: Registry, variant: Variant) -> str:
    """The relation between figures by their Chinese names, e.g. ``按期结案数 ÷ 应结案数 × 100``."""
    if variant.percentile:
        return f"{declared.figures[variant.percentile.of].title}由小到大第 {variant.percentile.percent}% 位"
    up, down = variant.scale.numerator, variant.scale.denominator
    text = _named(declared, variant.numerator or "")
    if variant.denominator:
        below = _named(declared, variant.denominator)
        parts = ((text, variant.numerator or ""), (below, variant.denominator))
        text = " ÷ ".join(part if len(terms(of)) == 1 else f"（{part}）" for part, of in parts)
    return text + (f" × {up}" if up != 1 else "") + (f" ÷ {down}" if down != 1 else "")


def _named(declared: Registry, expression: str) -> str:
    signed = [("− " if sign < 0 else "+ ") + declared.figures[name].title for sign, name in terms(expression)]
    return " ".join(signed).removeprefix("+ ")


def described(indicator: Indicator, variant: Variant) -> str:
    """The whole 口径: what holds for all variants, then what is this one's."""
    return "；".join(text for text in (indicator.description, variant.description) if text)


def _indicator(i: Indicator) -> Row:
    return (i.id, i.name, i.en, i.theme, i.owner, i.kind, i.min_denominator, i.source, list(i.source_columns),
            i.description, i.default, list(i.periods))  # fmt: skip


def _variant(declared: Registry, i: Indicator, v: Variant) -> Row:
    sql = question_sql(declared, v, "  SELECT * FROM asked_areas_and_periods", v.grains)
    return (i.id, v.id, v.title, v.id == i.default, v.unit, v.direction, v.rounding, v.additive, list(v.grains),
            formula(declared, v), described(i, v), list(v.figures), sql, v.effective_from, v.effective_to)  # fmt: skip


def _contract(c: Contract) -> Row:
    return (c.table, c.title, c.owner, c.grain, c.description, list(c.warnings), list(c.key), list(c.inputs))


def _columns(c: Contract) -> list[Row]:
    return [
        (c.table, n, f.name, f.sql_type, f.title, f.unit, f.required, f.description, f.personal, f.level)
        for n, f in enumerate(c.fields, start=1)
    ]
