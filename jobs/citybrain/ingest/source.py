"""The rows of a delivered file, in order, as text: the same shape whether it came as CSV or as a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

T = TypeVar("T")
SEGMENT_BYTES = 64 << 20  # text of the rows that are judged at a time


@dataclass(frozen=True)
class Ragged:
    """A row whose number of cells is not the header's."""

    row: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    """Some rows of the table: columns c0…cn (string, or a dictionary of strings) and _row (the number a person sees);
    and rows of another width."""

    rows: pa.Table
    ragged: tuple[Ragged, ...] = ()


class Source(Protocol):
    """A table in a file."""

    sheet: str | None
    encoding: str | None
    delimiter: str | None

    def preview(self, count: int) -> list[list[str | None]]:
        """The first rows, as many cells wide as each is."""

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        """The rows from number ``first`` (1-based) on, ``width`` cells wide, in order."""


def ahead(segments: Iterator[T]) -> Iterator[T]:
    """The same segments; while one is judged the next is made. The thread ends with the last of them."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, segments, None)
        while (segment := coming.result()) is not None:
            coming = pool.submit(next, segments, None)
            yield segment


def condensed(rows: pa.Table) -> pa.Table:
    """The same with dictionaries for the columns of few distinct texts, and for no others."""
    for place, name in enumerate(rows.column_names):
        column = rows[name]
        has_one = pa.types.is_dictionary(column.type)
        if name != "_row" and has_few(column):
            texts = encoded(column)
            # The first rows may mislead, and the writer puts the dictionary into every row group.
            if len(texts.dictionary) * 16 < len(texts):
                rows = rows.set_column(place, name, texts)
            elif has_one:
                rows = rows.set_column(place, name, column.cast(pa.string()))
    return rows


def encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The column in one piece, with one dictionary."""
    texts = column.unify_dictionaries().combine_chunks()
    return texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()


def has_few(column: pa.ChunkedArray) -> bool:
    """Few distinct values, as far as the first rows tell: worth a dictionary."""
    if pa.types.is_dictionary(column.type) or pa.types.is_nested(column.type):
        return True
    sample = column[:4096]
    return bool(pc.count_distinct(sample).as_py() * 16 < len(sample))


def names(width: int) -> list[str]:
    return [f"c{i}" for i in range(width)]


def segment_of(rows: list[list[str | None]], numbers: list[int], width: int) -> pa.Table:
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(width)]
    return pa.table([*columns, pa.array(numbers, pa.int64())], names=[*names(width), "_row"])
