# ruff: noqa: T201  (a benchmark prints its figures)
"""How Spark's files of a large table are laid out (decision 0017): what they take on the disk, what finding a day's
keys reads, and what it costs to read them through.

`make bench`, or `pytest -s tests/bench/test_layout.py`; CITYBRAIN_BENCH_TABLE_ORDERS=200000 for smaller ones (of five
steps each). The layouts of infra/spark/spark-defaults.conf stand first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from citybrain import engine, lookup
from tests.bench.refresh import cpu_seconds
from tests.bench.test_publish import ORDERS, ROWS
from tests.measured import bytes_read, jvm

LAYOUTS = (  # writer, rows of a group, bytes of a dictionary, compression
    ("PARQUET_2_0", 4096, 4 << 10, "snappy"),
    ("PARQUET_2_0", 4096, 4 << 10, "zstd"),
    ("PARQUET_2_0", 4096, 1 << 20, "snappy"),
    ("PARQUET_2_0", 8192, 4 << 10, "snappy"),
    ("PARQUET_2_0", 2048, 4 << 10, "snappy"),
    ("PARQUET_1_0", 4096, 1 << 20, "snappy"),
)
ASKED = {"neither": ("false", "false"), "dictionaries": ("false", "true"), "indexes, too": ("true", "true")}


@pytest.mark.slow
def test_layouts(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    spark = engine.session("local[2]")
    orders = min(ORDERS, 1_000_000)
    ids = [orders - 1 - i * 977 % (orders // 2) for i in range(850)] + [i * 977 % (orders // 2) for i in range(150)]
    keys = sorted({f"NH{i:012}" for i in ids})
    print(f"\n{5 * orders:,} rows, {len(keys)} keys")
    _write(spark, str(tmp_path / "first"), 1_000, *LAYOUTS[0])  # the JVM compiles what it does for the first time
    for layout in LAYOUTS:
        writer, group, dictionary, codec = layout
        uri = str(tmp_path / "-".join(map(str, layout)))
        began = cpu_seconds()
        _write(spark, uri, orders, *layout)
        wrote = cpu_seconds() - began
        files = [file.removeprefix("file://") for file in DeltaTable(uri).file_uris()]
        before = bytes_read()
        assert lookup.rows_among(DeltaTable(uri), "order_id", pa.table({"order_id": keys})).num_rows == 5 * len(keys)
        found = bytes_read() - before
        size = sum(Path(file).stat().st_size for file in files)
        print(
            f"  {writer}, {group} rows a group, dictionaries of {dictionary >> 10} KB, {codec}: "
            f"{size / 1e6:.0f} MB, written in {wrote:.0f} CPU s; keys found by reading {found / 1e6:.0f} MB; "
            f"read through by DuckDB in {_read_through(files):.2f} CPU s"
        )
        read = {what: _read_for(spark, uri, keys, *filters) for what, filters in ASKED.items()}
        print("    of them Spark reads " + ", ".join(f"{b / 1e6:.0f} MB asking {what}" for what, b in read.items()))
        assert read["neither"] <= read["indexes, too"]
    spark.stop()


def _write(spark: SparkSession, uri: str, orders: int, writer: str, group: int, dictionary: int, codec: str) -> None:
    spark.conf.set("spark.sql.parquet.compression.codec", codec)
    settings = spark._jsc.hadoopConfiguration()
    settings.set("parquet.writer.version", writer)
    settings.set("parquet.block.row.count.limit", str(group))
    settings.set("parquet.dictionary.page.size", str(dictionary))
    rows = spark.sql(ROWS.format(word="意见", orders=f"SELECT id AS o, 'insert' AS _change FROM range({orders})"))
    marked = rows.drop("_change").write.format("delta").option("delta.enableDeletionVectors", "true")
    marked.save(uri)


def _read_through(files: Sequence[str]) -> float:
    with duckdb.connect(config={"threads": 1}) as db:
        began = time.process_time()
        db.execute(f"CREATE TABLE most AS SELECT max(COLUMNS(*)) FROM read_parquet({list(files)})")
        return time.process_time() - began


def _read_for(spark: SparkSession, uri: str, keys: Sequence[str], index: str, dictionary: str) -> int:
    """The bytes that Spark reads for the keys' own column, the second time."""
    settings = spark._jsc.hadoopConfiguration()
    settings.set("parquet.filter.columnindex.enabled", index)
    settings.set("parquet.filter.dictionary.enabled", dictionary)
    for _ in range(2):
        before = bytes_read(jvm())
        rows = spark.read.format("delta").load(uri).filter(F.col("order_id").isin(list(keys)))
        assert rows.agg(F.count("order_id")).head()[0] == 5 * len(keys)
    return bytes_read(jvm()) - before
