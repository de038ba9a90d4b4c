"""Workbooks (.xlsx, .xls): values as a person sees them, with what Excel knows of their type."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import python_calamine as calamine

from citybrain.ingest import archive, biff
from citybrain.ingest.outcome import Refused
from citybrain.ingest.source import SEGMENT_BYTES, Segment, names

_LOOKED_THROUGH = 8 << 20  # bytes of a workbook whose other sheets are looked into: larger ones take too long
_BATCH = 1 << 20  # cells that become text at a time
_NOTHING = pa.scalar(None, pa.string())
_TIMES = {dt.datetime, dt.date}
_LATEST = dt.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001  (a workbook knows no zones)
_LAST = pa.scalar(_LATEST, pa.timestamp("us"))
_EXACT = 10**15  # a whole number in a cell keeps 15 digits; what is longer has lost some


class SheetSource:
    """One sheet. ``errors``: row → column → what stands in cells that the reader takes for empty."""

    encoding: str | None = None
    delimiter: str | None = None

    def __init__(
        self, sheet: Any, errors: Mapping[int, Mapping[int, str]] | None = None, since_1904: bool = False
    ) -> None:
        self._sheet = sheet
        self._errors = errors or {}
        self.since_1904 = since_1904  # the workbook counts days from there
        self.sheet: str | None = sheet.name
        self._left = sheet.start[1] if sheet.start else 0

    def preview(self, count: int) -> list[list[str | None]]:
        return [[cell_text(cell) for cell in row] for _, row in itertools.islice(self._rows(), count)]

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        tables: list[pa.Table] = []
        size = 0
        filled = ((number, row) for number, row in self._rows() if number >= first and row.count("") < len(row))
        while batch := list(itertools.islice(filled, max(_BATCH // width, 1))):
            tables.append(_table(batch, width))
            size += tables[-1].nbytes
            if size >= SEGMENT_BYTES:
                yield Segment(pa.concat_tables(tables))
                tables, size = [], 0
        if tables:
            yield Segment(pa.concat_tables(tables))

    def _rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Rows by their Excel number, from row 1 and column A on; an empty cell is an empty text."""
        pad = [""] * self._left  # calamine leaves empty columns out, but not empty rows
        for number, cells in enumerate(self._sheet.iter_rows(), 1):
            row = pad + cells if pad else cells
            for column, error in self._errors.get(number, {}).items():
                row += [""] * (column + 1 - len(row))
                row[column] = error
            yield number, row


def sheets(path: Path) -> Iterator[SheetSource]:
    """The visible sheets that hold anything, in order; each is read when it is asked for."""
    zipped = _seen_in_parts(path) if zipfile.is_zipfile(path) else None
    with _opened(path) as book:
        errors_of, since_1904 = zipped or _seen_in_records(path, book)
        for known in book.sheets_metadata:
            if known.visible == calamine.SheetVisibleEnum.Visible:
                sheet = book.get_sheet_by_name(known.name)
                errors = errors_of.get(known.name)
                if sheet.height or errors:
                    yield SheetSource(sheet, errors, since_1904)


def _seen_in_parts(path: Path) -> tuple[dict[str, biff.Errors], bool]:
    """Errors by the name of the sheet, and whether days are counted from 1904."""
    return {name: grid.errors for name, grid in archive.measured(path).items()}, archive.since_1904(path)


def _seen_in_records(path: Path, book: calamine.CalamineWorkbook) -> tuple[dict[str, biff.Errors], bool]:
    """The same; both list the sheets in the same order."""
    seen = biff.looked_into(path)
    return dict(zip((known.name for known in book.sheets_metadata), seen.errors, strict=True)), seen.since_1904


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[calamine.CalamineWorkbook]:
    """Raises Refused for what the reader cannot read, also where it panics."""
    try:
        with path.open("rb") as stream, calamine.CalamineWorkbook.from_filelike(stream) as book:
            yield book
    except calamine.PasswordError:
        raise Refused("password") from None
    except calamine.CalamineError as error:
        raise Refused("unknown_format", kind=f"读不出的表格文件（{error}），可能已损坏") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # no Exception, and of a module that cannot be imported
            raise
        raise Refused("unknown_format", kind="损坏的表格文件") from None


