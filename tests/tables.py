"""Tables drawn as text. The first line names the table; its contract gives the types.

Blank cells, and columns not drawn, are null; a column the contract lacks is an error. ``rows`` gives a DataFrame
back in the same form, so that a test compares two pictures.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from citybrain import contracts
from citybrain.contracts import Contract

SHANGHAI = ZoneInfo("Asia/Shanghai")
CONTRACTS = contracts.load()
SYSTEM = {"_receipt": "string", "_load": "int", "_file": "string", "_sheet": "string", "_row": "bigint",
          "_received_at": "timestamp", "_marks": "array<string>", "_delivered": "map<string,string>"}  # fmt: skip


def instant(text: str) -> datetime:
    """A wall-clock time of Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def intervals(text: str) -> list[dict[str, datetime | None]]:
    pairs = [part.split("/") for part in text.split(",")] if text != "[]" else []
    return [{"begin": instant(a), "end": instant(b) if b else None} for a, b in pairs]


PARSE: dict[str, Any] = {
    "string": str,
    "text": str,
    "timestamp": instant,
    "date": date.fromisoformat,
    "double": float,
    "bigint": int,
    "int": int,
    "boolean": lambda t: {"true": True, "false": False}[t],
    "array<string>": lambda t: [] if t == "[]" else t.split(","),
    "map<string,string>": json.loads,
    "intervals": intervals,
}


def types_of(contract: Contract) -> dict[str, str]:
    own = {f.name: f.type for f in contract.fields}
    return {**own, **(SYSTEM if contract.layer == "bronze" else {})}


def draw(spark: SparkSession, drawing: str, contracts: dict[str, Contract] = CONTRACTS) -> DataFrame:
    """The table of the drawing: all of its contract's columns (and, in bronze, the system columns)."""
    name, *lines = drawing.strip().splitlines()
    header, *body = [[cell.strip() for cell in line.split("|")] for line in lines]
    contract = contracts[name.strip()]
    types = types_of(contract)
    if unknown := set(header) - set(types):
        raise ValueError(f"{name} has no column {sorted(unknown)}")
    records = [dict(zip(header, row, strict=True)) for row in body]
    data = [tuple(_cell(types[c], r.get(c, "")) for c in types) for r in records]
    sql = {f.name: f.sql_type for f in contract.fields}
    return frame(spark, data, ", ".join(f"`{c}` {sql.get(c, types[c])}" for c in types))


def frame(spark: SparkSession, data: list[tuple[Any, ...]], columns: str) -> DataFrame:
    """Rows as a DataFrame, by way of Arrow: from plain rows Spark would start a Python worker, a second each time."""
    schema = to_arrow_schema(StructType.fromDDL(columns))
    values = zip(*data, strict=True) if data else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
    return spark.createDataFrame(pa.Table.from_arrays(arrays, schema=schema))


def _cell(kind: str, text: str) -> Any:
    if not text:
        return None
    return Decimal(text) if kind.startswith("decimal") else PARSE[kind](text)


def rows(df: DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The chosen columns of every row, sorted, for comparison with ``rows`` of a drawing."""
    found = [tuple(row) for row in df.select(*columns).collect()]
    return sorted(found, key=repr)


def assert_same(built: DataFrame, expected: DataFrame, *columns: str) -> None:
    """Both tables hold the same rows in ``columns`` (all of the built table's if none is named)."""
    names = columns or tuple(built.columns)
    assert rows(built, *names) == rows(expected, *names)
