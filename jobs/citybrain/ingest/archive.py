"""What a workbook unpacks to, looked at before anything reads it: a file of a megabyte may claim to be gigabytes.

Readers of workbooks hold a sheet as a grid from its first cell to its last one. So the grid is measured before, in
bounded memory.
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
from pathlib import Path
from xml.etree import ElementTree

from citybrain.ingest.grid import PERCENT_BUILT_IN, Grid, shows_percent, too_large
from citybrain.ingest.outcome import Refused

PARTS = 10_000
UNPACKED = 2 << 30  # bytes of all parts
STRINGS = 512 << 20  # bytes of a part that is no sheet: readers keep it whole
_SMALL = 16 << 20  # bytes of the parts that say what the others are
_BLOCK = 1 << 18  # what a core has at hand
_LONGEST = 1 << 25  # bytes of one row
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ElementTree.ParseError,
           struct.error, ValueError)  # fmt: skip
_STYLES = "xl/styles.xml"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def check(path: Path) -> None:
    """Raises Refused where it would unpack to more than can be read, or is broken."""
    with opened(path) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        if len(parts) > PARTS:
            raise too_large(f"文件里有 {len(parts):,} 个部分", f"{PARTS:,} 个")
        if size > UNPACKED:
            raise too_large(f"文件解开后有 {size / 1e9:,.1f} GB", f"{UNPACKED >> 30} GB")
        for part in parts:
            if part.file_size > STRINGS and not _is_sheet(part.filename):
                raise too_large(f"文件的 {part.filename[:60]} 解开后有 {part.file_size >> 20:,} MB", "512 MB")


def measured(path: Path) -> dict[str, Grid]:
    """The grid of every sheet, by its name. Every part is read once, so that none is larger than it says."""
    check(path)
    with opened(path) as archive:
        grids: dict[str, Grid] = {}
        percents = _percent_styles(archive)
        for part in archive.infolist():
            grids[part.filename] = grid = Grid(percents=percents)
            for block in _rows(archive, part):
                grid.take(block)
        return {name: grids[part] for name, part in sheet_parts(archive).items() if part in grids}


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
            raise broken() from error
        return self.archive

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.archive.close()
        if isinstance(error, RuntimeError) and "encrypted" in str(error):
            raise Refused("password") from error
        if isinstance(error, _DAMAGE) or (isinstance(error, OSError) and error.errno in (None, errno.EINVAL)):
            raise broken() from error


def read(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            yield block


def _rows(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Blocks that end with a row, or else with a cell, or else with a tag."""
    carry = b""
    for block in read(archive, part):
        data, new = carry + block, max(len(carry) - len(b"</row>"), 0)
        ends = (data.rfind(mark, new) + len(mark) for mark in (b"</row>", b"</c>", b">") if data.find(mark, new) >= 0)
        cut = next(ends, 0)
        carry = data[cut:]
        if len(carry) > _LONGEST:
            raise broken()
        yield data[:cut]
    yield carry


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
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


def _percent_styles(archive: zipfile.ZipFile) -> tuple[int, ...]:
    """The styles of cells that show 0.05 as 5%."""
    if _STYLES not in archive.namelist() or archive.getinfo(_STYLES).file_size > _SMALL:
        return ()
    text = archive.read(_STYLES)
    marks = [b"%", *(b'numFmtId="%d"' % number for number in PERCENT_BUILT_IN)]
    if b"<!DOCTYPE" in text or not any(
        mark in text.replace(b"'", b'"') for mark in marks
    ):  # the reader refuses a DOCTYPE
        return ()
    root = ElementTree.fromstring(text)
    formats = {f.get("numFmtId"): f.get("formatCode", "") for f in root.iterfind("{*}numFmts/{*}numFmt")}
    shown = {*map(str, PERCENT_BUILT_IN), *(number for number, code in formats.items() if shows_percent(code))}
    return tuple(i for i, style in enumerate(root.iterfind("{*}cellXfs/{*}xf")) if style.get("numFmtId") in shown)


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


def broken() -> Refused:
    return Refused("unknown_format", kind="不完整或损坏的 .xlsx 文件（可能没有传完）")
