"""The rules of a bronze contract as SQL conditions, true where a row breaks them.

Checks are named ``column:rule``, those between columns ``:rule``. In a condition ``x`` is the value of a field, ``r_x``
its text as delivered, ``s_x`` its careful reading (null where the text was plainly as agreed).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import sqlglot
from sqlglot import exp

from citybrain.contracts import Contract, ContractError, Field
from citybrain.contracts.model import Severity
from citybrain.duck import literal
from citybrain.identity import id_card_invalid_sql, uscc_invalid_sql
from citybrain.ingest.cells import kind_of, places_of, shape_of
from citybrain.ingest.dirt import dirt_rules


@dataclass(frozen=True)
class Check:
    """One rule a row can break, and what the sender is told (``{text}``: as delivered)."""

    name: str
    rule: str
    column: str | None
    severity: Severity
    fix: Literal["department", "bureau"]
    dirt: str | None
    message: str
    broken: str
    plain: str | None  # asked of every row: true where a row read plainly may break it; None where none can


def checks_of(contract: Contract, present: set[str]) -> tuple[Check, ...]:
    """The checks of the fields that the file has, then those between columns."""
    fields = [check for f in contract.fields if f.name in present for check in _field_checks(f)]
    return (*fields, *_row_checks(contract, present))


def _field_checks(field: Field) -> Iterator[Check]:
    n, s = field.name, f"s_{field.name}"
    if field.required:
        yield _check(field, "required", "block", f"{n} IS NULL AND {s}.error IS NULL", plain=f"{n} IS NULL")
    for rule in _reading_errors(field):
        lost = f" OR {s}.as_number IS NOT NULL AND {n} IS NULL" if rule == "unreadable_number" else ""
        yield _check(field, rule, "block", f"{s}.error = {literal(rule)}{lost}", _number_name(field))
    if field.enum:
        values = ", ".join(map(literal, field.enum))
        yield _check(field, "enum", field.severity, f"{n} NOT IN ({values})", "、".join(field.enum))
    if field.pattern:
        wrong = f"NOT regexp_matches({n}, {literal(field.pattern)}) AND NOT {_masked(field)}"
        yield _check(field, "pattern", field.severity, wrong, field.example or field.pattern)
    if field.min is not None or field.max is not None:
        rule = "out_of_area" if field.name in ("lon", "lat") else "range"
        bounds = [f"{n} {sign} {bound}" for sign, bound in (("<", field.min), (">", field.max)) if bound is not None]
        outside = " OR ".join(bounds)
        yield _check(field, rule, field.severity, outside, _range(field), plain=outside)
    if kind_of(field) == "phone":
        odd = f"NOT {_masked(field)} AND NOT list_bool_and(list_transform(phones_in({n}), lambda p: is_phone(p)))"
        yield _check(field, "phone", "warn", odd)
    if shape_of(field):
        yield _check(field, "code_with_note", "warn", _marked(field, "X10"))
    if field.check:
        old = f"regexp_full_match({n}, '[0-9]{{15}}')"
        yield _check(field, "old_number", "warn", old, plain=None if field.check == "id_card" else f"length({n}) = 15")
        invalid = {"id_card": id_card_invalid_sql, "uscc": uscc_invalid_sql}[field.check](n)
        plain: str | None = invalid
        if field.check == "id_card":  # one that is plainly as agreed has been found sound
            invalid, plain = f"s_{field.name}.changed IS NOT NULL AND {invalid}", None
        yield _check(field, field.check, field.severity, f"NOT {_masked(field)} AND {invalid}", plain=plain)


def _reading_errors(field: Field) -> tuple[str, ...]:
    by_kind = {
        "timestamp": ("unreadable_date",), "date": ("unreadable_date",), "boolean": ("unreadable_boolean",),
        "number": ("unreadable_number", "precision_lost"), "code": ("precision_lost", "several_codes"),
        "phone": ("precision_lost",), "path": (), "name": (), "text": (),
    }  # fmt: skip
    return (*by_kind[kind_of(field)], "cell_error")


def _masked(field: Field) -> str:
    return _marked(field, "X07")


def _marked(field: Field, dirt: str) -> str:
    return f"coalesce(list_contains(s_{field.name}.marks, {literal(f'{field.name}:{dirt}')}), false)"


def _number_name(field: Field) -> str:
    places = places_of(field)
    return "整数" if not places else "数字" if field.type == "double" else f"最多 {places} 位小数的数字"


def _range(field: Field) -> str:
    low, high = ("不限" if bound is None else f"{bound:g}" for bound in (field.min, field.max))
    return f"{low} 至 {high}{field.unit or ''}"


def _check(
    field: Field, rule: str, severity: Severity, broken: str, expected: str = "", *, plain: str | None = None
) -> Check:
    known = dirt_rules()[rule]
    said = known.message.replace("{title}", field.title).replace("{expected}", expected)
    return Check(
        name=f"{field.name}:{rule}",
        rule=rule,
        column=field.name,
        severity=severity,
        fix=known.fix,
        dirt=known.dirt,
        message=f"{said}。{known.hint}。",
        broken=f"({broken})",
        plain=plain and f"({plain})",
    )


def _row_checks(contract: Contract, present: set[str]) -> Iterator[Check]:
    """The contract's ``where`` rules. The first column that a rule names gives its cell; a text that could not be read
    is reported as that, not also as a missing value."""
    for rule in contract.rules:
        if rule.where is None:
            continue
        tree = sqlglot.parse_one(rule.where, read="duckdb")
        used = list(dict.fromkeys(c.name for c in tree.find_all(exp.Column, bfs=False)))
        if unknown := [c for c in used if c not in (*contract.names, "_received_at")]:
            raise ContractError(f"expectations/bronze/{contract.name}.yaml: {rule.rule} names {unknown}, no fields")
        column = next((c for c in used if c in contract.names), None)
        yield Check(
            name=f":{rule.rule}",
            rule=rule.rule,
            column=column,
            severity=rule.severity,
            fix=rule.fix,
            dirt=rule.dirt,
            message=rule.message,
            broken=" AND ".join([f"({tree.sql('duckdb')})", *(f"s_{c}.error IS NULL" for c in used if c in present)]),
            plain=f"({tree.sql('duckdb')})",
        )
