"""Finds the rows of some thousand keys in a large Delta table on a local disk by reading the few places that hold them
(infra/decisions/0017)."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import pairwise
from urllib.parse import unquote

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder

from citybrain.duck import literal

Key = str | date | int

RANGES = 64  # a reader compares each row, or the bounds of each group of rows, with so many


def rows_among(table: DeltaTable, column: str, keys: pa.Table) -> pa.Table:
    """The rows of the table, in its columns, that equal one of the keys in their columns, as far as the table has them;
    nulls are equal. They are looked for by ``column``, which no key leaves empty: of texts, days or integers."""
    schema = pa.schema(table.schema().to_arrow())
    values: list[Key] = sorted(set(keys[column].to_pylist()))
    if not values:
        return schema.empty_table()
    if not marks_rows(table) or table.metadata().partition_columns:
        return _of_keys(_asked(table, column, values).cast(schema), keys)
    marked = _kept(table)
    parts = [p for file in map(_path, table.file_uris()) for p in _of_file(file, column, values, marked.get(file))]
    known = [part.cast(pa.schema([schema.field(name) for name in part.column_names])) for part in parts]
    return _of_keys(pa.concat_tables([schema.empty_table(), *known], promote_options="default"), keys)


def _of_keys(rows: pa.Table, keys: pa.Table) -> pa.Table:
    names = [name for name in keys.column_names if name in rows.column_names]  # the newest may still be missing
    same = " AND ".join(f'r."{name}" IS NOT DISTINCT FROM k."{name}"' for name in names)
    numbered = rows.select(names).append_column("_place", pa.array(np.arange(rows.num_rows)))
    with duckdb.connect() as db:
        db.register("numbered", numbered).register("keys", keys)
        found = db.execute(f"SELECT _place FROM numbered r SEMI JOIN keys k ON {same} ORDER BY 1").to_arrow_table()
    return rows.take(found["_place"])


def marks_rows(table: DeltaTable) -> bool:
    """Whether a row that is replaced is marked as deleted in its file, which is not written anew for its sake."""
    return "deletionVectors" in (table.protocol().reader_features or ())


def ranges(table: DeltaTable, column: str, values: Collection[Key]) -> list[tuple[Key, Key]]:
    """At most ``RANGES`` ranges, both ends included, that hold all values and few other rows of the table: they part
    where most groups of rows lie between two neighbours. Readers look at bounds for a range, not for a list."""
    wanted, begins = sorted(values), sorted(_begins(table, column))
    at = [bisect_left(begins, value) for value in wanted]
    between = [(after - before, place) for place, (before, after) in enumerate(pairwise(at), 1) if after > before]
    cuts = sorted(place for _, place in heapq.nlargest(RANGES - 1, between))
    return [(wanted[begin], wanted[end - 1]) for begin, end in pairwise([0, *cuts, len(wanted)]) if end]


def _begins(table: DeltaTable, column: str) -> Iterator[Key]:
    """Of each group of rows, as far as it is told, the least value."""
    for path in map(_path, table.file_uris()):
        with pq.ParquetFile(path) as file:
            place = _place(file, column)
            for number in range(file.num_row_groups):
                told = file.metadata.row_group(number).column(place).statistics
                if told and told.has_min_max:
                    yield told.min


def _place(file: pq.ParquetFile, column: str) -> int:
    return [file.schema.column(i).path for i in range(file.metadata.num_columns)].index(column)


def _asked(table: DeltaTable, column: str, values: Collection[Key]) -> pa.Table:
    """By DataFusion, which reads the pages that hold such a row. A list alone is no reason for it to look at pages."""
    listed = ", ".join(map(literal, values))
    query = f'SELECT * FROM rows WHERE "{column}" IN ({listed})'
    query += f' AND "{column}" BETWEEN {literal(min(values))} AND {literal(max(values))}'
    return pa.table(QueryBuilder().register("rows", table).execute(query).read_all())


def _kept(table: DeltaTable) -> dict[str, np.ndarray]:
    """For each file with rows that are marked as deleted, in the order of its rows, whether a row is still there. It
    may end before the file does: what follows is there."""
    marks = pa.table(table.deletion_vectors())
    masks = (mask.values.to_numpy(zero_copy_only=False) for mask in marks["selection_vector"])
    return dict(zip(map(_path, marks["filepath"].to_pylist()), masks, strict=True))


def _path(uri: str) -> str:
    return unquote(uri.removeprefix("file://"))


def _of_file(path: str, column: str, wanted: Sequence[Key], kept: np.ndarray | None) -> Iterator[pa.Table]:
    """From each group of rows that may hold a key, its keys; the other columns only if it does hold one. DataFusion
    reads the whole of every file of a table in which rows may be marked."""
    with pq.ParquetFile(path) as file:
        place, begin = _place(file, column), 0
        listed = pa.array(wanted, file.schema_arrow.field(column).type)
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            if _may_hold(group.column(place).statistics, wanted):
                keys = file.read_row_group(number, columns=[column])[column]
                here = pc.is_in(keys, listed).to_numpy()
                if kept is not None:
                    still = kept[begin : begin + group.num_rows]
                    here[: len(still)] &= still
                if here.any():
                    yield file.read_row_group(number).filter(pa.array(here))
            begin += group.num_rows


def _may_hold(told: pq.Statistics | None, wanted: Sequence[Key]) -> bool:
    if told is None or not told.has_min_max:
        return told is None or told.num_values > 0
    at = bisect_left(wanted, told.min)
    return at < len(wanted) and wanted[at] <= told.max
