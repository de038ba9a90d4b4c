"""What a workbook unpacks to, looked at before anything reads it: a file of a megabyte may claim to be gigabytes.

Readers of workbooks hold a sheet as a grid from its first cell to its last one. So the grid is measured here, on the
XML itself, in bounded memory. And they give an error for an empty cell: those are found here as well.
"""

from __future__ import annotations

import errno
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from citybrain.ingest.outcome import Refused

PARTS = 10_000
UNPACKED = 2 << 30  # bytes of all parts
STRINGS = 512 << 20  # bytes of a part that is no sheet: readers keep it whole
CELLS = 60_000_000  # of the grid of a sheet
ROWS, COLUMNS = 1_048_576, 16_384  # what Excel itself can hold
ERRORS = 1_000_000  # cells
UNCALCULATED = "#没有算出的公式!"
_SMALL = 16 << 20  # bytes of the parts that say what the others are
_BLOCK = 1 << 22
_LONGEST = 1 << 25  # bytes of one row
_NARROW = 52  # columns: a sheet without a cell behind AZ is not looked at cell by cell
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ElementTree.ParseError,
           struct.error, ValueError)  # fmt: skip
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

_ROW = re.compile(rb"<row\b[^>]*?\sr=\"(\d+)\"")
_FAR = re.compile(rb" r=\"(?:[A-Za-z]{3}|[B-Zb-z][A-Za-z]|[A-Za-z]+\d{7})")
_TAG = re.compile(rb"<(?:[\w.-]+:)?(row|c)(?=[\s/>])([^>]*)>")
_PLACE = re.compile(rb"(?:^|\s)r\s*=\s*[\"']\$?([A-Za-z]*)\$?(\d*)")
_CELL = re.compile(rb"<c\b([^>]*)>(?:<f\b[^>]*(?:/>|>([^<]*)</f>))?(?:<v\s*/>|<v>([^<]*)</v>)?</c>")
_EMPTY_FORMULA = (b"</f></c>", b"</f><v></v></c>", b"</f><v/></c>", b"</f><v /></c>", b"/></c>", b"/><v></v></c>")


@dataclass
class Grid:
    """How far a sheet goes, and the cells of it that readers take for empty."""

    rows: int = 0
    columns: int = 0
    errors: dict[int, dict[int, str]] = field(default_factory=dict)  # row → column → what stands there
    count: int = 0  # of those
    _row: int = 0
    _column: int = 0
    _cells: int = 0

    def take(self, block: bytes) -> None:
        """Looks at whole rows; raises Refused where there are too many."""
        canonical = block.count(b'<c r="')
        if not _is_usual(block, canonical) or _FAR.search(block):
            self._exactly(block)
        else:
            self.rows = max(self.rows, max(map(int, _ROW.findall(block)), default=0))
            self._row = self.rows
            self.columns = max(self.columns, _NARROW if canonical else 0)
        if self.rows > ROWS or self.columns > COLUMNS or self.rows * self.columns > CELLS:
            raise _too_large(f"工作表占 {self.rows:,} 行 {self.columns:,} 列", f"{CELLS:,} 格")
        self._errors(block)

    def _exactly(self, block: bytes) -> None:
        """Cell by cell, as readers count where none says where it is."""
        for tag in _TAG.finditer(block):
            place = _PLACE.search(tag[2])
            letters, digits = (place[1], place[2]) if place else (b"", b"")
            if tag[1] == b"row":
                self._row, self._column = int(digits) if digits[:8] else self._row + 1, 0
            else:
                self._column = _number(letters) if letters else self._column + 1
                self._cells += 1
            self.rows = max(self.rows, self._row, int(digits[:8] or 0))
            self.columns = max(self.columns, self._column)
            if self._cells > CELLS:
                raise _too_large(f"工作表有 {self._cells:,} 格以上", f"{CELLS:,} 格")

    def _errors(self, block: bytes) -> None:
        if b't="e"' not in block and not (b"<f" in block and any(mark in block for mark in _EMPTY_FORMULA)):
            return
        for cell in _CELL.finditer(block):
            is_error = b't="e"' in cell[1]
            if not is_error and (cell[3] or b"<f" not in cell[0] or b't="str"' in cell[1]):
                continue
            place = _PLACE.search(cell[1])
            if place and place[1] and place[2]:
                text = cell[3].decode("utf-8", "replace") if is_error and cell[3] else UNCALCULATED
                self.errors.setdefault(int(place[2]), {})[_number(place[1]) - 1] = text
                self.count += 1
        if self.count > ERRORS:
            raise _too_large(f"公式错误有 {self.count:,} 处以上", f"{ERRORS:,} 处")


def _is_usual(block: bytes, canonical: int) -> bool:
    """Does each cell say first where it is, and have no tag a prefix, as Excel writes it?"""
    if block.count(b"<row") != block.count(b"<row "):
        return False
    if block.count(b"<c") == canonical and b":c" not in block:
        return True
    odd = (b"<c>", b"<c/>", b"<c\t", b"<c\n", b"<c\r", b":c ", b":c>", b":c/")
    return block.count(b"<c ") == canonical and not any(tag in block for tag in odd)


