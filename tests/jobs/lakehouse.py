"""A lake for tests: bronze rows written as ingest writes them (by delta-rs, with a change feed), and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from citybrain import contracts, lake
from citybrain.ingest import bronze_schema
from citybrain.runner import state
from citybrain.runner.build import Stage, build
from citybrain.runner.plan import plan
from citybrain.runner.publish import publish
from tests.lake import rows_of

CONTRACTS = contracts.load()


def deliver(table: str, rows: list[dict[str, Any]], receipt: str, nth: int = 0) -> None:
    """Appends rows of one receipt; columns not given are null. ``nth`` orders receipts in time."""
    received = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=nth)
    system = {"_receipt": receipt, "_load": 1, "_file": f"{receipt}.csv", "_received_at": received, "_marks": []}
    filled = [{**system, "_row": i + 2, **row} for i, row in enumerate(rows)]
    write_deltalake(
        lake.table_uri(table),
        pa.Table.from_pylist(filled, schema=bronze_schema(CONTRACTS[table])),
        mode="append",
        configuration={"delta.enableChangeDataFeed": "true"},
    )


def withdraw(table: str, receipt: str) -> None:
    DeltaTable(lake.table_uri(table)).delete(f"_receipt = '{receipt}'")


def interpreted(spark: SparkSession) -> SparkSession:
    """To compile a class for each step of a plan costs more than a few rows do; whole cities are run with it."""
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    spark.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    return spark


def build_and_publish(spark: SparkSession, tables: list[str]) -> dict[str, Stage]:
    """Without checks: what exactness is about, at a third of the cost. Gives what was published of each table."""
    published = {}
    for table in tables:
        intended = plan(CONTRACTS[table])
        if intended.extent != "nothing":
            stage = build(spark, intended, f"run-{table}-{intended.sequence}")
            if stage.is_empty:
                state.note_idle(table, intended.target, intended.inputs, intended.fingerprint)
            else:
                publish(spark, CONTRACTS[table], stage)
                published[table] = stage
    return published


def assert_equal_to_a_full_build(spark: SparkSession, *tables: str) -> None:
    for table in tables:
        stage = build(spark, plan(CONTRACTS[table], full=True), "again")
        assert stage.is_empty, (table, stage.counts)
        stage.drop()


def order(n: int, hour: int = 1, day: int = 1) -> dict[str, Any]:
    """A work order reported on the n-th of March, as it was changed on a day of April."""
    reported, changed = datetime(2026, 3, n, hour, tzinfo=UTC), datetime(2026, 4, day, tzinfo=UTC)
    return {"work_order_id": f"NH{n:014d}", "reported_at": reported, "town_code": "440605011", "updated_at": changed}


def latest(journal: str) -> list[tuple[Any, ...]]:
    """What a journal's last revisions say, without those that say that there is nothing any more."""
    key = CONTRACTS[journal].key
    last = {tuple(row[k] for k in key): row for row in sorted(rows_of(journal), key=lambda row: row["revision"])}
    said = [row for row in last.values() if any(row[v] is not None for v in ("numerator", "denominator", "value"))]
    names = [n for n in CONTRACTS[journal].names if n not in ("published_at", "revision")]
    return sorted((tuple(row[n] for n in names) for row in said), key=repr)


def content(table: str) -> list[tuple[Any, ...]]:
    """Every row of a table but for the runner's own clock, sorted."""
    names = [n for n in CONTRACTS[table].names if n != "published_at"]
    return sorted((tuple(row[n] for n in names) for row in rows_of(table)), key=repr)
