"""Reads tables at their pinned versions; a table that does not exist yet is an empty one of its contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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


def empty(spark: SparkSession, contract: Contract) -> DataFrame:
    columns = ", ".join(f"`{f.name}` {f.sql_type}" for f in contract.fields)
    system = f", {_SYSTEM}" if contract.layer == "bronze" else ""
    return spark.createDataFrame([], columns + system)


FEW = 50_000  # keys; the rows of more are found by reading through


@dataclass(frozen=True)
class Among:
    """Some values of a column: only rows that have them are asked for. A small table is given whole all the same."""

    column: str
    values: tuple[str | date | int, ...]


def among(keys: DataFrame, column: str) -> Among | None:
    """The values of a column; None if they are too many, or of a kind that a reader does not look for."""
    values = [row[0] for row in keys.select(column).distinct().limit(FEW + 1).collect()]
    if len(values) > FEW or not all(isinstance(value, str | date | int) for value in values):
        return None
    return Among(column, tuple(values))


def read_target(spark: SparkSession, contract: Contract, pin: Pin, only: Among | None = None) -> DataFrame:
    if pin.id is None:
        return empty(spark, contract)
    return _rows(spark, contract, pin, only).select(*contract.names)


def _rows(spark: SparkSession, contract: Contract, pin: Pin, only: Among | None) -> DataFrame:
    uri = lake.table_uri(contract.table)
    if only and state.is_large(contract.table, pin):
        return engine.rows_among(spark, uri, pin.version, only.column, only.values)
    return engine.read(spark, uri, pin.version)


def read_input(
    spark: SparkSession, contract: Contract, pin: Pin, current: bool = True, only: Among | None = None
) -> DataFrame:
    """All rows as of the pin, or those ``only`` asks for; of a source that delivers snapshots only those of the latest
    receipt, where it names a period those of the latest receipt of each. What was read anew of a receipt stands beside
    the rest of it: its rows are of several loads."""
    if pin.id is None:
        return empty(spark, contract)
    is_snapshot = current and contract.delivery and contract.delivery.mode == "snapshot"
    rows = _rows(spark, contract, pin, None if is_snapshot else only)
    if is_snapshot and contract.delivery:
        arrival = F.struct("_received_at", "_receipt")
        period = [contract.delivery.period] if contract.delivery.period else []
        last = F.broadcast(rows.groupBy(*period).agg(F.max(arrival).alias("_last")))
        both = rows.join(last, on=period) if period else rows.crossJoin(last)
        return both.filter(arrival.eqNullSafe(F.col("_last"))).select(*rows.columns)
    return rows
