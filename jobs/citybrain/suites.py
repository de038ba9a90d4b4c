"""The Great Expectations suite of a contract: what its fields imply, and the rules of ``expectations/``.

In silver and gold a broken row rule is reported, never blocking; only what would make the table wrong as a whole
blocks: a null or repeated key, and table rules that say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from citybrain.contracts import Contract, Field, Rule

ROWS = "unexpected_rows_expectation"
SEVERITY = {"block": "critical", "warn": "warning", "note": "info"}


@dataclass(frozen=True)
class Expectation:
    """One GX expectation with what people need to read its result."""

    type: str
    kwargs: dict[str, Any]
    severity: str  # block, warn, note
    rule: str
    message: str
    fix: str = "bureau"
    meta: dict[str, Any] = field(default_factory=dict)

    def to_gx(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "kwargs": self.kwargs,
            "severity": SEVERITY[self.severity],
            "meta": {"rule": self.rule},
        }


def of_stage(contract: Contract) -> list[Expectation]:
    """What must hold for the rows that a build has staged."""
    unique = list(contract.key) + (["revision"] if contract.build == "journal" else [])
    return [*_unique(unique), *(e for f in contract.fields for e in _of_field(contract, f))]


def of_rule(rule: Rule, query: str = "") -> Expectation:
    """What must hold for the table as it would be, or for the rows that ``query`` asks for instead; of a share, for one
    row with the share in a column of its name."""
    told = (rule.severity, rule.rule, rule.message, rule.fix)
    if rule.share:
        kwargs = {"column": rule.rule, "max_value": rule.above}
        return Expectation("expect_column_values_to_be_between", kwargs, *told)
    return Expectation(ROWS, {"unexpected_rows_query": query or rule.sql}, *told)


def _unique(columns: list[str]) -> Iterator[Expectation]:
    if len(columns) == 1:
        kind, kwargs = "expect_column_values_to_be_unique", {"column": columns[0]}
    else:
        kind = "expect_compound_columns_to_be_unique"
        kwargs = {"column_list": columns, "ignore_row_if": "never"}  # type: ignore[dict-item]
    yield Expectation(kind, dict(kwargs), "block", "key_unique", f"主键 {'、'.join(columns)} 重复")


def _of_field(contract: Contract, f: Field) -> Iterator[Expectation]:
    severity = "note" if f.severity == "note" else "warn"

    def of_values(what: str, rule: str, level: str, message: str, **kwargs: Any) -> Expectation:
        kind = f"expect_column_values_to_{what}"
        return Expectation(kind, {"column": f.name, **kwargs}, level, f"{rule}:{f.name}", f"{f.title}{message}")

    if f.required:
        yield of_values("not_be_null", "required", "block" if f.name in contract.key else "warn", "为空")
    if f.enum and f.type == "string":
        yield of_values("be_in_set", "enum", severity, "不在取值范围内", value_set=list(f.enum))
    if f.pattern:
        yield of_values("match_regex", "pattern", severity, "格式不符", regex=f.pattern)
    if f.min is not None or f.max is not None:
        yield of_values("be_between", "range", severity, "超出范围", min_value=f.min, max_value=f.max)
