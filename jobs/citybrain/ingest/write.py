"""Commits to the lake by delta-rs: Parquet files that DuckDB wrote become part of a table, each load exactly once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    QueryBuilder,
    Schema,
    Transaction,
    WriterProperties,
)
from deltalake.transaction import AddAction, RemoveAction

from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.ingest.outcome import UsageError
from citybrain.ingest.schema import bronze_schema
from citybrain.lake import made, table_uri


@dataclass(frozen=True)
class Bounds:
    """Of a column: how many values are null; the least and the greatest, where they are known."""

    nulls: int
    low: Any = None
    high: Any = None


@dataclass(frozen=True)
class Part:
    """A Parquet file that is to become part of a table, with what its footer says of it."""

    path: Path
    rows: int
    size: int
    bounds: Mapping[str, Bounds]


def part_of(path: Path, told: Mapping[str, Bounds] | None = None) -> Part:
    """``told``: bounds of columns of which the footer tells none."""
    footer = pq.read_metadata(path)
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    columns = zip(*([group.column(j) for j in range(footer.num_columns)] for group in groups), strict=True)
    bounds = {chunks[0].path_in_schema: _bounds([chunk.statistics for chunk in chunks]) for chunks in columns}
    found = {name: its for name, its in bounds.items() if its}
    return Part(path, footer.num_rows, path.stat().st_size, {**found, **(told or {})})


def _bounds(found: Sequence[pq.Statistics | None]) -> Bounds | None:
    """Of all row groups; None where one of them does not tell its nulls."""
    told = [one for one in found if one and one.has_null_count]
    if len(told) < len(found):
        return None
    nulls = sum(one.null_count for one in told)
    filled = [one for one in told if one.num_values]
    if not filled or not all(one.has_min_max for one in filled):
        return Bounds(nulls)
    return Bounds(nulls, min(one.min for one in filled), max(one.max for one in filled))


# A day looks for a few keys among all (infra/decisions/0017): it reads the column of the key, and of the others the
# pages that hold one; but a dictionary is read whole. Smaller pages take longer to write.
ROWS_A_GROUP, ROWS_A_PAGE, DICTIONARY = 122_880, 4_000, 32 << 10
_AS_DIFFERENCES = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")


def in_differences(schema: pa.Schema) -> list[str]:
    """Columns to be written as differences from row to row, which takes less room and no longer."""
    kinds = (pa.types.is_integer, pa.types.is_timestamp, pa.types.is_date)
    return [field.name for field in schema if any(is_one(field.type) for is_one in kinds)]


def small_pages(schema: Schema) -> WriterProperties:
    """How delta-rs writes files in which a few rows can be found."""
    return WriterProperties(
        max_row_group_size=ROWS_A_GROUP,
        data_page_row_count_limit=ROWS_A_PAGE,
        write_batch_size=ROWS_A_PAGE,
        dictionary_page_size_limit=DICTIONARY,
        compression="ZSTD",
        column_properties={name: _AS_DIFFERENCES for name in in_differences(pa.schema(schema.to_arrow()))},
    )


def commit(
    table: str, schema: pa.Schema, parts: Sequence[Part], app: str, load: int, note: str, unbounded: Iterable[str] = ()
) -> bool:
    """Adds the parts in one commit under the application transaction (app, load); says whether it was not done yet."""
    delta = opened(table, schema, note)
    done = delta.transaction_version(app)
    if done is not None and done >= load:
        return False
    home = _folder(table)
    actions: list[AddAction | RemoveAction] = []
    for number, part in enumerate(parts):
        name = f"{app}-{load}-{number}.parquet"
        written = part.path.stat().st_mtime_ns // 1_000_000
        shutil.move(part.path, home / name)
        facts = json.dumps(_statistics(part, schema, set(unbounded)))
        actions.append(AddAction(name, part.size, {}, written, True, facts))
    delta.create_write_transaction(
        actions,
        mode="append",
        schema=Schema.from_arrow(schema),
        commit_properties=_properties(app, load),
    )
    return True


def loads(table: str, app: str) -> int:
    """The number of the last load of a receipt that the table holds, 0 for none."""
    uri = str(_folder(table))
    return (DeltaTable(uri).transaction_version(app) or 0) if DeltaTable.is_deltatable(uri) else 0


def receipts_with(table: str, where: str) -> set[str]:
    """The receipts that have rows for which a condition holds."""
    uri = str(_folder(table))
    if not DeltaTable.is_deltatable(uri):
        return set()
    query = QueryBuilder().register("t", DeltaTable(uri))
    found = pa.table(query.execute(f"SELECT DISTINCT _receipt FROM t WHERE {where}").read_all())
    return set(found["_receipt"].to_pylist())


def quarantined(table: str, receipt: str) -> list[dict[str, Any]]:
    """The quarantined rows of a receipt in their order."""
    uri = str(_folder(table))
    if not DeltaTable.is_deltatable(uri):
        return []
    query = QueryBuilder().register("t", DeltaTable(uri))
    found = query.execute(f'SELECT "row", "values", reasons FROM t WHERE receipt = \'{receipt}\' ORDER BY "row"')
    return pa.table(found.read_all()).to_pylist()  # type: ignore[no-any-return]


def findings_of(table: str, receipt: str, load: int, limit: int = 200_000) -> list[dict[str, Any]]:
    """What was found in a load, as ``ops.issue`` has it."""
    uri = str(_folder("ops.issue"))
    if not DeltaTable.is_deltatable(uri):
        return []
    query = QueryBuilder().register("t", DeltaTable(uri))
    found = query.execute(
        f"SELECT * FROM t WHERE receipt = '{receipt}' AND load = {load} AND \"table\" = '{table}' LIMIT {limit}"
    )
    return pa.table(found.read_all()).to_pylist()  # type: ignore[no-any-return]


def remove(table: str, where: str, app: str, load: int) -> int:
    """Deletes rows under the application transaction (app, load); gives how many. Nothing there, nothing done."""
    uri = str(_folder(table))
    if not DeltaTable.is_deltatable(uri):
        return 0
    return int(DeltaTable(uri).delete(where, commit_properties=_properties(app, load))["num_deleted_rows"])


def apply(table: str, differences: pa.Table, app: str, load: int) -> None:
    """Changes rows of a receipt in one commit. ``differences``: rows as they are to be, ``_gone`` where none is."""
    delta = DeltaTable(str(_folder(table)))
    of_receipt = f"t._receipt = '{app}' AND t._receipt = s._receipt"
    same = f"{of_receipt} AND t._row = s._row AND t._sheet IS NOT DISTINCT FROM s._sheet"
    merge = delta.merge(differences, same, source_alias="s", target_alias="t", commit_properties=_properties(app, load))
    row = {field.name: f"s.{field.name}" for field in delta.schema().fields}
    merge = merge.when_matched_delete("s._gone").when_matched_update(row)
    merge.when_not_matched_insert(row, "NOT s._gone").execute()


def rows_of(table: str, schema: pa.Schema, note: str, receipt: str) -> pa.RecordBatchReader:
    """The rows that a table holds of a receipt, in the columns of the schema."""
    columns = ", ".join(f'"{name}"' for name in schema.names)
    query = QueryBuilder().register("t", opened(table, schema, note))
    return pa.RecordBatchReader.from_stream(
        query.execute(f"SELECT {columns} FROM t WHERE _receipt = '{receipt}'")  # numbers of receipts hold no quotes
    )


def rows_apart(contract: Contract, receipts: Sequence[str], where: str) -> pa.RecordBatchReader | pa.Table:
    """The rows that bronze holds of other receipts, in the columns of the contract; nothing where there is no table."""
    schema = bronze_schema(contract)
    uri = str(_folder(contract.table))
    if not DeltaTable.is_deltatable(uri):
        return schema.empty_table()
    columns, apart = ", ".join(f'"{name}"' for name in schema.names), ", ".join(map(literal, receipts))
    query = QueryBuilder().register("t", opened(contract.table, schema, contract.title))
    return pa.RecordBatchReader.from_stream(
        query.execute(f"SELECT {columns} FROM t WHERE _receipt NOT IN ({apart}) AND {where}")
    )


def _properties(app: str, load: int) -> CommitProperties:
    return CommitProperties(
        app_transactions=[Transaction(app, load)], custom_metadata={"receipt": app, "load": str(load)}
    )


def _folder(table: str) -> Path:
    uri = table_uri(table)
    if "://" in uri:
        raise UsageError(f"入库目前只支持本地湖，不支持 {uri}")
    return Path(uri)


def opened(table: str, schema: pa.Schema, note: str) -> DeltaTable:
    """The table, made where it is missing, with the columns that the schema has and it had not."""
    uri = str(_folder(table))
    wanted = Schema.from_arrow(schema)
    if not DeltaTable.is_deltatable(uri):
        Path(made(table)).mkdir(exist_ok=True)
        feed = {"delta.enableChangeDataFeed": "true"} if table.startswith("bronze.") else {}
        return DeltaTable.create(uri, wanted, mode="ignore", name=table, description=note, configuration=feed)
    delta = DeltaTable(uri)
    there = {f.name: f.type for f in delta.schema().fields}
    if retyped := [f.name for f in wanted.fields if f.name in there and there[f.name] != f.type]:
        raise UsageError(f"{table} 的列 {retyped} 改了类型；已有数据的列不能直接改类型")
    if added := [f for f in wanted.fields if f.name not in there]:
        delta.alter.add_columns(added)
        return DeltaTable(uri)
    return delta


def _statistics(part: Part, schema: pa.Schema, skip: set[str]) -> dict[str, Any]:
    """Delta's file statistics: nulls of every column, least and greatest of those worth skipping by."""
    facts: dict[str, Any] = {"numRecords": part.rows, "minValues": {}, "maxValues": {}, "nullCount": {}}
    for field in schema:
        found = part.bounds.get(field.name)
        if not found:
            continue
        facts["nullCount"][field.name] = found.nulls
        low, high = _bound(found.low, field.type), _bound(found.high, field.type)
        if field.name not in skip and low is not None and high is not None:
            facts["minValues"][field.name], facts["maxValues"][field.name] = low, high
    return facts


def _bound(value: Any, kind: pa.DataType) -> object:
    """A bound in Delta's JSON form; None where it would not be exact, or there is none."""
    if value is None:
        return None
    if pa.types.is_string(kind):
        return value if len(value) <= 32 and value.isprintable() else None
    if pa.types.is_timestamp(kind):
        exact = value.microsecond % 1000 == 0
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z" if exact else None
    if pa.types.is_integer(kind):
        return value
    return value.isoformat() if pa.types.is_date(kind) else None
