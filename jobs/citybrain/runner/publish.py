"""Commits a stage, once: the difference and the new state go into the table in the same commit."""

from __future__ import annotations

from pyspark.sql import SparkSession

from citybrain import engine, lake
from citybrain.contracts import Contract
from citybrain.runner import feed, state
from citybrain.runner.build import Stage
from citybrain.runner.reading import FEW


class StaleStageError(RuntimeError):
    """The table has moved on since the stage was built; build again."""


def publish(spark: SparkSession, contract: Contract, stage: Stage) -> int:
    """Publishes ``stage`` and returns the table's version. A second publish of the same stage does nothing.

    Raises StaleStageError when another publish came between, and RuntimeError if Delta did not commit this very stage.
    """
    last = state.state(contract.table)
    if last and last.run == stage.state.run:
        stage.drop()
        return state.pin(contract.table).version
    if (last.sequence if last else 0) != stage.state.sequence - 1:
        raise StaleStageError(
            f"{contract.table}: staged as step {stage.state.sequence}, but the table is at {last and last.sequence}"
        )
    uri = lake.table_uri(contract.table)
    engine.create(spark, uri, contract)
    if last:
        engine.add_columns(spark, uri, contract, last.to_json())
    change = spark.read.parquet(stage.uri).select(*contract.names, "_change")
    old = stage.counts["update"] + stage.counts["delete"]  # rows
    column = contract.looked_up_by
    with engine.commit(spark, stage.state.to_json(), f"citybrain:{contract.table}", stage.state.sequence):
        if not old:
            engine.insert(spark, uri, change.drop("_change"))
        elif column in contract.key and old <= FEW:
            engine.replace(spark, uri, change, contract.key, column)
        else:
            engine.merge(spark, uri, change, contract.key)
    now = state.state(contract.table)
    if now is None or now.run != stage.state.run:
        raise RuntimeError(f"{contract.table}: Delta did not commit run {stage.state.run}; the table says {now}")
    version = state.pin(contract.table).version
    feed.keep(stage, version)
    stage.drop()
    return version
