"""Rows that are plainly as agreed, in Arrow: their text becomes values at once, and a Parquet file of bronze.

Arrow casts and writes such rows in half the time that DuckDB takes: it need not ask whether each text can be cast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from citybrain.contracts import Field
from citybrain.ingest.cells import kind_of
from citybrain.ingest.findings import Origin
from citybrain.ingest.schema import arrow_type, system_type
from citybrain.ingest.write import ROWS_A_GROUP, ROWS_A_PAGE, Part, in_differences, part_of

_AHEAD = pa.scalar(8 * 3600, pa.duration("s"))  # Shanghai's clocks are ahead of UTC by so much


def condensed(rows: pa.Table) -> pa.Table:
    """The same with dictionaries for the columns that have few distinct texts."""
    for place, name in enumerate(rows.column_names):
        if _has_few(rows[name]):
            column = rows[name].combine_chunks().dictionary_encode()
            # The first rows may mislead, and the writer puts the dictionary into every row group.
            if name != "_row" and len(column.dictionary) * 16 < len(column):
                rows = rows.set_column(place, name, column)
    return rows


def texts_of_few(rows: pa.Table) -> pa.Table:
    """The distinct texts (t) of the columns (c) that have dictionaries."""
    of = {f.name: rows[f.name].chunk(0).dictionary for f in rows.schema if pa.types.is_dictionary(f.type)}
    columns = [pa.repeat(pa.scalar(name), len(texts)) for name, texts in of.items()]
    return pa.table({"c": pa.chunked_array(columns, pa.string()), "t": pa.chunked_array([*of.values()], pa.string())})


def with_texts(rows: pa.Table, texts: pa.Table) -> pa.Array:
    """The numbers of the rows in which any of the texts (c, t) stands."""
    found = pa.array([], pa.int64())
    for column in texts["c"].unique().to_pylist():
        mine = texts.filter(pc.equal(texts["c"], column))["t"].combine_chunks()
        hit = pc.is_in(rows[column].cast(pa.string()), mine)
        found = pa.concat_arrays([found, rows["_row"].filter(hit).combine_chunks()])
    return found


def without(rows: pa.Table, numbers: Sequence[pa.Array]) -> pa.Table:
    """The rows but for those with the given numbers."""
    return rows.filter(pc.invert(pc.is_in(rows["_row"], pa.concat_arrays(numbers)))) if any(map(len, numbers)) else rows


def only(rows: pa.Table, numbers: Sequence[pa.Array]) -> pa.Table:
    return rows.filter(pc.is_in(rows["_row"], pa.concat_arrays(numbers)))


def typed(rows: pa.Table, fields: Sequence[Field], raw: Mapping[str, str]) -> pa.Table:
    """The values of text that is plainly as agreed (``cells.is_plain``), under the names of the fields; instants in UTC
    and without a zone, as ``cells.cast_value`` gives them."""
    columns = {f.name: _values(rows[raw[f.name]], f) for f in fields}
    return pa.table({**columns, "_row": rows["_row"]})


def _values(text: pa.ChunkedArray, field: Field) -> pa.ChunkedArray:
    kind = kind_of(field)
    if pa.types.is_string(arrow_type(field)):
        return text
    text = text.cast(pa.string())
    if kind == "boolean":
        return pc.equal(text, "是")
    if kind == "timestamp":
        return pc.subtract(text.cast(pa.timestamp("us")), _AHEAD)
    return text.cast(arrow_type(field))


def write(rows: pa.Table, unsound: pa.Array, origin: Origin, path: Path) -> Part:
    """Writes typed rows, but for the unsound, as a part of bronze; what is the same in all of them is added.

    Columns that the file does not have are not written: what a Parquet file lacks is null in Delta.
    """
    rows = without(rows, [unsound])
    same = {
        "_receipt": origin.receipt,
        "_load": origin.load,
        "_file": origin.file,
        "_sheet": origin.sheet,
        "_received_at": origin.received_at,
        "_marks": [],
        "_delivered": {},
    }
    instants = [
        (n, pa.timestamp("us", "UTC") if pa.types.is_timestamp(t) else t)
        for n, t in zip(rows.schema.names, rows.schema.types, strict=True)
    ]
    rows = rows.cast(pa.schema(instants))
    for name, value in same.items():
        rows = rows.append_column(name, _repeated(value, system_type(name), rows.num_rows))
    return write_part(rows, path)


def write_part(rows: pa.Table, path: Path) -> Part:
    """A Parquet file in which a few rows are found by reading a few pages. A dictionary, which is always read whole, is
    for columns of few distinct values."""
    few = [name for name in rows.column_names if _has_few(rows[name])]
    pq.write_table(
        rows,
        path,
        compression="zstd",
        row_group_size=ROWS_A_GROUP,
        max_rows_per_page=ROWS_A_PAGE,
        write_page_index=True,
        use_dictionary=few,
        column_encoding={name: "DELTA_BINARY_PACKED" for name in in_differences(rows.schema) if name not in few},
        store_schema=False,  # else a reader would take Arrow's types for those of the table
    )
    return part_of(path)


def _has_few(column: pa.ChunkedArray) -> bool:
    """Few distinct values, as far as the first rows tell: worth a dictionary."""
    if pa.types.is_dictionary(column.type) or pa.types.is_nested(column.type):
        return True
    sample = column[:4096]
    return bool(pc.count_distinct(sample).as_py() * 16 < len(sample))


def _repeated(value: object, kind: pa.DataType, count: int) -> pa.Array:
    first = pa.repeat(pa.scalar(0, pa.int32()), count)
    one = pa.array([value], kind)
    return pa.DictionaryArray.from_arrays(first, one) if isinstance(value, str) else one.take(first)
