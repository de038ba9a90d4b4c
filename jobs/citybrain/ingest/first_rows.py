"""A workbook of the first rows of each sheet: where the header stands can be told before all of it is read."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from citybrain.ingest import archive

_STRINGS = "xl/sharedstrings.xml"  # programs do not agree about its capitals
_ALL = 1 << 40  # of the texts
_LONGEST = 32 << 20  # bytes of such a workbook
_SMALL = 16 << 20  # bytes: a larger part than this, neither sheets nor texts, says nothing about cells
_SHARED = re.compile(rb"<c [^>]*t=\"s\"[^>]*><v>(\d+)</v>")
_ANY_SHARED = re.compile(rb"[\"']s[\"']")


def first_rows(path: Path, count: int) -> tuple[io.BytesIO, set[str]]:
    """Such a workbook, and the names of the sheets that have no more rows. All must be usual (``Grid.is_usual``).

    Of the texts that sheets share it has those up to the last one in these rows. Raises Refused where it cannot be cut.
    """
    out = io.BytesIO()
    cut: set[str] = set()
    last = 0  # of the texts that sheets share
    with archive.opened(path) as whole, zipfile.ZipFile(out, "w") as short:
        sheets = archive.sheet_parts(whole)
        parts = {part.filename: part for part in whole.infolist() if part.filename.endswith((".xml", ".rels"))}
        strings = [parts.pop(name) for name in [*parts] if name.lower() == _STRINGS]
        of_sheets = set(sheets.values())
        for name, part in parts.items():
            if name in of_sheets:
                text, is_cut = _until(archive.read(whole, part), b"</row>", count, b"</sheetData></worksheet>")
                cut |= {name} if is_cut else set()
                last = max(last, _last_shared(text))
                short.writestr(name, text)
            elif part.file_size <= _SMALL:
                short.writestr(name, whole.read(part))
            if out.tell() > _LONGEST:
                raise archive.broken()
        for part in strings:
            text, _ = _until(archive.read(whole, part), b"</si>", last + 1, b"</sst>")
            short.writestr(part.filename, text)
    out.seek(0)
    return out, {name for name, part in sheets.items() if part not in cut}


def _until(blocks: Iterable[bytes], end: bytes, count: int, closing: bytes) -> tuple[bytes, bool]:
    """The text as far as so many ends, closed behind them; or all of it, if it has fewer; and whether it was cut."""
    text, found = bytearray(), 0
    for block in blocks:
        new = max(len(text) - len(end) + 1, 0)
        text += block
        found += text.count(end, new)
        if found >= count:
            break
        if len(text) > _LONGEST:
            raise archive.broken()
    else:
        return bytes(text), False
    at = 0
    for _ in range(count):
        at = text.index(end, at) + len(end)
    return bytes(text[:at]) + closing, True


def _last_shared(sheet: bytes) -> int:
    """The last of the shared texts in it; all, where one of them is not told as Excel does."""
    used = [int(number) for number in _SHARED.findall(sheet)]
    return max(used, default=0) if len(used) == len(_ANY_SHARED.findall(sheet)) else _ALL
