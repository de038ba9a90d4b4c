"""Our own writer of .xls, after [MS-XLS] and [MS-CFB]: BIFF8 records in a compound file, byte by byte.

No program of an office wrote these files; they hold the records that such programs write. ``plain`` is the least that
there is: texts in their cells, each number in eight bytes. Otherwise as Excel and WPS (.et) save: texts in the shared
table, over several records where it is long; short numbers packed, runs of them in one record; dates are numbers whose
format says so; of merged cells only the first holds something.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

_SECTOR = 512
_END, _FAT, _FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


@dataclass(frozen=True)
class Error:
    """A cell that holds an error; of a formula, or as it stands."""

    code: int
    of_formula: bool = False


@dataclass(frozen=True)
class Percent:
    """A number that is shown as a percentage, by a format that every workbook has, or by one of its own."""

    value: float
    of_its_own: bool = False
    of_formula: bool = False


Cell = str | float | bool | datetime | Error | Percent
Rows = Sequence[Sequence[Cell]]
Merged = Sequence[tuple[int, int, int, int]]  # first and last row, first and last column, from 0
_LONGEST = 8224  # bytes of a record
_DATE_FORMAT, _DATE_XF = 164, 1
_PERCENT, _OWN_PERCENT, _NO_PERCENT = 10, 165, 166  # formats; the last only shows a sign


@dataclass(frozen=True)
class Sheet:
    """``hidden``: a program of an office does not show it; ``filtered``: nor these rows, from 0."""

    rows: Rows
    merged: Merged = ()
    hidden: bool = False
    filtered: Collection[int] = ()


_DAY_0 = datetime.fromisoformat("1899-12-30")  # the days of a workbook have no zone


def xls(rows: Rows, sheet: str = "明细", before: Rows | None = None, since_1904: bool = False) -> bytes:
    """Plain; ``before``: the rows of a hidden sheet before it."""
    sheets = {"隐藏": (_sheet(before), True)} if before else {}
    return compound(_book({**sheets, sheet: (_sheet(rows), False)}, since_1904))


def locked(rows: Rows, password: str) -> bytes:
    """With a password to open, as Excel 97 encrypts: RC4 with a key for each 1,024 bytes of the stream. Heads of
    records, the beginning of the book and where its sheets stand are not encrypted."""
    salt, proof = bytes(range(16)), bytes(16)
    first = _rc4(_key(password, salt, 0), proof + hashlib.md5(proof).digest())
    mark = _record(0x002F, struct.pack("<HHH", 1, 1, 1) + salt + first)
    plain = _book({"明细": (_sheet(rows), False)}, False, mark)
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


def xls_as_saved(rows: Rows, merged: Merged = (), sheet: str = "明细") -> bytes:
    """As the programs of an office save it."""
    return book_as_saved({sheet: Sheet(rows, merged)})


def book_as_saved(sheets: Mapping[str, Sheet], theme: bytes = b"") -> bytes:
    """The same of several sheets, by their names. ``theme``: colours and fonts, which Excel packs since 2007."""
    texts = Texts()
    bodies = {name: (_sheet(one.rows, texts, one.merged, one.filtered), one.hidden) for name, one in sheets.items()}
    return compound(_book(bodies, False, _record(0x0896, theme) if theme else b"", texts))


@dataclass
class Texts:
    """The table of shared texts."""

    known: dict[str, int] = field(default_factory=dict)
    used: int = 0

    def place(self, text: str) -> int:
        self.used += 1
        return self.known.setdefault(text, len(self.known))

    def records(self) -> Iterator[bytes]:
        """A text may go on in the next record, which begins by saying again how wide its letters are."""
        kind, data = 0x00FC, struct.pack("<II", self.used, len(self.known))
        for text in self.known:
            if len(data) + 5 > _LONGEST:
                yield _record(kind, data)
                kind, data = 0x003C, b""
            letters = text.encode("utf-16-le")
            data += struct.pack("<HB", len(letters) // 2, 1)
            while len(letters) > (room := (_LONGEST - len(data)) // 2 * 2):
                yield _record(kind, data + letters[:room])
                kind, data, letters = 0x003C, b"\1", letters[room:]
            data += letters
        yield _record(kind, data)


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _text(text: str, size: str) -> bytes:
    letters = text.encode("utf-16-le")
    return struct.pack(f"<{size}B", len(letters) // 2, 1) + letters


def _book(
    sheets: Mapping[str, tuple[bytes, bool]], since_1904: bool, mark: bytes = b"", texts: Texts | None = None
) -> bytes:
    """``sheets``: of each its records, and whether it is hidden."""
    begin = struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)
    book = _record(0x0809, begin) + mark + _record(0x0042, struct.pack("<H", 1200))
    book += _record(0x0022, struct.pack("<H", since_1904))
    shared = b""
    if texts:
        book += _record(0x041E, struct.pack("<H", _DATE_FORMAT) + _text('yyyy"年"m"月"d"日" hh:mm', "H"))
        book += _record(0x041E, struct.pack("<HHB", _OWN_PERCENT, 4, 0) + b"0.0%")
        book += _record(0x041E, struct.pack("<H", _NO_PERCENT) + _text('0"%"', "H"))
        forms = (0, _DATE_FORMAT, _PERCENT, _OWN_PERCENT, _NO_PERCENT)
        book += b"".join(_record(0x00E0, struct.pack("<HH16x", 0, form)) for form in forms)
        shared = b"".join(texts.records())
    names = [_text(name, "B") for name in sheets]
    offset = len(book) + sum(4 + 6 + len(name) for name in names) + len(shared) + 4
    for name, (body, hidden) in zip(names, sheets.values(), strict=True):
        book += _record(0x0085, struct.pack("<IH", offset, hidden) + name)
        offset += len(body)
    return book + shared + _record(0x000A) + b"".join(body for body, _ in sheets.values())


def _sheet(rows: Rows, texts: Texts | None = None, merged: Merged = (), filtered: Collection[int] = ()) -> bytes:
    if texts:
        cells = b"".join(_row(row, len(rows[row])) for row in sorted(filtered) if row < len(rows))
        cells += b"".join(record for row, line in enumerate(rows) for record in _saved(row, line, texts))
    else:
        cells = b"".join(
            _cell(row, column, cell) for row, line in enumerate(rows) for column, cell in enumerate(line) if cell != ""
        )
    if merged:
        cells += _record(0x00E5, struct.pack("<H", len(merged)) + b"".join(struct.pack("<4H", *m) for m in merged))
    size = struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows), default=0), 0)
    begin = struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)
    return _record(0x0809, begin) + _record(0x0200, size) + cells + _record(0x000A)


def _row(row: int, columns: int) -> bytes:
    """Of a row that is not shown; one that is needs no such record."""
    return _record(0x0208, struct.pack("<HHHHHHHH", row, 0, columns, 0xFF, 0, 0, 0x120, 0x0F))


def _saved(row: int, line: Sequence[Cell], texts: Texts) -> Iterator[bytes]:
    column = 0
    while column < len(line):
        cell, place = line[column], struct.pack("<HHH", row, column, _style(line[column]))
        run = 0
        while column + run < len(line) and _packed(line[column + run]) is not None:
            run += 1
        if run > 1:
            packed = b"".join(
                struct.pack("<HI", _style(value), _packed(value)) for value in line[column : column + run]
            )
            yield _record(0x00BD, place[:4] + packed + struct.pack("<H", column + run - 1))
            column += run
            continue
        if run:
            yield _record(0x027E, place + struct.pack("<I", _packed(cell)))
        elif isinstance(cell, datetime):
            days = (cell - _DAY_0).total_seconds() / 86_400
            yield _record(0x0203, struct.pack("<HHHd", row, column, _DATE_XF, days))
        elif cell == "":
            yield _record(0x0201, place)
        elif isinstance(cell, str):
            yield _record(0x00FD, place + struct.pack("<I", texts.place(cell)))
        else:
            yield _cell(row, column, cell)
        column += 1


def _style(cell: Cell) -> int:
    """The place of its format among those of the book; a tenth of the plain numbers shows a sign behind itself, and an
    error stands where a percentage should."""
    if isinstance(cell, Percent | Error):
        return 3 if isinstance(cell, Percent) and cell.of_its_own else 2
    return 4 if isinstance(cell, int) and not isinstance(cell, bool) and cell % 10 == 5 else 0


def _packed(cell: Cell) -> int | None:
    """The four bytes of a short number: an integer or hundredths, or the upper half of its eight bytes."""
    if isinstance(cell, Percent):
        return None if cell.of_formula else _packed(cell.value)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    for hundredths, value in ((0, cell), (1, cell * 100)):
        if abs(value) < 1 << 29 and value == int(value) and (value / 100 if hundredths else value) == cell:
            return (int(value) << 2) & 0xFFFFFFFF | 2 | hundredths
    (bits,) = struct.unpack("<Q", struct.pack("<d", cell))
    return None if bits & 0x3FFFFFFFF else bits >> 32


def _cell(row: int, column: int, cell: Cell) -> bytes:
    place = struct.pack("<HHH", row, column, _style(cell))
    if isinstance(cell, Percent):
        value = struct.pack("<d", cell.value)
        return _record(0x0006, place + value + bytes(8)) if cell.of_formula else _record(0x0203, place + value)
    if isinstance(cell, Error):
        if cell.of_formula:
            value, parsed = struct.pack("<BxBxxxH", 2, cell.code, 0xFFFF), struct.pack("<HIH", 0, 0, 0)
            return _record(0x0006, place + value + parsed)
        return _record(0x0205, place + struct.pack("<BB", cell.code, 1))
    if isinstance(cell, bool):
        return _record(0x0205, place + struct.pack("<BB", cell, 0))
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
