"""Stages a table's difference: the rows that a publish will insert, update or delete, and nothing else.

Whatever the kind of build, it ends in the same thing, a difference by key against the table as it is. The kinds differ
in how far they look: at everything, at the touched keys, or at the cells that changed facts add to.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from citybrain import contracts, engine, lake
from citybrain.contracts import Contract
from citybrain.runner import feed, journal, shares, state
from citybrain.runner.plan import Plan, is_followed
from citybrain.runner.reading import Among, completed, read_input, read_target
from citybrain.runner.state import Pin, State
from citybrain.runner.transform import contributions, summed, transform


@dataclass(frozen=True)
class Stage:
    """A difference on disk, and all that its publish needs to know."""

    table: str
    state: State
    target: Pin
    counts: dict[str, int]  # insert, update, delete
    extent: str
    reason: str

    @property
    def uri(self) -> str:
        return f"{lake.lake_uri()}/_stage/{self.table}/{self.state.run}"

    @property
    def is_empty(self) -> bool:
        return not any(self.counts.values())

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def load(table: str) -> Stage | None:
        """The stage that waits for check or publish."""
        path = _manifest(table)
        if not path.exists():
            return None
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        inner = document.pop("state")
        inputs = {name: Pin(**pin) for name, pin in inner.pop("inputs").items()}
        target = Pin(**document.pop("target"))
        return Stage(state=State(inputs=inputs, **inner), target=target, **document)

    def forget(self) -> None:
        """From now on it waits neither for check nor for publish; its files stay."""
        _manifest(self.table).unlink(missing_ok=True)

    def drop(self) -> None:
        """Forgets the stage; its files are only ever this run's."""
        self.forget()
        shutil.rmtree(Path(self.uri).parent, ignore_errors=True)


def _manifest(table: str) -> Path:
    return lake.folder("stage") / f"{table}.json"


def build(spark: SparkSession, plan: Plan, run: str) -> Stage:
    """Computes and stages the difference that ``plan`` asks for. An earlier stage of the table is dropped."""
    if old := Stage.load(plan.contract.table):
        old.drop()
    after = State(run, plan.sequence, plan.fingerprint, plan.inputs)
    stage = Stage(plan.contract.table, after, plan.target, {}, plan.extent, plan.reason)
    try:
        stage = _written(spark, plan, stage)
    except Exception as error:
        if stage.extent == "full" or not engine.feed_is_gone(error):
            raise
        stage = replace(stage, extent="full", reason="the change feed of an input is gone")
        stage = _written(spark, plan, stage)
    state.write_atomically(_manifest(stage.table), stage.to_json())
    return stage


def settled(plan: Plan, stage: Stage) -> bool:
    """Whether the table is already as it is to be; then the stage goes, and that it was looked at is remembered."""
    if not (stage.is_empty and plan.target.id):
        return False
    state.note_idle(stage.table, plan.target, plan.inputs, plan.fingerprint)
    stage.drop()
    return True


def _written(spark: SparkSession, plan: Plan, stage: Stage) -> Stage:
    """Writes the difference to the stage's folder; adds how many rows change in which way, and the shares then."""
    none = {"insert": 0, "update": 0, "delete": 0}
    if plan.contract.build == "journal":
        return replace(stage, counts=none | {"insert": journal.stage(plan, stage.uri)})
    _difference(spark, plan, stage.extent).write.mode("overwrite").parquet(stage.uri)
    spark.catalog.clearCache()  # what was kept for this difference; a server that stays would keep it for ever
    count, moved = F.count(F.lit(1)), shares.moved(plan.contract)
    found = spark.read.parquet(stage.uri).groupBy("_change").agg(count, *moved).collect()
    stage = replace(stage, counts=none | {row[0]: row[1] for row in found})
    if stage.is_empty:
        return stage
    difference = [sum(more) for more in zip(*(row[2:] for row in found), strict=True)]
    return replace(stage, state=replace(stage.state, shares=shares.after(spark, plan, stage.extent, difference)))


def _difference(spark: SparkSession, plan: Plan, extent: str) -> DataFrame:
    contract = plan.contract
    if extent == "full":
        return compare(contract, read_target(spark, contract, plan.target), transform(contract, _whole(spark, plan)))
    if contract.build == "cube":
        return _cube(spark, plan)
    return _merge(spark, plan)


def _whole(spark: SparkSession, plan: Plan) -> dict[str, DataFrame]:
    return {name: read_input(spark, contracts.load()[name], pin) for name, pin in plan.inputs.items()}


