# ruff: noqa: T201  (a benchmark prints its figures)
"""A day's difference brought into a large table: by MERGE, and by replacing rows (`engine.replace`).

`make bench`, or `pytest -s tests/bench/test_publish.py`; CITYBRAIN_BENCH_TABLE_ORDERS=400000 for a smaller table (of
five steps each). A day is 2,000 new orders and 1,000 changed ones, of which 150 are anywhere in the past. A large table
is as upkeep leaves one: in the order of its key, with deletion vectors; one of a sixtieth has none. Each way has two
days in turn; the second counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from citybrain import engine
from tests.bench.refresh import both_read, cpu_seconds

ORDERS = int(os.environ.get("CITYBRAIN_BENCH_TABLE_ORDERS", "6000000"))
KEY = ("order_id", "step")
COLUMNS = "order_id string, step int, node string, arrived_at timestamp, unit string, opinion string"
ROWS = """
    SELECT concat('NH', lpad(CAST(o AS STRING), 12, '0')) AS order_id, step, concat('n', step) AS node,
        timestamp_seconds(1.7e9 + o * 15 + step) AS arrived_at, concat('D', abs(hash(o, step)) % 97) AS unit,
        concat('{word}', hash(o, step) % 100000) AS opinion, _change
    FROM ({orders}) LATERAL VIEW explode(array(0, 1, 2, 3, 4)) AS step"""
DAY = """
    SELECT {orders} + {day} * 2000 + id AS o, 'insert' AS _change FROM range(2000)
    UNION ALL SELECT DISTINCT {orders} - 1 - pmod(xxhash64(id, {day}), {orders} DIV 6), 'update' FROM range(850)
    UNION ALL SELECT DISTINCT pmod(xxhash64(id, {day}, 1), {orders} * 5 DIV 6), 'update' FROM range(150)"""


@pytest.mark.slow
@pytest.mark.parametrize(("orders", "marks_rows"), [(ORDERS, "true"), (ORDERS // 60, "false")])
def test_a_days_difference(tmp_path, monkeypatch, orders, marks_rows):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    spark, uri = engine.session("local[2]"), str(tmp_path / "events")
    properties = f"'delta.enableDeletionVectors' = '{marks_rows}', 'delta.enableChangeDataFeed' = 'true'"
    spark.sql(f"CREATE TABLE delta.`{uri}` ({COLUMNS}) USING delta TBLPROPERTIES ({properties})")
    history = ROWS.format(word="意见", orders=f"SELECT id AS o, 'insert' AS _change FROM range({orders})")
    engine.insert(spark, uri, spark.sql(history).drop("_change"))
    print(f"\n{5 * orders:,} rows; a difference of 15,000, a third of them updates")
    ways = {"merge": engine.merge, "replace": lambda *given: engine.replace(*given, KEY[0])}
    for day in range(4):
        way = [*ways][day % 2]
        stage = str(tmp_path / f"stage{day}")
        spark.sql(ROWS.format(word="改", orders=DAY.format(orders=orders, day=day))).write.parquet(stage)
        cost = _measured(lambda way=way, stage=stage: ways[way](spark, uri, spark.read.parquet(stage), KEY))
        print(f"  {way:8} {cost[0]:6.1f} s  {cost[1]:6.1f} CPU s  {cost[2] / 1e6:8.1f} MB read")
    table = spark.read.format("delta").load(uri)
    assert table.count() == table.select(*KEY).distinct().count() == 5 * (orders + 4 * 2000)
    spark.stop()


def _measured(work: Callable[[], None]) -> tuple[float, float, int]:
    began, used, before = time.monotonic(), cpu_seconds(), both_read()
    work()
    return time.monotonic() - began, cpu_seconds() - used, both_read() - before
