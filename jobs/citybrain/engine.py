"""Everything that is particular to Spark with Delta, in one place.

Jobs take the session they are given. Whatever another engine behind Spark Connect would do differently (sessions, the
change feed, commit metadata, MERGE, OPTIMIZE) is a function here; transforms and the runner's logic know none of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from citybrain import lake, lookup
from citybrain.contracts import Contract, ContractError, Field
from citybrain.contracts.load import ROOT

FILES_LISTED = 1000  # at most so many are named one by one
FEED = {"delta.enableChangeDataFeed": "true", "delta.columnMapping.mode": "none"}
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_TXN_APP = "spark.databricks.delta.write.txnAppId"
_TXN_VERSION = "spark.databricks.delta.write.txnVersion"
_REPLACED_CHECK = "spark.databricks.delta.replaceWhere.constraintCheck.enabled"
_RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
_SORTING = {"spark.databricks.io.skipping.mdc.sortWithinFiles": "true",
            "spark.databricks.io.skipping.mdc.rangeId.max": "10000",
            "spark.databricks.delta.optimize.maxFileSize": str(64 << 20)}  # fmt: skip
_LISTING = "spark.sql.sources.parallelPartitionDiscovery.parallelism"
_EXACT_INSTANT = "yyyy-MM-dd HH:mm:ss.SSSSSSXXX"
OLD_IMAGES = ("delete", "update_preimage")
NEW_IMAGES = ("insert", "update_postimage")


class JavaMissingError(RuntimeError):
    """Spark cannot start here; the message says what to install."""

    exit_code = 4


def session(master: str | None = None, shuffle_partitions: int | None = None) -> SparkSession:
    """A session on ``CITYBRAIN_SPARK``: ``sc://host:port`` (a Spark Connect server) or a master such as ``local[2]``.

    Settings come from ``infra/spark/spark-defaults.conf``; the zone is Asia/Shanghai, so a date of an instant is
    Shanghai's. Raises JavaMissingError where a local session finds no JVM.
    """
    where = master or os.environ.get("CITYBRAIN_SPARK") or "local[2]"
    if where.startswith("sc://"):
        remote: SparkSession = SparkSession.builder.remote(where).getOrCreate()
        remote.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
        return remote
    return _local(where, shuffle_partitions)


def _local(master: str, shuffle_partitions: int | None) -> SparkSession:
    jars = sorted(Path(os.environ.get("CITYBRAIN_JARS") or ROOT / ".venvs" / "jars").glob("*.jar"))
    if not jars:
        raise JavaMissingError("Delta's jars are missing: run `make setup` (or set CITYBRAIN_JARS to their folder)")
    os.environ.setdefault("SPARK_CONF_DIR", str(ROOT / "infra" / "spark"))
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).config("spark.jars", ",".join(map(str, jars)))
    builder = builder.config("spark.driver.extraClassPath", ":".join(map(str, jars)))
    builder = builder.config("spark.sql.warehouse.dir", str(lake.folder("spark") / "warehouse"))
    if shuffle_partitions:
        builder = builder.config("spark.sql.shuffle.partitions", str(shuffle_partitions))
    try:
        local: SparkSession = builder.getOrCreate()
    except Exception as error:
        if "JAVA_GATEWAY_EXITED" in str(error) or isinstance(error, FileNotFoundError):
            message = "Java 17 or newer is missing or does not start: install openjdk-17-jre-headless, or set JAVA_HOME"
            raise JavaMissingError(message) from error
        raise
    return local


def ddl(contract: Contract) -> str:
    """The columns as Spark and Delta read them, with their Chinese titles as comments."""
    return _columns(contract.fields)


def _columns(fields: Iterable[Field]) -> str:
    return ", ".join(f"`{f.name}` {f.sql_type} COMMENT '{_quoted(_comment(f.title, f.unit))}'" for f in fields)


def _comment(title: str, unit: str | None) -> str:
    return f"{title}（{unit}）" if unit else title


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def create(spark: SparkSession, uri: str, contract: Contract) -> None:
    """The empty table with its comments, where there is none yet."""
    properties = ", ".join(f"'{k}'='{v}'" for k, v in FEED.items())
    partition = f"PARTITIONED BY ({', '.join(contract.partition)})" if contract.partition else ""
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS delta.`{uri}` ({ddl(contract)}) USING delta {partition} "
        f"COMMENT '{_quoted(contract.title)}' TBLPROPERTIES ({properties})"
    )


def add_columns(spark: SparkSession, uri: str, contract: Contract, metadata: str) -> None:
    """Gives the table the columns that its contract has got since it was made, in a commit that changes no row and
    carries ``metadata``; none where it has them all. Raises ContractError where one has changed its type."""
    there = {f.name: f.dataType for f in _schema(DeltaTable(uri))}
    wanted = spark.createDataFrame([], ddl(contract)).schema
    if retyped := [f.name for f in wanted if f.name in there and there[f.name] != f.dataType]:
        raise ContractError(
            f"{contract.table}: the contract gives {', '.join(retyped)} another type than the table has. "
            f"Give the column a new name; or remove {uri}, and the table is built anew"
        )
    if added := [f for f in contract.fields if f.name not in there]:
        with _set(spark, {_USER_METADATA: metadata}):
            spark.sql(f"ALTER TABLE delta.`{uri}` ADD COLUMNS ({_columns(added)})")


def read(spark: SparkSession, uri: str, version: int) -> DataFrame:
    """The table exactly as of ``version``: its files, as delta-rs lists them.

    Delta's own reader asks the log with Spark jobs of its own, for each table in each plan, which costs more than
    reading a small table does (infra/decisions/0016).
    """
    table = DeltaTable(uri, version=version) if "://" not in uri else None
    files = table.file_uris() if table else []
    if table is None or _is_more_than_files(table) or len(files) > FILES_LISTED:
        return spark.read.format("delta").option("versionAsOf", version).load(uri)
    return _of_files(spark, _schema(table), [unquote(file) for file in files])


def _schema(table: DeltaTable) -> StructType:
    """As Spark has it, told by delta-rs."""
    return StructType.fromJson(json.loads(table.schema().to_json()))


def _of_files(spark: SparkSession, schema: StructType, paths: Iterable[str]) -> DataFrame:
    literally = [re.sub(r"([*?{}\[\]\\])", r"\\\1", path) for path in paths]  # Spark takes a path for a pattern
    return spark.read.schema(schema).parquet(*literally) if literally else spark.createDataFrame([], schema)


def rows_among(spark: SparkSession, uri: str, version: int, column: str, keys: pa.Table) -> DataFrame:
    """The rows exactly as of ``version`` that are of some thousand keys, on a local disk (``lookup.rows_among``).

    They are found outside of Spark, which would bring every row to a join, or plan a condition for longer than it
    spares (infra/decisions/0017).
    """
    table = DeltaTable(uri, version=version)
    rows = lookup.rows_among(table, column, keys)
    known = rows if rows.num_rows else []  # Spark knows no columns without a chunk
    return spark.createDataFrame(known, _schema(table))


def _is_more_than_files(table: DeltaTable) -> bool:
    """Partitions stand in paths; column mapping and the like ask for a newer reader; rows are marked as deleted."""
    features = set(table.protocol().reader_features or ())
    if table.metadata().partition_columns or features - {"deletionVectors"}:
        return True
    return bool(features) and next(iter(table.deletion_vectors()), None) is not None


def changes(spark: SparkSession, uri: str, after: int, upto: int) -> DataFrame:
    """Row images of the commits ``after`` < version ≤ ``upto``, with ``_change_type`` (OLD_IMAGES, NEW_IMAGES)."""
    feed = spark.read.format("delta").option("readChangeFeed", "true")
    return feed.option("startingVersion", after + 1).option("endingVersion", upto).load(uri)


def differences(spark: SparkSession, uri: str, version: int, folders: Sequence[Path]) -> DataFrame:
    """The row images of published stages, as ``changes`` gives them: rows of the table as of ``version`` with
    ``_change`` (insert, update, delete) and the row before it as ``_old``."""
    row = _schema(DeltaTable(uri, version=version))
    staged = StructType([*row, StructField("_change", StringType()), StructField("_old", row)])
    rows = _of_files(spark, staged, map(str, folders))
    new = rows.filter("_change <> 'delete'").select(*row.names, F.lit("insert").alias("_change_type"))
    old = rows.filter("_change <> 'insert'").select("_old.*", F.lit("delete").alias("_change_type"))
    return new.unionByName(old)


def feed_is_gone(error: Exception) -> bool:
    """Whether reading changes failed because they are no longer (or never were) kept: then a full build is due."""
    text = str(error)
    return any(s in text for s in ("DELTA_MISSING_CHANGE_DATA", "DELTA_CHANGE_DATA_FILE_NOT_FOUND", "FILE_NOT_EXIST",
                                   "DELTA_FILE_NOT_FOUND", "DELTA_VERSION_NOT_FOUND", "DELTA_TRUNCATED_TRANSACTION_LOG",
                                   "INCOMPATIBLE_SCHEMA"))  # fmt: skip


@contextmanager
def commit(spark: SparkSession, metadata: str, app: str, sequence: int) -> Iterator[None]:
    """Commits made inside carry ``metadata`` and are skipped by Delta when ``sequence`` was committed before."""
    with _set(spark, {_USER_METADATA: metadata, _TXN_APP: app, _TXN_VERSION: str(sequence)}):
        yield


@contextmanager
def _set(spark: SparkSession, settings: dict[str, str]) -> Iterator[None]:
    for key, value in settings.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key in settings:
            spark.conf.unset(key)


def optimize(spark: SparkSession, uri: str, metadata: str) -> None:
    """Makes few files of many small ones, in a commit that changes no row and carries ``metadata``."""
    with _set(spark, {_USER_METADATA: metadata}):
        spark.sql(f"OPTIMIZE delta.`{uri}`").collect()


def mark_rows(spark: SparkSession, uri: str, metadata: str) -> None:
    """From now on a row that is replaced is marked as deleted in its file, which is not written anew for its sake.
    Commits as ``optimize`` does."""
    with _set(spark, {_USER_METADATA: metadata}):
        spark.sql(f"ALTER TABLE delta.`{uri}` SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")


def sort(spark: SparkSession, uri: str, column: str, metadata: str) -> None:
    """Puts all rows in the order of a column, so that those of a key stand in few places. Commits as ``optimize``."""
    with _set(spark, {_USER_METADATA: metadata, **_SORTING}):
        spark.sql(f"OPTIMIZE delta.`{uri}` ZORDER BY (`{column}`)").collect()


def vacuum(spark: SparkSession, uri: str, hours: int, metadata: str) -> None:
    """Deletes the files that no version of the last ``hours`` needs. The caller knows who still reads older ones."""
    listing = {_LISTING: "4"}  # by default ten thousand tasks look into the folder
    with _set(spark, {_USER_METADATA: metadata, _RETENTION_CHECK: "false", **listing}):
        spark.sql(f"VACUUM delta.`{uri}` RETAIN {hours} HOURS").collect()


def insert(spark: SparkSession, uri: str, rows: DataFrame) -> None:
    """Appends rows in one commit."""
    rows.createOrReplaceTempView("_stage")
    columns = ", ".join(f"`{c}`" for c in rows.columns)
    spark.sql(f"INSERT INTO delta.`{uri}` ({columns}) SELECT {columns} FROM _stage")


def merge(spark: SparkSession, uri: str, change: DataFrame, key: tuple[str, ...]) -> None:
    """Applies a difference (``_change`` is insert, update or delete) in one commit; keys may be null."""
    change.createOrReplaceTempView("_stage")
    columns = [c for c in change.columns if c != "_change"]
    match = " AND ".join(f"t.`{k}` <=> s.`{k}`" for k in key)
    update = ", ".join(f"t.`{c}` = s.`{c}`" for c in columns)
    names, values = ", ".join(f"`{c}`" for c in columns), ", ".join(f"s.`{c}`" for c in columns)
    spark.sql(
        f"MERGE INTO delta.`{uri}` t USING _stage s ON {match} "
        f"WHEN MATCHED AND s._change = 'delete' THEN DELETE WHEN MATCHED THEN UPDATE SET {update} "
        f"WHEN NOT MATCHED AND s._change <> 'delete' THEN INSERT ({names}) VALUES ({values})"
    )


def replace(spark: SparkSession, uri: str, change: DataFrame, key: tuple[str, ...], column: str) -> None:
    """Applies a difference that updates and deletes some thousand rows, as ``merge`` does; ``column`` is of the key.

    Delta looks for the old rows where that column is in a few ranges, then by the whole key, deletes them, and adds the
    new ones in the same commit. It reads no other column and moves no row; MERGE would shuffle the table
    (infra/decisions/0017). In the change feed an updated row is one deleted and one inserted.
    """
    whole = f"to_json(struct({', '.join(f'`{k}`' for k in key)}), map('timestampFormat', '{_EXACT_INSTANT}'))"
    exactly = f"md5({whole})"  # Delta writes the condition into its log, which whoever opens the table reads
    gone = change.filter("_change <> 'insert'").select(column, F.expr(exactly)).collect()
    values = {row[0] for row in gone} - {None}
    spans = lookup.ranges(DeltaTable(uri), column, values) if "://" not in uri else []
    near = [f"`{column}` BETWEEN {_said(first)} AND {_said(last)}" for first, last in spans]
    or_none = [f"`{column}` IS NULL"] if any(row[0] is None for row in gone) else []
    nearly = [f"`{column}` IN ({_listed(values)})", *or_none]
    where = f"({' OR '.join(nearly)}) AND {exactly} IN ({_listed(row[1] for row in gone)})"
    where += f" AND ({' OR '.join([*near, *or_none])})" if near else ""
    rows = change.filter("_change <> 'delete'").drop("_change")
    with _set(spark, {_REPLACED_CHECK: "false"}):  # new rows are of other keys, too
        rows.write.format("delta").mode("overwrite").option("replaceWhere", where).save(uri)


def _listed(values: Iterable[str | date | int]) -> str:
    return ", ".join(map(_said, values)) or "NULL"


def _said(value: str | date | int) -> str:
    """A value in Spark's SQL."""
    if isinstance(value, str):
        return f"'{_quoted(value)}'"
    return f"DATE '{value}'" if isinstance(value, date) else str(value)


def same(left: DataFrame, right: DataFrame, key: tuple[str, ...]) -> Column:
    """The join condition of equal keys; nulls are equal."""
    condition = F.lit(True)
    for name in key:
        condition = condition & left[name].eqNullSafe(right[name])
    return condition
