"""Reads tables at their pinned versions; a table that does not exist yet is an empty one of its contract."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from citybrain import engine, lake
from citybrain.contracts import Contract
from citybrain.runner.state import Pin

_SYSTEM = (
    "_receipt string, _load int, _file string, _sheet string, _row bigint, _received_at timestamp, "
    "_marks array<string>, _delivered map<string,string>"
)


def empty(spark: SparkSession, contract: Contract) -> DataFrame:
    columns = ", ".join(f"`{f.name}` {f.sql_type}" for f in contract.fields)
    system = f", {_SYSTEM}" if contract.layer == "bronze" else ""
    return spark.createDataFrame([], columns + system)


def read_target(spark: SparkSession, contract: Contract, pin: Pin) -> DataFrame:
    if pin.id is None:
        return empty(spark, contract)
    return engine.read(spark, lake.table_uri(contract.table), pin.version).select(*contract.names)


def read_input(spark: SparkSession, contract: Contract, pin: Pin, current: bool = True) -> DataFrame:
    """All rows as of the pin; of a source that delivers snapshots only those of the latest receipt, where it names a
    period those of the latest receipt of each. What was read anew of a receipt stands beside the rest of it: its rows
    are of several loads."""
    if pin.id is None:
        return empty(spark, contract)
    rows = engine.read(spark, lake.table_uri(contract.table), pin.version)
    if current and contract.delivery and contract.delivery.mode == "snapshot":
        arrival = F.struct("_received_at", "_receipt")
        period = [contract.delivery.period] if contract.delivery.period else []
        last = F.broadcast(rows.groupBy(*period).agg(F.max(arrival).alias("_last")))
        both = rows.join(last, on=period) if period else rows.crossJoin(last)
        return both.filter(arrival.eqNullSafe(F.col("_last"))).select(*rows.columns)
    return rows
