"""A report in the words that a clerk reads, arranged for a page."""

from __future__ import annotations

from dataclasses import dataclass

from citybrain.ingest import Outcome
from citybrain.ingest.dirt import dirt_marks, dirt_rules, name_of
from citybrain.ingest.outcome import Issue, IssueGroup

WEIGHTS = {"block": "不能入库", "warn": "请核对", "note": "提示"}
STATUS = {
    "landed": ("正在入库", "warn"), "loaded": ("已入库", "good"), "refused": ("未接收", "bad"),
    "destroyed": ("涉密，已销毁", "bad"), "withdrawing": ("正在撤回", "warn"), "withdrawn": ("已撤回", ""),
}  # fmt: skip
KINDS = {"csv": "文本（CSV）", "xlsx": "Excel / WPS（.xlsx）", "xls": "Excel 97–2003（.xls）", "html": "网页表格"}
ASIDE = {"total": "合计行", "header": "重复的表头", "repeat": "整行重复"}
_SHOWN = 10


@dataclass(frozen=True)
class Group:
    """One rule in one column."""

    severity: str
    name: str
    header: str | None
    count: int
    hint: str
    dirt: str  # where the catalogue tells more of it: X01 to X34, other; or nowhere
    issues: tuple[Issue, ...]


@dataclass(frozen=True)
class Reading:
    """Values that were read although they were written otherwise."""

    header: str
    rows: int
    name: str
    message: str
    hint: str


@dataclass(frozen=True)
class Report:
    groups: tuple[Group, ...]
    readings: tuple[Reading, ...]
    blocked: int  # cells and rows that keep a row out
    doubtful: int


def report_of(outcome: Outcome) -> Report:
    groups = tuple(_group(outcome, group) for group in outcome.summary)
    titles = {c.field: c.header for c in outcome.detected.columns if c.field} if outcome.detected else {}
    readings = []
    for mark, rows in sorted(outcome.marks.items(), key=lambda m: -m[1]):
        column, _, code = mark.partition(":")
        known = dirt_marks()[code]
        readings.append(Reading(titles.get(column, column), rows, known.name, known.message, known.hint))
    count = {weight: sum(g.count for g in groups if g.severity == weight) for weight in WEIGHTS}
    return Report(groups, tuple(readings), count["block"], count["warn"])


def _group(outcome: Outcome, group: IssueGroup) -> Group:
    issues = tuple(i for i in outcome.issues if (i.rule, i.header) == (group.rule, group.header))[:_SHOWN]
    rule = dirt_rules().get(group.rule)
    name = name_of(group.rule, issues[0].message if issues else group.rule)
    hint, dirt = (rule.hint, rule.dirt or "other") if rule else ("", "")
    return Group(group.severity, name, group.header, group.count, hint, dirt, issues)
