"""The sheets of a workbook (.xlsx, .xls): those that are read, and those that are not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import python_calamine as calamine

from citybrain.ingest import archive, biff
from citybrain.ingest.first_rows import first_rows
from citybrain.ingest.grid import Grid
from citybrain.ingest.large_sheet import LargeSheet
from citybrain.ingest.outcome import Refused
from citybrain.ingest.sheet_source import SheetSource, opened, whole

_LOOKED_THROUGH = 8 << 20  # bytes of a workbook whose other sheets are looked into: larger ones take too long
_LARGE = 200_000  # cells of a sheet of which it pays to look at the first rows alone
_FIRST = 200  # such rows


def sheets(path: Path) -> Iterator[SheetSource]:
    """The visible sheets of an .xlsx that hold anything, in order; each is read when it is asked for."""
    grids, since_1904 = archive.measured(path), archive.since_1904(path)
    for sheet, is_all in _beginnings(path, grids) or _sheets_of(path):
        grid = grids.get(sheet.name, Grid())
        errors = grid.errors
        if not is_all and sheet.start and sheet.start[1] == 0 and sheet.end[1] + 1 == grid.filled:
            yield LargeSheet(path, sheet, errors, since_1904, grid.hidden)
            continue
        sheet = sheet if is_all else whole(path, sheet.name)
        if sheet.height or errors:
            yield SheetSource(sheet, errors, since_1904, grid.hidden)


def old_sheets(path: Path) -> Iterator[SheetSource]:
    """Those of an old workbook (.xls, .et); both that read it list the sheets in the same order."""
    seen = biff.looked_into(path)
    with opened(path) as book:
        seen_of = dict(zip((known.name for known in book.sheets_metadata), seen.sheets, strict=True))
        for sheet in _visible(book):
            of = seen_of[sheet.name]
            if sheet.height or of.errors:
                yield SheetSource(sheet, of.errors, seen.since_1904, of.hidden)


def _visible(book: calamine.CalamineWorkbook) -> Iterator[Any]:
    """The visible sheets, in order; each is read when it is asked for."""
    for known in book.sheets_metadata:
        if known.visible == calamine.SheetVisibleEnum.Visible:
            yield book.get_sheet_by_name(known.name)


def _sheets_of(file: Path | IO[bytes], complete: Collection[str] | None = None) -> Iterator[tuple[Any, bool]]:
    """The same of a file, and whether each is ``complete``."""
    with opened(file) as book:
        for sheet in _visible(book):
            yield sheet, complete is None or sheet.name in complete


def _beginnings(path: Path, grids: Mapping[str, Grid]) -> list[tuple[Any, bool]] | None:
    """The same, long ones cut after their first rows; None where no sheet is large, or a workbook cannot be cut."""
    if not any(grid.rows * grid.columns > _LARGE for grid in grids.values()):
        return None
    if not all(grid.is_usual for grid in grids.values()):
        return None
    try:
        return [*_sheets_of(*first_rows(path, _FIRST))]
    except Refused:
        return None  # what is wrong with it is said when all of it is read


def unread(path: Path, read: str | None) -> Iterator[SheetSource]:
    """Sheets that hold something and are not read: hidden ones, and those behind the one that is."""
    if path.stat().st_size > _LOOKED_THROUGH:
        return
    with opened(path) as book:
        known_names = [known.name for known in book.sheets_metadata]
        for place, known in enumerate(book.sheets_metadata):
            is_behind = read in known_names and place > known_names.index(read or "")
            hidden = known.visible != calamine.SheetVisibleEnum.Visible
            if known.name != read and (hidden or is_behind):
                sheet = book.get_sheet_by_name(known.name)
                if sheet.height:
                    yield SheetSource(sheet)
