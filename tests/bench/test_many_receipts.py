# ruff: noqa: T201  (a benchmark prints its figures)
"""Many small receipts against one big one, read before and after `citybrain maintain`.

`make bench`, or `pytest -s tests/bench/test_many_receipts.py`; CITYBRAIN_BENCH_RECEIPTS=1000 for a smaller lake. Each
receipt of 100 rows is committed as ingest commits it. Each reading opens the table and adds up a column, in a process
of its own; start of the interpreter and imports are not counted, and the best of three stands. The runner's reading is
one, by the clock, for its work is done by another process: all rows, and what the last receipts brought. The aim is
that after upkeep the many read like the one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from citybrain import contracts, lake
from citybrain.ingest.schema import bronze_schema
from citybrain.ingest.write import Part, commit
from citybrain.maintain import maintain
from tests.measured import measured

RECEIPTS, ROWS = int(os.environ.get("CITYBRAIN_BENCH_RECEIPTS", "10000")), 100
TABLE = "bronze.centre__work_order"
SCHEMA = bronze_schema(contracts.load()[TABLE])
READ = (
    "import pyarrow as pa; from deltalake import DeltaTable, QueryBuilder",
    "query = QueryBuilder().register('orders', DeltaTable('{file}'));"
    "found = query.execute('SELECT count(work_order_id) AS n, sum(_row) AS s FROM orders').read_all();"
    "answer = list(pa.table(found).to_pylist()[0].values())",
)
READ_DUCKDB = (
    "from citybrain.duck import open_lake; db = open_lake()",
    "answer = list(db.execute(\"SELECT count(work_order_id), sum(_row)::int64 FROM delta_scan('{file}')\").fetchone())",
)
READ_RUNNER = (
    "from citybrain import engine; from deltalake import DeltaTable; from pyspark.sql import functions as F\n"
    "spark = engine.session('local[2]', 2); spark.range(1).count()",
    "rows = engine.read(spark, '{file}', DeltaTable('{file}').version());"
    "answer = list(rows.agg(F.count('work_order_id'), F.sum('_row')).first())",
)
LAST = 10  # receipts of which the change feed is read
READ_CHANGES = (
    READ_RUNNER[0],
    f"upto = DeltaTable('{{file}}').version(); rows = engine.changes(spark, '{{file}}', upto - {LAST}, upto);"
    "answer = [rows.count()]",
)


def orders(first: int, count: int) -> pa.Table:
    names = pa.array([f"NH{n:014d}" for n in range(first, first + count)])
    columns = {
        "work_order_id": names,
        "_row": pa.array(range(2, count + 2)),
        "_load": pa.array([1] * count, pa.int32()),
    }
    empty = {f.name: pa.nulls(count, f.type) for f in SCHEMA}
    return pa.table([{**empty, **columns}[f.name].cast(f.type) for f in SCHEMA], schema=SCHEMA)


def hand_in(number: int, rows: pa.Table, scratch: Path) -> None:
    path = scratch / "part.parquet"
    pq.write_table(rows, path)
    assert commit(TABLE, SCHEMA, [Part(path, rows.num_rows, path.stat().st_size, {})], f"R{number}", 1, "工单")


def once(way: tuple[str, str], home: Path) -> dict:
    return measured(way, home / "lake" / "bronze" / "centre__work_order", home)


def best(way: tuple[str, str], home: Path) -> dict:
    return min((once(way, home) for _ in range(3)), key=lambda m: m["cpu"])


def by_the_runner(home: Path) -> str:
    """What is told of its readings."""
    rows, feed = once(READ_RUNNER, home), once(READ_CHANGES, home)
    assert rows["answer"][0] == RECEIPTS * ROWS
    assert feed["answer"] == [LAST * ROWS]
    return (
        f"runner, before upkeep: all rows {rows['seconds']:.1f} s · changes of {LAST} receipts {feed['seconds']:.1f} s"
    )


@pytest.mark.slow
def test_many_small_receipts_read_like_a_big_one(tmp_path, monkeypatch):
    many, one = tmp_path / "many", tmp_path / "one"
    monkeypatch.setenv("CITYBRAIN_HOME", str(one))
    hand_in(0, pa.concat_tables([orders(n * ROWS, ROWS) for n in range(RECEIPTS)]), tmp_path)
    monkeypatch.setenv("CITYBRAIN_HOME", str(many))
    began = time.monotonic()
    for number in range(RECEIPTS):
        hand_in(number, orders(number * ROWS, ROWS), tmp_path)
    print(f"\n{RECEIPTS:,} receipts of {ROWS} rows committed in {time.monotonic() - began:.0f} s")
    ways = {"delta-rs": READ, "DuckDB": READ_DUCKDB}
    big = {name: best(way, one) for name, way in ways.items()}
    before = {name: best(way, many) for name, way in ways.items()}
    print(by_the_runner(many))
    began, cpu = time.monotonic(), time.process_time()
    (done,) = maintain([TABLE], keep_days=0)
    print(f"upkeep: {done.files_before:,} files → {done.files_after}, {time.process_time() - cpu:.1f} CPU s,"
          f" {time.monotonic() - began:.0f} s")  # fmt: skip
    after = {name: best(way, many) for name, way in ways.items()}
    for name in ways:
        assert before[name]["answer"] == after[name]["answer"]
        assert after[name]["answer"][0] == big[name]["answer"][0] == RECEIPTS * ROWS
        times = [found[name]["cpu"] for found in (big, before, after)]
        print(f"{name:<9} one big {times[0]:.3f} CPU s · many, before {times[1]:.3f} ({times[1] / times[0]:.1f} ×)"
              f" · after {times[2]:.3f} ({times[2] / times[0]:.2f} ×)")  # fmt: skip
        assert times[2] <= 2 * times[0] + 0.05
    rows = once(READ_RUNNER, many)
    assert rows["answer"] == after["delta-rs"]["answer"]
    print(f"runner, after upkeep: all rows {rows['seconds']:.1f} s, one big {once(READ_RUNNER, one)['seconds']:.1f} s")
    assert lake.home() == many