def _number(letters: bytes) -> int:
    """A → 1, AA → 27."""
    number = 0
    for letter in letters.upper()[:4]:
        number = number * 26 + letter - 64
    return number


def check(path: Path) -> None:
    """Raises Refused where it would unpack to more than can be read, or is broken."""
    with opened(path) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        if len(parts) > PARTS:
            raise _too_large(f"文件里有 {len(parts):,} 个部分", f"{PARTS:,} 个")
        if size > UNPACKED:
            raise _too_large(f"文件解开后有 {size / 1e9:,.1f} GB", f"{UNPACKED >> 30} GB")
        for part in parts:
            if part.file_size > STRINGS and not _is_sheet(part.filename):
                raise _too_large(f"文件的 {part.filename[:60]} 解开后有 {part.file_size >> 20:,} MB", "512 MB")


def measured(path: Path) -> dict[str, Grid]:
    """The grid of every sheet, by its name. Every part is read once, so that none is larger than it says."""
    check(path)
    with opened(path) as archive:
        grids: dict[str, Grid] = {}
        for part in archive.infolist():
            grids[part.filename] = grid = Grid()
            for block in _rows(archive, part):
                if b"<!DOCTYPE" in block:
                    raise Refused("unknown_format", kind="含有自定义实体的文件（表格软件不会这样写）")
                grid.take(block)
        return {name: grids[part] for name, part in _sheets(archive).items() if part in grids}


def since_1904(path: Path) -> bool:
    """Does the workbook count days from 1904, as those of old Macintoshes do? Its parts have been measured before."""
    with opened(path) as archive:
        book = _book(archive)
        found = _xml(archive, book).iter() if book else iter(())
        said = next((part.get("date1904") for part in found if part.tag.endswith("}workbookPr")), None)
        return said in ("1", "true", "on")


def has_macros(path: Path) -> bool:
    with opened(path) as archive:
        return any(name.lower().endswith("vbaproject.bin") for name in archive.namelist())


def blocks(path: Path) -> Iterator[bytes]:
    """The text of its parts; nothing where there is too much of it, or where it is broken: who reads it says so."""
    try:
        check(path)
        with opened(path) as archive:
            for part in archive.infolist():
                if part.filename.endswith((".xml", ".rels")):
                    yield from read(archive, part)
    except Refused:
        return


class opened:  # noqa: N801  (a context, used like a function)
    """The archive; what is wrong with it is a refusal, whenever it shows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> zipfile.ZipFile:
        try:
            self.archive = zipfile.ZipFile(self.path)
        except _DAMAGE as error:
            raise _broken() from error
        return self.archive

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.archive.close()
        if isinstance(error, RuntimeError) and "encrypted" in str(error):
            raise Refused("password") from error
        if isinstance(error, _DAMAGE) or (isinstance(error, OSError) and error.errno in (None, errno.EINVAL)):
            raise _broken() from error


def read(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            yield block


def _rows(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Blocks that end with a row, or else with a tag."""
    carry = b""
    for block in read(archive, part):
        data = carry + block
        cut = max(data.rfind(b"</row>") + 6, 0) if b"</row>" in block else data.rfind(b">") + 1
        carry = data[cut:]
        if len(carry) > _LONGEST:
            raise _broken()
        yield data[:cut]
    yield carry


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """The name of each sheet and the part that holds it."""
    book = _book(archive)
    links = f"xl/_rels/{Path(book).name}.rels" if book else ""
    if book is None or links not in archive.namelist():
        return {}
    targets = {link.get("Id"): link.get("Target", "") for link in _xml(archive, links)}
    found = {}
    for sheet in _xml(archive, book).iter():
        if sheet.tag.endswith("}sheet") and (target := targets.get(_relation(sheet))):
            found[sheet.get("name", "")] = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return found


def _book(archive: zipfile.ZipFile) -> str | None:
    """The part that lists the sheets."""
    return next((n for n in archive.namelist() if re.fullmatch(r"xl/workbook\w*\.xml", n)), None)


def _relation(sheet: ElementTree.Element) -> str | None:
    """Of the transitional or the strict kind of workbook."""
    return sheet.get(_RELATION) or next((v for k, v in sheet.attrib.items() if k.endswith("}id")), None)


def _xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """A small part; that it defines no entities has been seen."""
    text = archive.read(name) if archive.getinfo(name).file_size <= _SMALL else b""
    return ElementTree.fromstring(text)


def _is_sheet(name: str) -> bool:
    return name.startswith("xl/worksheets/")


def _too_large(what: str, limit: str) -> Refused:
    return Refused("too_large", what=what, limit=limit)


def _broken() -> Refused:
    return Refused("unknown_format", kind="不完整或损坏的 .xlsx 文件（可能没有传完）")