def unread(path: Path, read: str | None) -> Iterator[SheetSource]:
    """Sheets that hold something and are not read: hidden ones, and those behind the one that is."""
    if path.stat().st_size > _LOOKED_THROUGH:
        return
    with _opened(path) as book:
        known_names = [known.name for known in book.sheets_metadata]
        for place, known in enumerate(book.sheets_metadata):
            is_behind = read in known_names and place > known_names.index(read or "")
            hidden = known.visible != calamine.SheetVisibleEnum.Visible
            if known.name != read and (hidden or is_behind):
                sheet = book.get_sheet_by_name(known.name)
                if sheet.height:
                    yield SheetSource(sheet)


def _table(rows: Sequence[tuple[int, list[Any]]], width: int) -> pa.Table:
    numbers = pa.array([number for number, _ in rows], pa.int64())
    cells = [row if len(row) == width else (row + [""] * width)[:width] for _, row in rows]
    columns = [texts(column) for column in zip(*cells, strict=True)]
    return pa.table([*columns, numbers], names=[*names(width), "_row"])


def texts(cells: Sequence[Any]) -> pa.Array:
    """``cell_text`` of many cells: at once where all of them are texts, or times."""
    kinds = set(map(type, cells))
    if kinds == {str}:
        column = pa.array(cells, pa.string())
        return pc.if_else(pc.equal(column, ""), _NOTHING, column)
    if kinds & _TIMES and kinds <= _TIMES | {str} and not any(type(c) is str and c for c in cells):
        moments = pa.array([_moment(cell) if cell else None for cell in cells], pa.timestamp("us"))
        rounded = pc.add(moments, pa.scalar(500_000, pa.duration("us")))
        rounded = pc.min_element_wise(rounded, _LAST, skip_nulls=False)
        return pc.floor_temporal(rounded, unit="second").cast(pa.timestamp("s")).cast(pa.string())
    if float in kinds and kinds <= {float, str} and not any(type(c) is str and c for c in cells):
        return _number_texts(pa.array([None if cell == "" else cell for cell in cells], pa.float64()))
    return pa.array([cell_text(cell) for cell in cells], pa.string())


def _number_texts(numbers: pa.Array) -> pa.Array:
    """``_number_text`` of many: at once where Arrow writes them as Python does."""
    size = pc.abs(numbers)
    if pc.all(pc.equal(numbers, pc.trunc(numbers))).as_py() and (pc.max(size).as_py() or 0) < _EXACT:
        return numbers.cast(pa.int64()).cast(pa.string())
    far = pc.or_(pc.greater_equal(size, 1e10), pc.and_(pc.less(size, 1e-4), pc.not_equal(size, 0)))
    if not pc.any(far).as_py():
        return pc.replace_substring_regex(pc.add(numbers, 0.0).cast(pa.string()), r"\.0$", "")  # + 0: -0 is 0
    return pa.array([None if n is None else _number_text(n) for n in numbers.to_pylist()], pa.string())


def _moment(cell: dt.date) -> dt.datetime:
    return cell if isinstance(cell, dt.datetime) else dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001


def cell_text(cell: object) -> str | None:
    """The text that a careful clerk would copy from the cell."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        return _number_text(cell)
    if isinstance(cell, int):
        return str(cell) if abs(cell) < _EXACT else f"{cell:.14E}"
    if isinstance(cell, dt.datetime):
        return _to_second(cell).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, dt.date):
        return f"{cell:%Y-%m-%d} 00:00:00"
    return None if cell is None else str(cell)


def _number_text(value: float) -> str:
    if value.is_integer():
        return str(int(value)) if abs(value) < _EXACT else f"{value:.14E}"
    return repr(value)


def _to_second(moment: dt.datetime) -> dt.datetime:
    """Excel keeps a time as a fraction of a day: 09:05:00 comes back as 09:04:59.999."""
    return (min(moment, _LATEST) + dt.timedelta(milliseconds=500)).replace(microsecond=0)
