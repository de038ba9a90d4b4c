"""A sheet of a workbook (.xlsx, .xls): values as a person sees them, with what Excel knows of their type."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import python_calamine as calamine

from citybrain.ingest.outcome import Refused
from citybrain.ingest.sheet_text import cell_text, texts
from citybrain.ingest.source import SEGMENT_BYTES, Segment, names

BATCH = 1 << 20  # cells that become text at a time


class SheetSource:
    """One sheet. ``errors``: row → column → what stands in cells that the reader takes for empty."""

    encoding: str | None = None
    delimiter: str | None = None

    def __init__(
        self,
        sheet: Any,
        errors: Mapping[int, Mapping[int, str]] | None = None,
        since_1904: bool = False,
        hidden: Sequence[int] = (),
    ) -> None:
        self._sheet = sheet
        self._errors = errors or {}
        self.since_1904 = since_1904  # the workbook counts days from there
        self.hidden = hidden  # the first rows that are not shown
        self.sheet: str | None = sheet.name
        self._left = sheet.start[1] if sheet.start else 0

    def preview(self, count: int) -> list[list[str | None]]:
        return [[cell_text(cell) for cell in row] for _, row in itertools.islice(self._rows(), count)]

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        filled = ((number, row) for number, row in self._rows() if number >= first and row.count("") < len(row))
        batches = iter(lambda: list(itertools.islice(filled, max(BATCH // width, 1))), [])
        return gathered(_table(batch, width) for batch in batches)

    def _rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Rows by their Excel number, from row 1 and column A on; an empty cell is an empty text."""
        pad = [""] * self._left  # calamine leaves empty columns out, but not empty rows
        for number, cells in enumerate(self._sheet.iter_rows(), 1):
            row = pad + cells if pad else cells
            for column, error in self._errors.get(number, {}).items():
                row += [""] * (column + 1 - len(row))
                row[column] = error
            yield number, row


def gathered(tables: Iterable[pa.Table]) -> Iterator[Segment]:
    """The rows of the tables, as many at a time as a segment holds."""
    waiting: list[pa.Table] = []
    size = 0
    for table in tables:
        waiting.append(table)
        size += table.nbytes
        if size >= SEGMENT_BYTES:
            yield Segment(pa.concat_tables(waiting))
            waiting, size = [], 0
    if waiting:
        yield Segment(pa.concat_tables(waiting))


@contextlib.contextmanager
def opened(file: Path | IO[bytes]) -> Iterator[calamine.CalamineWorkbook]:
    """Raises Refused for what the reader cannot read, also where it panics."""
    try:
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
            yield stack.enter_context(calamine.CalamineWorkbook.from_filelike(stream))
    except calamine.PasswordError:
        raise Refused("password") from None
    except calamine.CalamineError as error:
        raise Refused("unknown_format", kind=f"读不出的表格文件（{error}），可能已损坏") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # no Exception, and of a module that cannot be imported
            raise
        raise Refused("unknown_format", kind="损坏的表格文件") from None


def whole(path: Path, name: str) -> Any:
    """A sheet as calamine reads it. Raises Refused."""
    with opened(path) as book:
        return book.get_sheet_by_name(name)


def _table(rows: Sequence[tuple[int, list[Any]]], width: int) -> pa.Table:
    numbers = pa.array([number for number, _ in rows], pa.int64())
    cells = [row if len(row) == width else (row + [""] * width)[:width] for _, row in rows]
    columns = [texts(column) for column in zip(*cells, strict=True)]
    return pa.table([*columns, numbers], names=[*names(width), "_row"])
