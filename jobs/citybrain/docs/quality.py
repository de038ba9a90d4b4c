"""What the checks found, for people: by table and rule, and what the departments' deliveries were told."""

from __future__ import annotations

from typing import Any

from citybrain import lake
from citybrain.contracts import Contract

_LATEST = """
    WITH newest AS (
        SELECT *, row_number() OVER (PARTITION BY "table", rule ORDER BY checked_at DESC) AS nth FROM findings
    )
    SELECT "table", rule, severity, fix, message, success, unexpected_count, checked_count, sample,
           strftime(checked_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d %H:%M') AS checked_at
    FROM newest WHERE nth = 1 ORDER BY success, severity, "table", rule
"""
_TREND = """
    SELECT strftime(checked_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d') AS day, count(*) AS checked,
           count(*) FILTER (WHERE NOT success) AS broken,
           count(*) FILTER (WHERE NOT success AND severity = 'block') AS blocked
    FROM findings GROUP BY 1 ORDER BY 1 DESC LIMIT 30
"""
_ISSUES = """
    SELECT "table", rule, any_value(message) AS message, any_value(severity) AS severity, any_value(fix) AS fix,
           count(*) AS cells, count(DISTINCT receipt) AS receipts
    FROM issues GROUP BY "table", rule ORDER BY cells DESC LIMIT 200
"""


def summary(declared: dict[str, Contract]) -> dict[str, Any]:
    """The newest result of each rule, the last 30 days, and the departments' issues by table and rule."""
    findings, issues = _read("ops.check_result", "findings"), _read("ops.issue", "issues")
    owners = {table: contract.owner for table, contract in declared.items()}
    titles = {table: contract.title for table, contract in declared.items()}
    return {
        "results": findings(_LATEST) if findings else [],
        "trend": findings(_TREND) if findings else [],
        "issues": issues(_ISSUES) if issues else [],
        "owners": owners,
        "titles": titles,
    }


def _read(table: str, name: str) -> Any:
    """A function that asks the table in SQL under ``name``; None where there is no such table yet."""
    import duckdb
    from deltalake import DeltaTable

    uri = lake.table_uri(table)
    if not DeltaTable.is_deltatable(uri):
        return None
    connection = duckdb.connect()
    connection.register(name, DeltaTable(uri).to_pyarrow_dataset())

    def ask(query: str) -> list[dict[str, Any]]:
        cursor = connection.execute(query)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    return ask
