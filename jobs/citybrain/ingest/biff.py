"""What an old workbook (.xls, .et) says and its reader does not: a password, cells that hold an error or a percentage,
rows that are not shown, the base of its dates; and whether that reader can hold it, which no longer answers where it
cannot.

Such a workbook is a stream of records in a compound file: kind, length, data. Its sheets stand behind each other. A
compound file is a chain of sectors for each stream, its directory among them.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import olefile

from citybrain.ingest.grid import ERRORS, PERCENT_BUILT_IN, percentage, shows_percent, too_large
from citybrain.ingest.outcome import Refused

Errors = dict[int, dict[int, str]]  # row, as a person counts → column, from 0 → what stands there

CELLS = 65_536 * 256  # what a sheet of that time holds: of the grids of all sheets, from the first cell to the last

_STREAMS = ("Workbook", "Book")  # since 1997, before
_FILEPASS, _BOUNDSHEET, _DATEMODE, _BEGIN, _END, _FORMULA, _BOOLERR = 0x2F, 0x85, 0x22, 0x809, 0x0A, 0x06, 0x205
_USED_RANGE, _RUN_OF_NUMBERS, _ROW = 0x200, 0xBD, 0x208
_NUMBER, _PACKED, _NUMBER_FORMAT, _STYLE = 0x203, 0x27E, 0x41E, 0xE0
_CELLS = {_FORMULA, _BOOLERR, _RUN_OF_NUMBERS, _NUMBER, 0x204, _PACKED, 0xFD}  # also texts
_RANGE = struct.Struct("<4xI2xH")  # rows and columns
_TEXTS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_HEAD, _PLACE, _OPTIONS = struct.Struct("<HH"), struct.Struct("<HH"), struct.Struct("<H10xB")
_SINCE_1997 = 0x600  # the version that the first record says
_IS_HIDDEN = 0x20  # among the options of a row


@dataclass
class Sheet:
    """Its cells that hold an error, or a percentage; rows that hold cells and are not shown, in order; and how far its
    cells go."""

    errors: Errors = field(default_factory=dict)
    hidden: list[int] = field(default_factory=list)
    rows: int = 0
    columns: int = 0


@dataclass(frozen=True)
class Book:
    """``sheets``: in their order."""

    sheets: tuple[Sheet, ...]
    since_1904: bool


def streams(path: Path) -> set[str]:
    """The names of what the file itself holds, without what stands in documents within it; none of a broken one."""
    try:
        with olefile.OleFileIO(path) as compound:
            return {name for name, *within in compound.listdir() if not within}
    except Exception:  # whatever its bytes lead to
        return set()


def has_password(path: Path) -> bool:
    """Is it encrypted? The reader takes such a workbook for a broken one. Of one that is broken nothing is said."""
    try:
        return any(kind == _FILEPASS for kind, _, _ in _records(_stream(path), 0))
    except Exception:  # of a broken file olefile raises whatever its bytes lead to
        return False


def looked_into(path: Path) -> Book:
    """Raises Refused where the records cannot be followed: an error must not pass for an empty cell; and where the
    grids of its sheets are larger than the reader can hold."""
    try:
        stream = _stream(path)
        starts, since_1904 = [], False
        formats, styles = set(PERCENT_BUILT_IN), []
        _check_version(stream)
        for kind, at, _ in _records(stream, 0):
            if kind == _BOUNDSHEET:
                starts.append(struct.unpack_from("<I", stream, at)[0])
            elif kind == _DATEMODE:
                since_1904 = stream[at] == 1
            elif kind == _NUMBER_FORMAT and shows_percent(_text(stream, at + 2)):
                formats.add(struct.unpack_from("<H", stream, at)[0])
            elif kind == _STYLE:
                styles.append(struct.unpack_from("<H", stream, at + 2)[0])
        percents = {style for style, its in enumerate(styles) if its in formats}
        return Book(tuple(_sheets(stream, starts, percents)), since_1904)
    except Refused:
        raise
    except Exception as error:
        raise Refused("unknown_format", kind="读不出的表格文件，可能已损坏") from error


def _text(stream: bytes, at: int) -> str:
    count, is_wide = struct.unpack_from("<HB", stream, at)
    letters = stream[at + 3 : at + 3 + (2 * count if is_wide & 1 else count)]
    return letters.decode("utf-16-le" if is_wide & 1 else "latin-1", "replace")


def _check_version(stream: bytes) -> None:
    """Raises Refused for records of before 1997, whose texts the reader garbles."""
    if struct.unpack_from("<H", stream, _HEAD.size)[0] < _SINCE_1997:
        raise Refused("unknown_format", kind="Excel 5.0/95 格式的旧工作簿")


def _stream(path: Path) -> bytes:
    with olefile.OleFileIO(path) as compound:
        entry = compound.direntries[compound._find(next(filter(compound.exists, _STREAMS)))]
        for start in (compound.first_dir_sector, compound.first_mini_fat_sector, compound.root.isectStart):
            _check_end(compound.fat, start)
        if entry.size >= compound.minisectorcutoff:
            _check_end(compound.fat, entry.isectStart)
        found: bytes = compound.openstream(entry.name).read()
    return found


def _check_end(chain: Sequence[int], sector: int) -> None:
    """Raises ValueError where a chain of sectors goes round in a circle: the reader would follow it for ever."""
    for _ in range(len(chain) + 1):
        if sector >= len(chain):  # the end, or a sector that there is not
            return
        sector = chain[sector]
    raise ValueError("sectors in a circle")


def _records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and length of the data of each record from ``start`` to the end of that part; charts within a sheet
    are parts of their own. Raises ValueError where no part begins there, or it has no end."""
    at, depth = start, 0
    while at + _HEAD.size <= len(stream):
        kind, length = _HEAD.unpack_from(stream, at)
        at += _HEAD.size
        if depth == 0 and kind != _BEGIN:
            raise ValueError("no beginning")
        depth += (kind == _BEGIN) - (kind == _END)
        if depth == 0:
            return
        yield kind, at, length
        at += length
    raise ValueError("no end")


