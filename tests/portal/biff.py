"""The smallest .xls that there is: BIFF8 records in a compound file, byte by byte. WPS writes .et in the same way."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SECTOR = 512
_END, _FAT, _FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


@dataclass(frozen=True)
class Error:
    """A cell that holds an error; of a formula, or as it stands."""

    code: int
    of_formula: bool = False


Cell = str | float | Error
Rows = Sequence[Sequence[Cell]]


def xls(rows: Rows, sheet: str = "明细", before: Rows | None = None, since_1904: bool = False) -> bytes:
    """``before``: the rows of a hidden sheet before it."""
    sheets = {"隐藏": (before, True)} if before else {}
    return compound(_book({**sheets, sheet: (rows, False)}, since_1904))


def locked(rows: Rows, password: str) -> bytes:
    """With a password to open, as Excel 97 encrypts: RC4 with a key for each 1,024 bytes of the stream. Heads of
    records, the beginning of the book and where its sheets stand are not encrypted."""
    salt, proof = bytes(range(16)), bytes(16)
    first = _rc4(_key(password, salt, 0), proof + hashlib.md5(proof).digest())
    mark = _record(0x002F, struct.pack("<HHH", 1, 1, 1) + salt + first)
    plain = _book({"明细": (rows, False)}, False, mark)
    stream = b"".join(
        _rc4(_key(password, salt, at // 1024), plain[at : at + 1024]) for at in range(0, len(plain), 1024)
    )
    out, at = bytearray(stream), 0
    while at < len(plain):
        kind, length = struct.unpack_from("<HH", plain, at)
        shown = 4 + {0x0809: length, 0x002F: length, 0x0085: 4}.get(kind, 0)
        out[at : at + shown] = plain[at : at + shown]
        at += 4 + length
    return compound(bytes(out))


def _key(password: str, salt: bytes, block: int) -> bytes:
    digest = hashlib.md5(password.encode("utf-16-le")).digest()[:5]
    digest = hashlib.md5((digest + salt) * 16).digest()[:5]
    return hashlib.md5(digest + struct.pack("<I", block)).digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _text(text: str, size: str) -> bytes:
    return struct.pack(f"<{size}B", len(text), 1) + text.encode("utf-16-le")


def _book(sheets: Mapping[str, tuple[Rows, bool]], since_1904: bool, mark: bytes = b"") -> bytes:
    begin = struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)
    book = _record(0x0809, begin) + mark + _record(0x0042, struct.pack("<H", 1200))
    book += _record(0x0022, struct.pack("<H", since_1904))
    bodies = [_sheet(rows) for rows, _ in sheets.values()]
    names = [_text(name, "B") for name in sheets]
    offset = len(book) + sum(4 + 6 + len(name) for name in names) + 4
    for name, body, (_, hidden) in zip(names, bodies, sheets.values(), strict=True):
        book += _record(0x0085, struct.pack("<IH", offset, hidden) + name)
        offset += len(body)
    return book + _record(0x000A) + b"".join(bodies)


def _sheet(rows: Rows) -> bytes:
    cells = b"".join(
        _cell(row, column, cell) for row, line in enumerate(rows) for column, cell in enumerate(line) if cell != ""
    )
    size = struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0)
    begin = struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)
    return _record(0x0809, begin) + _record(0x0200, size) + cells + _record(0x000A)


def _cell(row: int, column: int, cell: Cell) -> bytes:
    place = struct.pack("<HHH", row, column, 0)
    if isinstance(cell, Error):
        if cell.of_formula:
            value, parsed = struct.pack("<BxBxxxH", 2, cell.code, 0xFFFF), struct.pack("<HIH", 0, 0, 0)
            return _record(0x0006, place + value + parsed)
        return _record(0x0205, place + struct.pack("<BB", cell.code, 1))
    if isinstance(cell, str):
        return _record(0x0204, place + _text(cell, "H"))
    return _record(0x0203, place + struct.pack("<d", cell))


def compound(stream: bytes, name: str = "Workbook") -> bytes:
    """A compound file with one stream, too long for the small sectors."""
    stream = stream.ljust(max(4096, -(-len(stream) // _SECTOR) * _SECTOR), b"\0")
    sectors = len(stream) // _SECTOR
    assert sectors + 2 <= 128, "one sector of the allocation table is enough for a test"
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, _END, 0, _END, 0) + struct.pack("<109I", 0, *[_FREE] * 108)
    chain = [_FAT, _END, *range(3, 2 + sectors), _END]
    table = struct.pack("<128I", *chain, *[_FREE] * (128 - len(chain)))
    root = _entry("Root Entry", 5, child=1, start=_END, size=0)
    return header + table + root + _entry(name, 2, _FREE, 2, len(stream)) + _entry("", 0) * 2 + stream


def _entry(name: str, kind: int, child: int = _FREE, start: int = 0, size: int = 0) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    links = struct.pack("<BBIII", kind, 1, _FREE, _FREE, child)
    return text.ljust(64, b"\0") + struct.pack("<H", len(text)) + links + bytes(36) + struct.pack("<IQ", start, size)
