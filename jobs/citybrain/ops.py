"""The bureau's own records, as Delta tables written by delta-rs: what ran, what the checks found, how pulls went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from citybrain import lake

if TYPE_CHECKING:
    from citybrain.runner.check import Finding
    from citybrain.runner.run import Result


REMINDER = "ops.reminder"
RESTATEMENT = "ops.restatement"


def append_runs(results: Sequence[Result]) -> None:
    """One row a table and run in ``ops.run``; runs that found nothing to do are not recorded."""
    import json

    rows = [
        {**asdict(r), "rows": json.dumps(r.rows), "finished_at": datetime.now(UTC)}
        for r in results
        if r.status != "unchanged" or r.extent
    ]
    _append("ops.run", rows)


def append_findings(findings: Sequence[Finding]) -> None:
    """One row an expectation and run in ``ops.check_result``."""
    _append("ops.check_result", [asdict(f) for f in findings])


def append_pulls(rows: list[dict[str, Any]]) -> None:
    """One row a step of a pull in ``ops.pull`` (citybrain/pull/steps.py says what a row is)."""
    import pyarrow as pa

    instant, kinds = pa.timestamp("us", tz="UTC"), {"seconds": pa.float64()}
    kinds |= dict.fromkeys(("page", "try_number", "rows", "bytes"), pa.int64())
    kinds |= dict.fromkeys(("started_at", "finished_at"), instant)
    _append("ops.pull", rows, pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]]) if rows else None)


def append_restatements(rows: list[dict[str, Any]]) -> None:
    """One row a restated number and revision in ``RESTATEMENT``: the reasons, and the deliveries that moved it."""
    import pyarrow as pa

    causes = pa.struct([(name, pa.string()) for name in ("kind", "title", "receipt", "file", "received_at")])
    kinds = {"revision": pa.int64(), "published_at": pa.timestamp("us", tz="UTC")}
    kinds |= {"reasons": pa.list_(pa.string()), "causes": pa.list_(causes)}
    names = ("indicator_id", "variant", "area_code", "period_kind", "period", *kinds)
    _append(RESTATEMENT, rows, pa.schema([(name, kinds.get(name, pa.string())) for name in names]))


def replace_reminders(day: date, rows: list[dict[str, Any]]) -> None:
    """What was owed on the morning of a day in ``REMINDER``, in place of what was written on it before."""
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    uri, kinds = lake.made(REMINDER), {"days_late": pa.int64()}
    kinds |= dict.fromkeys(("first", "last", "due"), pa.date32())
    names = ("owner", "table", "title", "period", "first", "last", "due", "days_late", "refused", "refused_because")
    schema = pa.schema([("day", pa.date32()), *((name, kinds.get(name, pa.string())) for name in names)])
    there = f"day = DATE '{day}'" if DeltaTable.is_deltatable(uri) else None
    write_deltalake(uri, pa.Table.from_pylist(rows, schema=schema), mode="overwrite", predicate=there)


def ask(table: str, query: str) -> list[dict[str, Any]]:
    """The answer of a query in DuckDB's SQL over ``rows``, the table of that name; nothing where there is none yet."""
    import duckdb
    from deltalake import DeltaTable

    uri = lake.table_uri(table)
    if not DeltaTable.is_deltatable(uri):
        return []
    with duckdb.connect() as connection:
        connection.register("rows", DeltaTable(uri).to_pyarrow_dataset())
        cursor = connection.execute(query)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _append(table: str, rows: list[dict[str, Any]], schema: Any = None) -> None:
    if not rows:
        return
    import pyarrow as pa
    from deltalake import write_deltalake

    write_deltalake(lake.made(table), pa.Table.from_pylist(rows, schema=schema), mode="append")
