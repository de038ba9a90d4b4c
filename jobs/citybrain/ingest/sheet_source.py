"""Workbooks (.xlsx, .xls): values as a person sees them, with what Excel knows of their type."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import python_calamine as calamine

from citybrain.ingest.outcome import Refused
from citybrain.ingest.source import SEGMENT_BYTES, Segment, segment_of

_LOOKED_THROUGH = 8 << 20  # bytes of a workbook whose other sheets are looked into: larger ones take too long
_EXACT = 10**15  # a whole number in a cell keeps 15 digits; what is longer has lost some


class SheetSource:
    """One sheet."""

    encoding: str | None = None
    delimiter: str | None = None

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self.sheet: str | None = sheet.name
        self._left = sheet.start[1] if sheet.start else 0

    def preview(self, count: int) -> list[list[str | None]]:
        return [row for _, row in itertools.islice(self._rows(), count)]

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        size = 0
        for number, row in self._rows():
            if number < first:
                continue
            rows.append((row + [None] * width)[:width])
            numbers.append(number)
            size += sum(len(cell) for cell in row if cell) * 2
            if size >= SEGMENT_BYTES:
                yield Segment(segment_of(rows, numbers, width))
                rows, numbers, size = [], [], 0
        if rows:
            yield Segment(segment_of(rows, numbers, width))

    def _rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """Rows by their Excel number, from row 1 and column A on."""
        pad: list[str | None] = [None] * self._left  # calamine leaves empty columns out, but not empty rows
        for number, row in enumerate(self._sheet.iter_rows(), 1):
            yield number, pad + [cell_text(cell) for cell in row]


def sheets(path: Path) -> Iterator[SheetSource]:
    """The visible sheets that hold anything, in order; each is read when it is asked for."""
    try:
        with path.open("rb") as stream, calamine.CalamineWorkbook.from_filelike(stream) as book:
            for known in book.sheets_metadata:
                if known.visible == calamine.SheetVisibleEnum.Visible:
                    sheet = book.get_sheet_by_name(known.name)
                    if sheet.height:
                        yield SheetSource(sheet)
    except calamine.PasswordError:
        raise Refused("password") from None
    except calamine.CalamineError as error:
        raise Refused("unknown_format", kind=f"读不出的表格文件（{error}），可能是 .et 或已损坏") from error


def unread(path: Path, read: str | None) -> Iterator[SheetSource]:
    """Sheets that hold something and are not read: hidden ones, and those behind the one that is."""
    if path.stat().st_size > _LOOKED_THROUGH:
        return
    with path.open("rb") as stream, calamine.CalamineWorkbook.from_filelike(stream) as book:
        names = [known.name for known in book.sheets_metadata]
        for place, known in enumerate(book.sheets_metadata):
            is_behind = read in names and place > names.index(read or "")
            hidden = known.visible != calamine.SheetVisibleEnum.Visible
            if known.name != read and (hidden or is_behind):
                sheet = book.get_sheet_by_name(known.name)
                if sheet.height:
                    yield SheetSource(sheet)


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
    return (moment + dt.timedelta(milliseconds=500)).replace(microsecond=0)
