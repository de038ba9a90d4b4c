"""Reads tables at their pinned versions; a table that does not exist yet is an empty one of its contract, and a column
that its contract has got since its last commit is empty."""

from __future__ import annotations

from functools import cached_property

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from citybrain import engine, lake
from citybrain.contracts import Contract
from citybrain.runner import state
from citybrain.runner.state import Pin

_SYSTEM = (
    "_receipt string, _load int, _file string, _sheet string, _row bigint, _received_at timestamp, "
    "_marks array<string>, _delivered map<string,string>"
)

FEW = 50_000  # keys; the rows of more are found by reading through


class Among:
    """The rows of some ``keys``: only they are asked for, where a table is large, and looked for by
    ``column``; a small one is given whole. The keys are fetched when the first table asks."""

    def __init__(self, keys: DataFrame, column: str) -> None:
        self._keys, self.column = keys, column

    @cached_property
    def keys(self) -> pa.Table | None:
        """None if they are too many, or of a kind that a reader does not look for."""
        keys = self._keys.limit(FEW + 1).toArrow()
        kind, none = keys.schema.field(self.column).type, keys[self.column].null_count
        is_known = pa.types.is_string(kind) or pa.types.is_date(kind) or pa.types.is_integer(kind)
        return keys if is_known and not none and keys.num_rows <= FEW else None


def empty(spark: SparkSession, contract: Contract) -> DataFrame:
    columns = ", ".join(f"`{f.name}` {f.sql_type}" for f in contract.fields)
    system = f", {_SYSTEM}" if contract.layer == "bronze" else ""
    return spark.createDataFrame([], columns + system)


def read_target(spark: SparkSession, contract: Contract, pin: Pin, only: Among | None = None) -> DataFrame:
    if pin.id is None:
        return empty(spark, contract)
    return _rows(spark, contract, pin, only).select(*contract.names)


def _rows(spark: SparkSession, contract: Contract, pin: Pin, only: Among | None) -> DataFrame:
    uri = lake.table_uri(contract.table)
    if only and state.is_large(contract.table, pin) and only.keys is not None:
        return completed(contract, engine.rows_among(spark, uri, pin.version, only.column, only.keys))
    return completed(contract, engine.read(spark, uri, pin.version))


def completed(contract: Contract, rows: DataFrame) -> DataFrame:
    """With the columns that the contract has and the table has not yet."""
    missing = [f for f in contract.fields if f.name not in rows.columns]
    return rows.select("*", *(F.lit(None).cast(f.sql_type).alias(f.name) for f in missing)) if missing else rows


def read_input(
    spark: SparkSession, contract: Contract, pin: Pin, current: bool = True, only: Among | None = None
) -> DataFrame:
    """All rows as of the pin, or those ``only`` asks for; of a source that delivers snapshots only those of the latest
    receipt, where it names a period those of the latest receipt of each. What was read anew of a receipt stands beside
    the rest of it: its rows are of several loads."""
    if pin.id is None:
        return empty(spark, contract)
    snapshot = contract.delivery if current and contract.delivery and contract.delivery.mode == "snapshot" else None
    rows = _rows(spark, contract, pin, None if snapshot else only)
    if snapshot:
        arrival = F.struct("_received_at", "_receipt")
        period = [snapshot.period] if snapshot.period else []
        last = F.broadcast(rows.groupBy(*period).agg(F.max(arrival).alias("_last")))
        both = rows.join(last, on=period) if period else rows.crossJoin(last)
        return both.filter(arrival.eqNullSafe(F.col("_last"))).select(*rows.columns)
    return rows
