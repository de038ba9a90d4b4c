"""A lake for tests: bronze rows written as ingest writes them (by delta-rs, with a change feed), and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from citybrain import contracts, lake

CONTRACTS = contracts.load()
ARROW = {
    "string": pa.string(),
    "text": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
SYSTEM = pa.schema(
    [
        ("_receipt", pa.string()),
        ("_load", pa.int32()),
        ("_file", pa.string()),
        ("_sheet", pa.string()),
        ("_row", pa.int64()),
        ("_received_at", pa.timestamp("us", tz="UTC")),
        ("_marks", pa.list_(pa.string())),
        ("_delivered", pa.map_(pa.string(), pa.string())),
    ]
)


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("decimal"):
        precision, scale = kind[8:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    return ARROW[kind]


def deliver(table: str, rows: list[dict[str, Any]], receipt: str, nth: int = 0) -> None:
    """Appends rows of one receipt; columns not given are null. ``nth`` orders receipts in time."""
    schema = pa.schema([(f.name, _arrow(f.type)) for f in CONTRACTS[table].fields] + list(SYSTEM))
    received = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=nth)
    system = {"_receipt": receipt, "_load": 1, "_file": f"{receipt}.csv", "_received_at": received, "_marks": []}
    filled = [{**system, "_row": i + 2, **row} for i, row in enumerate(rows)]
    write_deltalake(
        lake.table_uri(table),
        pa.Table.from_pylist(filled, schema=schema),
        mode="append",
        configuration={"delta.enableChangeDataFeed": "true"},
    )


def withdraw(table: str, receipt: str) -> None:
    DeltaTable(lake.table_uri(table)).delete(f"_receipt = '{receipt}'")


def content(table: str) -> list[tuple[Any, ...]]:
    """Every row of a table but for the runner's own clock, sorted."""
    names = [n for n in CONTRACTS[table].names if n != "published_at"]
    rows = DeltaTable(lake.table_uri(table)).to_pyarrow_table(columns=names).to_pylist()
    return sorted((tuple(row[n] for n in names) for row in rows), key=repr)