def compare(contract: Contract, old: DataFrame, new: DataFrame) -> DataFrame:
    """Rows that differ between two states of a table (or of a part of it), with ``_change``, the ``_old`` row, and what
    ``shares`` needs.

    Rows of a repeated key are staged even where they equal the old ones, so that the check sees them.
    """
    key = contract.key
    names = contract.names
    was = [F.array(*shares.marks(contract)).alias(shares.WAS)] if contract.shares else []
    o = old.select(*[F.col(k).alias(f"o_{k}") for k in key], F.struct(*names).alias("_old"), *was)
    times = F.count(F.lit(1)).over(Window.partitionBy(*key)).alias("_times")
    n = new.select(*[F.col(k).alias(f"n_{k}") for k in key], F.struct(*names).alias("_new"), times)
    change = F.when(F.col("_old").isNull(), "insert").when(F.col("_new").isNull(), "delete").otherwise("update")
    differs = ~F.col("_old").eqNullSafe(F.col("_new")) | (F.col("_times") > 1)
    rows = o.join(n, on=_equal(key), how="full").filter(differs)
    extra = ["_change", "_old", shares.WAS] if was else ["_change", "_old"]
    staged = rows.withColumn("_change", change).select(F.coalesce("_new", "_old").alias("_row"), *extra)
    return staged.select("_row.*", *extra)


def _equal(key: tuple[str, ...]) -> Column:
    """Old and new rows of one key; nulls in a key are equal."""
    return reduce(lambda a, b: a & b, [F.col(f"o_{k}").eqNullSafe(F.col(f"n_{k}")) for k in key])


def _merge(spark: SparkSession, plan: Plan) -> DataFrame:
    """All rows of the touched keys, computed anew from the rows of those keys, against what stands."""
    contract, declared = plan.contract, contracts.load()
    keys = _touched(spark, plan).persist()
    only = Among(keys, contract.per[0])

    def touched(rows: DataFrame) -> DataFrame:
        return rows.join(F.broadcast(keys), on=list(contract.per), how="left_semi")

    inputs = {
        name: touched(read_input(spark, declared[name], pin, only=only))
        if is_followed(contract, name)
        else read_input(spark, declared[name], pin)
        for name, pin in plan.inputs.items()
    }
    old = touched(read_target(spark, contract, plan.target, only))
    return compare(contract, old, transform(contract, inputs))


def _touched(spark: SparkSession, plan: Plan) -> DataFrame:
    """The ``per`` keys of all row images of followed inputs, and of the rows that a changed lookup is seen through."""
    contract, per = plan.contract, list(plan.contract.per)
    found: list[DataFrame] = []
    for name in plan.changed:
        images = _images(spark, contracts.load()[name], plan.consumed.get(name, Pin(None, -1)), plan.inputs[name])
        if is_followed(contract, name):
            found.append(images.select(*per))
        else:
            column, target = contract.via[name], read_target(spark, contract, plan.target)
            found.append(target.join(images.select(column).distinct(), on=column, how="left_semi").select(*per))
    return reduce(DataFrame.unionByName, found).distinct()


def _images(spark: SparkSession, contract: Contract, before: Pin, now: Pin) -> DataFrame:
    """Old and new images of an input's rows since ``before``; all rows as inserted where it did not exist then."""
    if before.id is None:
        return read_input(spark, contract, now, current=False).withColumn("_change_type", F.lit("insert"))
    return completed(contract, feed.images(spark, contract, before, now))


def _cube(spark: SparkSession, plan: Plan) -> DataFrame:
    """Old images of the facts count −1, new ones +1; touched cells get the sum added, emptied cells go."""
    contract, (fact,) = plan.contract, plan.contract.inputs
    images = _images(spark, contracts.load()[fact], plan.consumed.get(fact, Pin(None, -1)), plan.inputs[fact])
    signed = [
        contributions(contract, {fact: images.filter(F.col("_change_type").isin(list(kinds)))}).withColumn(
            "_sign", F.lit(sign)
        )
        for kinds, sign in ((engine.OLD_IMAGES, -1), (engine.NEW_IMAGES, 1))
    ]
    moved = summed(contract, reduce(DataFrame.unionByName, signed), sign="_sign").persist()
    only = Among(moved.select(*contract.key), contract.looked_up_by) if contract.looked_up_by else None
    near = read_target(spark, contract, plan.target, only)
    old = near.join(F.broadcast(moved), on=engine.same(near, moved, contract.key), how="left_semi")
    sums = [F.sum(m.name).cast(m.sql_type).alias(m.name) for m in contract.measures]
    new = old.unionByName(moved).groupBy(*contract.key).agg(*sums).filter("row_count <> 0")
    return compare(contract, old, new.select(*contract.names))
