"""Findings about rows: which cell, which rule, what it says; for quarantine, ``ops.issue`` and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.ingest.checks import Check
from citybrain.ingest.dirt import DirtRule, dirt_rules
from citybrain.ingest.outcome import Column, Issue
from citybrain.ingest.source import Ragged


@dataclass(frozen=True)
class Origin:
    """Where the rows come from."""

    receipt: str
    load: int
    file: str
    sheet: str | None
    received_at: datetime


_COLUMNS = ("row", "ord", "rule", "dirt", "severity", "fix", "column", "header", "cell", "text", "shown", "message")
FOUND = {column: {"row": "BIGINT", "ord": "INTEGER"}.get(column, "VARCHAR") for column in _COLUMNS}
RAGGED = {**FOUND, "values": "MAP(VARCHAR, VARCHAR)"}
CHECKS = {
    **dict.fromkeys(("name", "rule", "dirt", "severity", "fix", "column", "header", "letter", "message"), "VARCHAR"),
    "ord": "INTEGER",
    "personal": "BOOLEAN",
}
_NAMES = ", ".join(f'"{c}"' for c in _COLUMNS)
# What may stand in a report that others read: of personal columns only the ends; the error of a formula is
# no person's.
_HIDDEN = """CASE WHEN NOT personal OR rule = 'cell_error' THEN t
                  WHEN length(t) > 8 THEN left(t, 3) || repeat('*', length(t) - 7) || right(t, 4)
                  ELSE left(t, 1) || repeat('*', length(t) - 1) END"""

# Where it stands, as ``Column.cell`` tells it: the letter is empty in JSON, and null of a row as a whole.
_RECORD = "'第 ' || ({row} - 1) || ' 条记录'"
_CELL = f"""CASE WHEN letter = '' THEN {_RECORD.format(row="_row")} || coalesce('的“' || header || '”', '')
                 ELSE letter || _row END"""

# Broken rules of the rows that waited, and the rows that were set aside.
SQL = f"""
    WITH broken AS (SELECT _row, unnest(_broken) AS name, _delivered FROM careful),
    found AS (SELECT b._row, c.*, b._delivered[c."column"] AS t FROM broken b JOIN checks c USING (name)),
    alone AS (SELECT a._row, a.kept, c.* FROM aside a JOIN checks c ON c.name = 'row:' || a.kind)
    SELECT _row AS "row", ord, rule, dirt, severity, fix, "column", header, {_CELL} AS cell, t AS "text",
           {_HIDDEN} AS shown, replace(message, '{{text}}', coalesce({_HIDDEN}, '')) AS message FROM found
    UNION ALL
    SELECT _row, ord, rule, dirt, severity, fix, NULL, NULL, {_CELL}, NULL, NULL,
           CASE WHEN kept IS NULL THEN message
                WHEN letter = '' THEN replace(message, '第 {{text}} 行', {_RECORD.format(row="kept")})
                ELSE replace(message, '{{text}}', kept::VARCHAR) END FROM alone"""

RAGGED_SQL = f"SELECT {_NAMES} FROM ragged"


def system_sql(o: Origin) -> str:
    """The system columns that say where a row comes from."""
    load = f"{literal(o.receipt)} AS _receipt, {o.load}::INTEGER AS _load"
    return f"{load}, {literal(o.file)} AS _file, {_sheet(o)} AS _sheet, _row, {instant(o)} AS _received_at"


def instant(origin: Origin) -> str:
    return f"TIMESTAMPTZ '{origin.received_at:%Y-%m-%d %H:%M:%S%z}'"


def checks_rows(checks: Sequence[Check], columns: Sequence[Column], contract: Contract) -> list[dict[str, object]]:
    """The rules as a table that findings are joined with, in the shape of ``CHECKS``."""
    place = {c.field: c for c in columns if c.field}
    whole = None if any(c.letter for c in columns) else ""  # the letter of a row as a whole
    rows: list[dict[str, object]] = []
    for i, c in enumerate(checks):
        stands = place.get(c.column) if c.column else None
        rows.append(
            {
                **_rule_facts(c),
                "name": c.name,
                "ord": i,
                "column": c.column,
                "header": stands.header if stands else None,
                "letter": stands.letter if stands else whole,
                "message": c.message,
                "personal": bool(c.column and contract.field(c.column).personal != "none"),
            }
        )
    for kind in ("total", "header", "repeat"):
        rule = dirt_rules()[f"{kind}_row"]
        rows.append(
            {
                **_rule_facts(rule),
                "name": f"row:{kind}",
                "ord": 9999,
                "letter": whole,
                "message": f"{rule.message}。{rule.hint}。",
                "personal": False,
            }
        )
    return rows


def _rule_facts(rule: Check | DirtRule) -> dict[str, object]:
    return {"rule": rule.rule, "dirt": rule.dirt, "severity": rule.severity, "fix": rule.fix}


def quarantine_sql(contract: Contract, columns: Sequence[Column], o: Origin) -> str:
    """One row per quarantined row: its cells as delivered under their headers, and every reason."""
    headed = zip(columns, distinct(columns), strict=True)
    cells = ", ".join(f"{{'key': {literal(header)}, 'value': c{c.position}}}" for c, header in headed)
    key = " || '|' || ".join(f"careful.{k}::VARCHAR" for k in contract.key)
    reason = "{'rule': rule, 'column': \"column\", 'cell': cell, 'text': \"text\", 'message': message}"
    facts = (
        f"{literal(o.receipt)} AS receipt, {o.load}::INTEGER AS load, {literal(o.file)} AS file, {_sheet(o)} AS sheet"
    )
    return f"""
        WITH reasons AS (SELECT "row", list({reason} ORDER BY ord) AS reasons FROM findings
                         WHERE severity <> 'note' GROUP BY "row")
        SELECT {facts}, _row AS "row", {instant(o)} AS received_at, {key} AS key,
               map_from_entries(list_filter([{cells}], lambda e: e.value IS NOT NULL)) AS "values", reasons
        FROM rest JOIN careful USING (_row) JOIN reasons ON reasons."row" = _row WHERE _blocked
        UNION ALL
        SELECT {facts}, "row", {instant(o)}, NULL, "values", reasons FROM ragged JOIN reasons USING ("row")"""


def issue_sql(table: str, o: Origin) -> str:
    return f"""SELECT {literal(o.receipt)} AS receipt, {o.load}::INTEGER AS load, {literal(table)} AS "table",
        rule, dirt, severity, fix, "column", header, {_sheet(o)} AS sheet, cell, "row", shown AS "text", message,
        {instant(o)} AS received_at FROM findings"""


def _sheet(o: Origin) -> str:
    return literal(o.sheet) if o.sheet else "NULL::VARCHAR"


def distinct(columns: Sequence[Column]) -> list[str]:
    """Headers that can be keys: a repeated or empty one gets its column letter."""
    names = [c.header for c in columns]
    return [n if n and names.count(n) == 1 else f"{n}（{c.letter}列）" for n, c in zip(names, columns, strict=True)]


def ragged_rows(rows: Sequence[Ragged], columns: Sequence[Column]) -> list[dict[str, object]]:
    """Rows of a wrong width as findings that carry their own cells, in the shape of ``RAGGED``."""
    rule = dirt_rules()["cell_count"]
    headers = distinct(columns)
    found: list[dict[str, object]] = []
    for row in rows:
        message = rule.message.replace("{text}", str(len(row.cells))).replace("{expected}", str(len(columns)))
        names = [*headers, *(f"第{i + 1}格" for i in range(len(headers), len(row.cells)))]
        values = {n: c for n, c in zip(names, row.cells, strict=False) if c}
        said = f"{message}。{rule.hint}。"
        found.append({**_rule_facts(rule), "row": row.row, "ord": 0, "message": said, "values": values})
    return found


def issue_rows(issues: Sequence[Issue]) -> list[dict[str, object]]:
    """Findings about the file, in the shape of ``FOUND``."""
    return [{**i.model_dump(), "shown": i.text, "ord": 0} for i in issues]


def first(db: duckdb.DuckDBPyConnection, count: int) -> list[Issue]:
    """The first findings of each rule and column, with what may be shown of the text."""
    rows = db.execute(
        f"""SELECT rule, dirt, severity, fix, "column", header, cell, "row", shown, message FROM findings
        QUALIFY row_number() OVER (PARTITION BY rule, header ORDER BY "row") <= {count} ORDER BY "row", ord"""
    ).fetchall()
    names = ("rule", "dirt", "severity", "fix", "column", "header", "cell", "row", "text", "message")
    return [Issue.model_validate(dict(zip(names, row, strict=True))) for row in rows]
