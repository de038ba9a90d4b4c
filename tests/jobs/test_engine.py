"""What is particular to Spark with Delta: a table read as its files is the table that Delta reads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from citybrain import engine, lake, lookup
from tests.jobs.lakehouse import deliver, withdraw
from tests.measured import bytes_read, jvm

TOWN = "bronze.reference__town"


def town(n: int) -> dict[str, object]:
    return {"town_code": f"44060501{n}", "town_name": f"镇{n}", "valid_from": date(2003, 1, 1)}


@pytest.mark.parametrize("at_most", [engine.FILES_LISTED, 1])
def test_every_version_is_read_as_delta_reads_it(spark, tmp_path, monkeypatch, at_most):
    monkeypatch.setattr(engine, "FILES_LISTED", at_most)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "甲 100% b"))
    deliver(TOWN, [town(1)], "R1")
    deliver(TOWN, [town(2), town(3)], "R2", nth=1)
    withdraw(TOWN, "R1")
    withdraw(TOWN, "R2")
    uri = lake.table_uri(TOWN)
    found = []
    for version in range(DeltaTable(uri).version() + 1):
        ours = engine.read(spark, uri, version)
        delta = spark.read.format("delta").option("versionAsOf", version).load(uri)
        assert ours.schema == delta.schema
        assert sorted(ours.collect()) == sorted(delta.collect())
        found.append(sorted(row.town_code for row in ours.collect()))
    assert found == [["440605011"], ["440605011", "440605012", "440605013"], ["440605012", "440605013"], []]


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("name", ["镇'1", 'a\\"b', "", "nobody"]),
        ("name", []),
        ("n", [-(2**60), 3]),
        ("day", [date(2003, 1, 1), date(1970, 1, 1)]),
    ],
)
def test_rows_among_values_are_those_that_a_filter_leaves(spark, tmp_path, column, values, marked):
    uri = str(tmp_path / "甲 100% b")
    spark.sql(
        f"CREATE TABLE delta.`{uri}` (name string, n bigint, day date, at timestamp, price decimal(18,2), `组` int,"
        " spans array<struct<begin: timestamp, words: array<string>>>, texts map<string, string>) USING delta"
        f" TBLPROPERTIES ('delta.enableDeletionVectors' = '{str(marked).lower()}')"
    )
    day, at = date(2003, 1, 1), datetime(2026, 3, 1, 9, 5, 0, 7, tzinfo=UTC)
    rows = [
        ("镇'1", 1, day, at, Decimal("12.30"), 1, [(at, ["a", None]), (None, None)], {"键": "值", "k": None}),
        ('a\\"b', -(2**60), None, None, None, None, None, None),
        ("", 2, date(1970, 1, 1), at, None, None, [], {}),
        (None, 3, day, at, None, None, None, {}),
        ("gone", 3, day, at, None, None, None, {}),
    ]
    table = spark.read.format("delta").load(uri)
    spark.createDataFrame(rows, table.schema).coalesce(1).write.format("delta").mode("append").save(uri)
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE name = 'gone'")
    kind = {"name": pa.string(), "n": pa.int64(), "day": pa.date32()}[column]
    found = engine.rows_among(spark, uri, 2, column, pa.table({column: pa.array(values, kind)}))
    filtered = engine.read(spark, uri, 2).filter(F.col(column).isin(values))
    assert found.schema == filtered.schema
    assert _sorted(found) == _sorted(filtered)
    assert len(_sorted(engine.rows_among(spark, uri, 1, "name", pa.table({"name": ["gone"]})))) == 1


def test_where_rows_may_be_marked_only_groups_that_hold_a_key_are_read(spark, tmp_path, monkeypatch):
    uri, read = str(tmp_path / "marked"), []
    in_group = int(spark.conf.get("spark.hadoop.parquet.block.row.count.limit"))
    spark.sql(
        f"CREATE TABLE delta.`{uri}` (n bigint) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"
    )
    for first, rows in ((0, 3 * in_group), (10**6, 10)):
        spark.range(first, first + rows, 1, 1).selectExpr("id AS n").write.format("delta").mode("append").save(uri)
    second = in_group + 7
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE n IN (3, {second})")
    read_group = pq.ParquetFile.read_row_group

    def noted(file, group, columns=None):
        read.append((group, columns))
        return read_group(file, group, columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", noted)
    version = DeltaTable(uri).version()
    for at, wanted, found, groups in (
        (version - 1, [second], [second], [1]),
        (version, [0, second, 10**6 + 5], [0, 10**6 + 5], [0, 0]),
        (version, [second, second + 1, 2 * in_group + 9], [second + 1, 2 * in_group + 9], [1, 2]),
        (version, [3], [], []),
        (version, [-1, 10**5], [], []),
    ):
        read.clear()
        rows = engine.rows_among(spark, uri, at, "n", pa.table({"n": wanted}))
        assert sorted(row.n for row in rows.collect()) == found
        assert [group for group, columns in read if columns is None] == groups


def test_to_look_for_keys_is_to_read_their_column(spark, tmp_path):
    """Neither an index nor a dictionary of each small group is read for the sake of a condition."""
    path, rows, in_group = str(tmp_path / "rows"), 100_000, 100
    moment = "timestamp_seconds(1.7e9 + id * 15) AS at"
    table = spark.range(0, rows, 1, 1).selectExpr(
        "concat('NH', lpad(id DIV 5, 12, '0')) AS n", moment, "uuid() AS text"
    )
    table.write.option("parquet.block.row.count.limit", in_group).parquet(path)
    (file,) = map(pq.ParquetFile, Path(path).glob("*.parquet"))
    assert file.num_row_groups == rows // in_group
    assert file.metadata.row_group(0).column(1).total_compressed_size < 3 * in_group, "moments stand as differences"

    def read(where: str) -> int:
        before = bytes_read(jvm())
        assert spark.read.parquet(path).where(where).agg(F.max("n")).head()[0]
        return bytes_read(jvm()) - before

    keys = ", ".join(f"'NH{n:012}'" for n in range(0, rows // 5, rows // 500))
    assert [read(f"n IN ({keys})"), read(f"n IN ({keys})")][1] < 2 * read("true")


def test_keys_in_order_take_less_than_a_byte_a_row(spark, tmp_path):
    path, rows = str(tmp_path / "rows"), 8_192
    spark.range(0, rows, 1, 1).selectExpr(
        "concat('NH', lpad(id DIV 5, 12, '0')) AS n", "concat('D', id % 97) AS unit"
    ).write.parquet(path)
    (file,) = map(pq.ParquetFile, Path(path).glob("*.parquet"))
    keys, units = map(file.metadata.row_group(0).column, (0, 1))
    assert keys.total_compressed_size < keys.num_values == 4_096
    assert (keys.has_dictionary_page, units.has_dictionary_page) == (False, True), "one is for columns of few values"


@pytest.mark.parametrize(("key", "column"), [(("name", "n"), "name"), (("day", "name", "at"), "day"), (("n",), "n")])
def test_replacing_rows_leaves_what_a_merge_leaves(spark, tmp_path, key, column):
    at, later = (datetime(2026, 3, 1, 9, 5, 0, micro, tzinfo=UTC) for micro in (7, 8))
    day, other = date(2003, 1, 1), date(1970, 1, 1)
    standing = [
        ("镇'1", 1, day, at, "old"),
        ("镇'1", 2, day, later, "stays"),
        ('a\\"b', 3, None, at, "old"),
        ("a", 4, other, None, "stays"),
        (None, 5, day, at, "old"),
        ("a", None, other, at, "gone"),
        ("", 7, day, None, "gone"),
    ]
    old = {row[:4] for row in standing if row[4] in ("old", "gone")}
    change = [(*row[:4], "new", "delete" if row[4] == "gone" else "update") for row in standing if row[:4] in old]
    change.append(("neu", 8, date(2026, 3, 1), at, "new", "insert"))
    left, feed = [], []
    for name, apply in (("merged", engine.merge), ("replaced", lambda *given: engine.replace(*given, column))):
        uri = str(tmp_path / name)
        spark.sql(
            f"CREATE TABLE delta.`{uri}` (name string, n bigint, day date, at timestamp, what string) USING delta"
            " TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true')"
        )
        table = spark.read.format("delta").load(uri)
        spark.createDataFrame(standing, table.schema).coalesce(1).write.format("delta").mode("append").save(uri)
        (file,) = DeltaTable(uri).file_uris()
        difference = spark.createDataFrame(
            change, "name string, n bigint, day date, at timestamp, what string, _change string"
        )
        with engine.commit(spark, '{"citybrain": 1}', "citybrain:test", 1):
            apply(spark, uri, difference, key)
        assert DeltaTable(uri).version() == 2
        assert DeltaTable(uri).history(1)[0]["userMetadata"] == '{"citybrain": 1}'
        assert DeltaTable(uri).transaction_version("citybrain:test") == 1
        assert file in DeltaTable(uri).file_uris()  # marked, not written anew
        left.append(_sorted(engine.read(spark, uri, 2)))
        images = engine.changes(spark, uri, 1, 2)
        kinds = [(images.filter(F.col("_change_type").isin(list(k)))) for k in (engine.OLD_IMAGES, engine.NEW_IMAGES)]
        feed.append([_sorted(kind.select(*table.columns)) for kind in kinds])
    assert left[0] == left[1]
    assert len(left[0]) == 6
    assert feed[0] == feed[1]


def _sorted(rows):
    return sorted(map(str, rows.collect()))


def test_to_replace_rows_is_to_read_the_keys_near_them(spark, tmp_path, monkeypatch):
    uri, rows = str(tmp_path / "rows"), 300_000
    spark.sql(
        f"CREATE TABLE delta.`{uri}` (n string, what bigint) USING delta"
        " TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"
    )
    keys = "concat(lpad(id, 6, '0'), sha2(string(id), 256)) AS n"  # which take their place
    stands = spark.range(0, rows, 1, 1).selectExpr(keys, "id AS what")
    stands.write.format("delta").mode("append").save(uri)

    def read(first: int) -> int:
        """What it takes to replace eight rows at the begin, in the middle and near the end."""
        ids = [place + n for place in (first, rows // 2 + first, rows - 100 + first) for n in range(8)]
        changed = spark.createDataFrame([(n,) for n in ids], "id bigint").selectExpr(keys, "-1L AS what")
        before = bytes_read(jvm())
        engine.replace(spark, uri, changed.withColumn("_change", F.lit("update")), ("n",), "n")
        return bytes_read(jvm()) - before

    read(0)  # the JVM gets to know what it does for the first time
    near = read(10)
    monkeypatch.setattr(lookup, "ranges", lambda table, column, values: [(min(values), max(values))])
    assert near < read(20) / 2
    left = spark.read.format("delta").load(uri)
    assert (left.count(), left.where("what = -1").count()) == (rows, 3 * 24)
