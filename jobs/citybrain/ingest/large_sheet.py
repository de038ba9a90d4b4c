"""A sheet of many rows in .xlsx: read by fastexcel, column by column, where that tells each cell exactly.

fastexcel gives columns of one type each, in Arrow, in a third of the time that it takes to have the same cells from
calamine as Python's objects. What it cannot give so, a column of texts and numbers say, calamine reads: see
infra/decisions/0022.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fastexcel
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citybrain.ingest.sheet_source import BATCH, SheetSource, gathered, whole
from citybrain.ingest.sheet_text import column_texts
from citybrain.ingest.source import Segment, names

Cells = Mapping[int, Mapping[int, str]]  # row, as a person counts → column, from 0 → what stands there

_ASKED_FOR = 4_000_000  # cells without a value of which fastexcel is asked whether they are empty
_TEXT, _MOMENT = pa.string(), pa.timestamp("ms")
_EXACT = {_TEXT, pa.bool_(), pa.float64(), _MOMENT}
# What is before may be a time without a day; what is behind is in no calendar. A workbook knows no zones.
_EARLIEST, _LATEST = (pa.scalar(dt.datetime(year, 1, 3), _MOMENT) for year in (1904, 9999))  # noqa: DTZ001
_WORD = re.compile(r"String\(\"([^\"\\]*)\"\)'?$")

logging.getLogger("fastexcel").setLevel(logging.ERROR)  # that a column is empty is no warning


class LargeSheet(SheetSource):
    """``head``: the same sheet, cut after its first rows; its first and its last column are not empty there."""

    def __init__(self, path: Path, head: Any, errors: Cells, since_1904: bool, hidden: Sequence[int]) -> None:
        super().__init__(head, errors, since_1904, hidden)
        self._path = path

    def preview(self, count: int) -> list[list[str | None]]:
        return super().preview(count) if count <= self._sheet.end[0] + 1 else self._by_calamine().preview(count)

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        columns = None if self._is_mixed(first) else _loaded(self._path, self._sheet.name, first, self._errors)
        return gathered(columns.tables(width)) if columns else self._by_calamine().segments(width, first)

    def _by_calamine(self) -> SheetSource:
        return SheetSource(whole(self._path, self._sheet.name), self._errors, self.since_1904)

    def _is_mixed(self, first: int) -> bool:
        """Are there cells of two types in a column, as far as the first rows tell?"""
        rows = itertools.islice(self._sheet.iter_rows(), first - 1, None)
        kinds = ({_kind(cell) for cell in column if cell != ""} for column in zip(*rows, strict=True))
        return any(len(kind) > 1 for kind in kinds)


def _kind(cell: object) -> type:
    return dt.date if isinstance(cell, dt.date) else type(cell)


class _Columns:
    """``batch``: the rows from number ``first`` on; ``words``: what stands in cells that are null in it."""

    def __init__(self, batch: pa.RecordBatch, first: int, words: Cells) -> None:
        self._batch = batch
        self._first = first
        by_column: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for row in sorted(words):
            for column, word in words[row].items():
                by_column[column].append((row - first, word))
        self._words = {c: (np.array([at for at, _ in w]), [word for _, word in w]) for c, w in by_column.items()}

    def tables(self, width: int) -> Iterator[pa.Table]:
        """The rows in which anything stands, with their numbers; so many columns of them."""
        step = max(BATCH // width, 1)
        for begin in range(0, self._batch.num_rows, step):
            count = min(step, self._batch.num_rows - begin)
            columns = [self._texts(column, begin, count) for column in range(width)]
            behind = (self._texts(c, begin, count) for c in range(width, self._batch.num_columns))
            numbers = pa.array(np.arange(begin, begin + count) + self._first)
            table = pa.table([*columns, numbers], names=[*names(width), "_row"])
            filled = _filled(itertools.chain(columns, behind))
            yield table if pc.all(filled).as_py() else table.filter(filled)

    def _texts(self, column: int, begin: int, count: int) -> pa.Array:
        is_there = column < self._batch.num_columns
        texts = column_texts(self._batch.column(column).slice(begin, count)) if is_there else pa.nulls(count, _TEXT)
        if column in self._words:
            rows, words = self._words[column]
            low, high = np.searchsorted(rows, [begin, begin + count])
            mask = np.zeros(count, bool)
            mask[rows[low:high] - begin] = True
            texts = pc.replace_with_mask(texts, mask, pa.array(words[low:high], _TEXT))
        return texts


def _filled(columns: Iterable[pa.Array]) -> pa.Array:
    """Does anything stand in the row?"""
    filled = None
    for column in columns:
        filled = column.is_valid() if filled is None else pc.or_(filled, column.is_valid())
        if pc.all(filled).as_py():
            break
    return filled


def _loaded(path: Path, name: str, first: int, errors: Cells) -> _Columns | None:
    """The rows from number ``first`` on; None where fastexcel cannot tell them exactly."""
    try:
        batch, lost = _read(path, name, first)
    except fastexcel.FastExcelError:
        return None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # no Exception, and of a module that cannot be imported
            raise
        return None
    if lost is None or not all(map(_is_exact, batch.columns)):
        return None
    words = _words(lost, errors)
    return None if words is None else _Columns(batch, first, words)


def _read(path: Path, name: str, first: int) -> tuple[pa.RecordBatch, list[Any] | None]:
    """And the cells, not empty, that have no value of the type of their column; None where that is too much to ask."""
    is_named_so = path.suffix.lower() in (".xlsx", ".xlsm")
    sheet = fastexcel.read_excel(path if is_named_so else path.read_bytes()).load_sheet(
        name, header_row=None, skip_rows=first - 1, schema_sample_rows=None, dtype_coercion="strict"
    )
    batch = sheet.to_arrow()
    lacking = sum(column.null_count for column in batch.columns if column.type != _TEXT)
    if not lacking:
        return batch, []
    if lacking > _ASKED_FOR:
        return batch, None
    found = sheet.to_arrow_with_errors()[1]
    return batch, found.errors if found else []


def _is_exact(column: pa.Array) -> bool:
    """Does each value say all that stands in its cell?"""
    if column.type == _MOMENT:
        return not pc.any(pc.or_(pc.less(column, _EARLIEST), pc.greater_equal(column, _LATEST))).as_py()
    if column.type == pa.float64():
        return not pc.any(pc.is_nan(column)).as_py()  # the text "nan" is read as one
    return column.type in _EXACT


def _words(lost: list[Any], errors: Cells) -> Cells | None:
    """The errors, and the words that fastexcel takes for nothing, such as N/A; None where it lost anything else."""
    words = {row: dict(columns) for row, columns in errors.items()}
    for cell in lost:
        row, column = cell.position[0] + 1, cell.position[1]
        found = _WORD.search(cell.detail)
        if found and found[1]:
            words.setdefault(row, {}).setdefault(column, found[1])
        elif not found and column not in words.get(row, {}):
            return None
    return words