def _sheets(stream: bytes, starts: Sequence[int], percents: Collection[int]) -> Iterator[Sheet]:
    """``percents``: styles of cells that show 0.05 as 5%. Raises Refused where all grids together are too large."""
    left = CELLS
    for start in starts:
        sheet = _sheet(stream, start, percents)
        left -= sheet.rows * sheet.columns
        if left < 0:
            raise _too_large(sheet.rows, sheet.columns)
        yield sheet


def _sheet(stream: bytes, start: int, percents: Collection[int]) -> Sheet:
    sheet, shown = Sheet(), 0
    hidden: set[int] = set()
    filled: set[int] = set()
    for kind, at, length in _records(stream, start):
        if kind == _USED_RANGE:
            _check_range(*_RANGE.unpack_from(stream, at))
        elif kind == _ROW:
            row, options = _OPTIONS.unpack_from(stream, at)
            if options & _IS_HIDDEN:
                hidden.add(row + 1)
        elif kind in _CELLS:
            row, column = _PLACE.unpack_from(stream, at)
            filled.add(row + 1)
            last = struct.unpack_from("<H", stream, at + length - 2)[0] if kind == _RUN_OF_NUMBERS else column
            sheet.rows, sheet.columns = max(sheet.rows, row + 1), max(sheet.columns, last + 1)
            code = _error(stream, kind, at, length)
            if code is not None:
                sheet.errors.setdefault(row + 1, {})[column] = _TEXTS.get(code, "#VALUE!")
            for place, value in _percentages(stream, kind, at, length, percents) if percents else ():
                sheet.errors.setdefault(row + 1, {})[place] = percentage(value)
                shown += 1
            if shown > ERRORS:
                raise too_large(f"百分比格式的格有 {shown:,} 处以上", f"{ERRORS:,} 处")
    sheet.hidden = sorted(hidden & filled)
    return sheet


def _check_range(rows: int, columns: int) -> None:
    """The range that is said to be used may be mostly blank; the reader takes memory for all of it for a moment."""
    if rows * columns > CELLS:
        raise _too_large(rows, columns)


def _error(stream: bytes, kind: int, at: int, length: int) -> int | None:
    """The code of the error that a cell holds."""
    if kind == _BOOLERR and length >= 8 and stream[at + 7] == 1:
        return stream[at + 6]
    if kind == _FORMULA and length >= 14 and stream[at + 6] == 2 and stream[at + 12 : at + 14] == b"\xff\xff":
        return stream[at + 8]
    return None


def _percentages(
    stream: bytes, kind: int, at: int, length: int, percents: Collection[int]
) -> Iterator[tuple[int, float]]:
    """Of the cells of a record that are shown as percentages, column and number."""
    first, style = struct.unpack_from("<HH", stream, at + 2)
    if kind == _RUN_OF_NUMBERS:
        run = struct.iter_unpack("<HI", stream[at + 4 : at + length - 2])
        yield from ((first + n, _unpacked(packed)) for n, (style, packed) in enumerate(run) if style in percents)
    elif style in percents and kind == _PACKED:
        yield first, _unpacked(struct.unpack_from("<I", stream, at + 6)[0])
    elif style in percents and (kind == _NUMBER or (kind == _FORMULA and stream[at + 12 : at + 14] != b"\xff\xff")):
        yield first, struct.unpack_from("<d", stream, at + 6)[0]


def _unpacked(packed: int) -> float:
    """A number of four bytes: an integer or the upper half of its eight bytes, either perhaps in hundredths."""
    whole = (packed >> 2) - (packed >> 31 << 30)
    number = whole if packed & 2 else struct.unpack("<d", struct.pack("<Q", (packed & ~3) << 32))[0]
    return float(number / 100 if packed & 1 else number)


def _too_large(rows: int, columns: int) -> Refused:
    return too_large(f"工作表占 {rows:,} 行 {columns:,} 列", f"各表共 {CELLS:,} 格")
