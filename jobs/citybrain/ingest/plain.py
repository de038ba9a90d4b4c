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
from citybrain.ingest.source import has_few
from citybrain.ingest.write import DICTIONARY, ROWS_A_GROUP, ROWS_A_PAGE, Bounds, Part, in_differences, part_of

_AHEAD = pa.scalar(8 * 3600, pa.duration("s"))  # Shanghai's clocks are ahead of UTC by so much


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

    Columns that the file does not have, and a sheet, are not written: what a Parquet file lacks is null in Delta.
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
        if value is not None:
            rows = rows.append_column(name, _repeated(value, system_type(name), rows.num_rows))
    return write_part(rows, path)


def write_part(rows: pa.Table, path: Path) -> Part:
    """A Parquet file in which a few rows are found by reading a few pages. Columns of few distinct values get a
    dictionary, which is always read whole; where it is small, their pages are too short to be worth compressing. Bounds
    of their pages tell nothing; those of the file are told here."""
    few = [name for name in rows.column_names if has_few(rows[name])]
    flat = [
        name for name, kind in zip(rows.column_names, rows.schema.types, strict=True) if not pa.types.is_nested(kind)
    ]
    small = [name for name in few if not _has_large_dictionary(rows[name])]
    pq.write_table(
        rows,
        path,
        compression={name: "none" if name in small else "zstd" for name in flat},
        row_group_size=ROWS_A_GROUP,
        max_rows_per_page=ROWS_A_PAGE,
        write_page_index=True,
        write_statistics=[name for name in flat if name not in few],
        use_dictionary=few,
        column_encoding={name: "DELTA_BINARY_PACKED" for name in in_differences(rows.schema) if name not in few},
        store_schema=False,  # else a reader would take Arrow's types for those of the table
    )
    return part_of(path, {name: _bounds_of(rows[name]) for name in few if name in flat})


def _has_large_dictionary(column: pa.ChunkedArray) -> bool:
    return pa.types.is_dictionary(column.type) and any(c.dictionary.nbytes > DICTIONARY for c in column.chunks)


def _bounds_of(column: pa.ChunkedArray) -> Bounds:
    """Of a column of few distinct values."""
    values = column.unique()
    ends = pc.min_max(values.dictionary_decode() if pa.types.is_dictionary(values.type) else values)
    return Bounds(column.null_count, ends["min"].as_py(), ends["max"].as_py())


def _repeated(value: object, kind: pa.DataType, count: int) -> pa.Array:
    first = pa.repeat(pa.scalar(0, pa.int32()), count)
    one = pa.array([value], kind)
    return pa.DictionaryArray.from_arrays(first, one) if isinstance(value, str) else one.take(first)
