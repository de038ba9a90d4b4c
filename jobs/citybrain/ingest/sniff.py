"""What a file is, from its bytes and never from its name: format, encoding, marks of secrecy."""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from citybrain.ingest import archive, biff
from citybrain.ingest.outcome import Refused

CHUNK = 1 << 22
_BLOCK = 1 << 18  # what a core has at hand: larger ones are looked through more slowly
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_PACKED = {b"Rar!": "RAR 压缩包", b"7z\xbc\xaf": "7z 压缩包", b"\x1f\x8b": "gzip 压缩包"}
_FOREIGN = {
    b"%PDF": "PDF 文件",
    b"\xff\xd8\xff": "图片",
    b"\x89PNG": "图片",
    b"PAR1": "Parquet 文件",
}
_SECRET_MARK = "密★"
_RARE = {"utf-8": 3, "gb18030": 1, "utf-16-le": 2}  # where bytes begin in it that stand in few texts
_LOST = ("\ufffd".encode(), "锟斤拷".encode())
_SECRET_WORD = re.compile(r"(绝密|机密|秘密)\s*([★☆].*)?")
_SECRET_NAME = re.compile(r"(绝密|机密|秘密)\s*[★☆]|[（(\[【](绝密|机密|秘密)[^）)\]】]*[）)\]】]")

_UTF8_RUN = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){3}")  # three Chinese characters
_JSON = re.compile(rb"\s*(\x1e|\{\s*[\"}]|\[\s*[{\]])")

Kind = Literal["csv", "xlsx", "xls", "html", "json"]


def file_kind(path: Path) -> Kind:
    """Raises Refused for what is no table, with the name of what it is."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head.strip(b"\x00\r\n\t ,"):
        raise Refused("empty_file")
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(path)
    if head.startswith(_OLE):
        return _ole_kind(path)
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise Refused("packed", kind=name)
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise Refused("unknown_format", kind=name)
    text = head.lstrip(codecs.BOM_UTF8).lstrip().lower()
    if text.startswith((b"<html", b"<!doctype html", b"<table", b"<meta", b"<head", b"<style")):
        return "html"
    if text.startswith(b"<?xml"):
        if b"office:spreadsheet" in text:
            raise Refused("unknown_format", kind="Excel 2003 XML 表格")
        return "html" if b"<html" in text else _refuse("XML 文件")
    if text.startswith((b"{\\rtf", b"from:", b"mime-version")):
        raise Refused("unknown_format", kind="RTF 或网页存档文件")
    return "json" if _JSON.match(head.removeprefix(codecs.BOM_UTF8)) else "csv"


def _refuse(name: str) -> Kind:
    raise Refused("unknown_format", kind=name)


def _zip_kind(path: Path) -> Kind:
    archive.check(path)
    with archive.opened(path) as opened:
        names = opened.namelist()
    if "content.xml" in names:
        return _refuse("OpenDocument 表格")
    if "xl/workbook.bin" in names:
        return _refuse("二进制工作簿（.xlsb）")
    if any(n.startswith("xl/workbook") for n in names):
        return "xlsx"
    for folder, kind in (("word/", "Word 文档"), ("ppt/", "演示文稿"), ("doc.kml", "地图文件（KMZ）")):
        if any(n.startswith(folder) for n in names):
            return _refuse(kind)
    raise Refused("packed", kind="zip 压缩包")


def _ole_kind(path: Path) -> Kind:
    streams = biff.streams(path)
    if "EncryptedPackage" in streams or biff.has_password(path):
        raise Refused("password")
    if "WordDocument" in streams:
        raise Refused("unknown_format", kind="Word 文档")
    return "xls"


def secrecy(path: Path, name: str) -> bool:
    """Does the file bear 绝密★, 机密★ or 秘密★ anywhere, or the word alone in its name?

    Looked for in the bytes themselves, so that it is found whatever else is wrong with the file.
    """
    return bool(_SECRET_NAME.search(name)) or _looked_through(_as_it_is(path)).is_secret


def plainly_utf8(path: Path) -> bool:
    """Is all of it UTF-8, without a trace of lost characters? The usual case, seen fast; of others nothing is said."""
    return _looked_through(_as_it_is(path)).is_utf8


@dataclass(frozen=True)
class _File:
    """A file as it is now, wherever it is moved."""

    path: Path = field(compare=False)
    device: int
    inode: int
    size: int
    changed: int


def _as_it_is(path: Path) -> _File:
    found = path.stat()
    return _File(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class _Looked(NamedTuple):
    is_secret: bool
    is_utf8: bool


@lru_cache(maxsize=8)
def _looked_through(file: _File) -> _Looked:
    """What is asked of all bytes of a file, in one go, for it may be large."""
    utf8, *others = ((_SECRET_MARK.encode(encoding), rare) for encoding, rare in _RARE.items())
    is_plain = True
    for block in _blocks(file.path):
        is_utf8 = _is_utf8(block)
        is_plain = is_plain and is_utf8 and not any(_holds(block, mark, 0) for mark in _LOST)
        # What is UTF-8 cannot hold the mark in another encoding: its bytes would not be UTF-8.
        if _holds(block, *utf8) or (not is_utf8 and any(_holds(block, *mark) for mark in others)):
            return _Looked(is_secret=True, is_utf8=False)
    return _Looked(is_secret=False, is_utf8=is_plain)


def is_secret_title(cell: str) -> bool:
    """A cell above the header or below the rows that is nothing but a grade of secrecy."""
    return bool(_SECRET_WORD.fullmatch("".join(cell.split())))


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in overlapping blocks; of a zip archive, the contents of its parts."""
    with path.open("rb") as stream:
        zipped = stream.read(4) == b"PK\x03\x04"
        stream.seek(0)
        yield from _overlapping(archive.blocks(path) if zipped else _lines(stream))


def _overlapping(blocks: Iterator[bytes]) -> Iterator[bytes]:
    tail = b""
    for block in blocks:
        yield tail + block if tail else block
        tail = b"" if block.endswith(b"\n") else block[-8:]


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The rest of the file in blocks that end with a line, unless lines are very long."""
    while block := stream.read(_BLOCK):
        yield block if block.endswith(b"\n") else block + stream.readline(CHUNK)


def _holds(block: bytes, mark: bytes, rare: int) -> bool:
    """Do these bytes stand in the block? At ``rare`` two of them begin that are seldom side by side, the first perhaps
    nowhere: numpy looks for them as one number, from even and from odd places, in a quarter of the time."""
    if mark[rare : rare + 1] not in block:
        return False
    pair = np.frombuffer(mark, np.uint16, 1, rare)
    from_each = (np.frombuffer(block, np.uint16, (len(block) - begin) // 2, begin) for begin in (0, 1))
    return any((pairs == pair).any() for pairs in from_each) and mark in block


def _is_utf8(block: bytes) -> bool:
    """By Arrow, which is several times faster than decoding."""
    ends = pa.py_buffer(struct.pack("<2i", 0, len(block)))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(block)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def text_encoding(path: Path) -> str:
    """BOM, else strict UTF-8, else strict GB18030: never a guess. Raises Refused at the first byte that is neither."""
    with path.open("rb") as stream:
        head = stream.read(4)
    for bom, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(bom):
            if not plainly_utf8(path) and (bad := _first_bad(path, encoding)) is not None:
                raise _mojibake(path, bad)
            return encoding
    if plainly_utf8(path):
        return "utf-8"
    offsets: dict[str, int] = {}
    for encoding in ("utf-8", "gb18030"):
        bad = _first_bad(path, encoding)
        if bad is None:
            if encoding == "gb18030":
                _check_changed(path, offsets["utf-8"])
                _check_mixed(path)
            return encoding
        offsets[encoding] = bad
    _check_changed(path, offsets["utf-8"])
    raise _mojibake(path, max(offsets.values()))


def _check_mixed(path: Path) -> None:
    """Lines of UTF-8 are often valid GB18030 as well, and read as nonsense. Raises Refused where they stand in it."""
    line = 0
    with path.open("rb") as stream:
        for block in _lines(stream):
            for found in _UTF8_RUN.finditer(block):
                start, end = block.rfind(b"\n", 0, found.start()) + 1, block.find(b"\n", found.end())
                if _is_utf8(block[start : end if end >= 0 else len(block)]):
                    row = line + block.count(b"\n", 0, start) + 1
                    raise Refused("mixed_encoding", row=row, before="GB18030", after="UTF-8")
            line += block.count(b"\n")


def _check_changed(path: Path, bad: int) -> None:
    """Raises Refused where Chinese in UTF-8 stands before the first byte that is not, and that line is GB18030."""
    with path.open("rb") as stream:
        stream.seek(max(bad - CHUNK, 0))
        before = stream.read(min(bad, CHUNK))
        start = before.rfind(b"\n") + 1
        line = before[start:] + stream.readline(CHUNK)
    if _UTF8_RUN.search(before[:start]) and _decodes(line, "gb18030"):
        raise Refused("mixed_encoding", row=_line_at(path, bad), before="UTF-8", after="GB18030")


def _line_at(path: Path, offset: int) -> int:
    with path.open("rb") as stream:
        blocks = (stream.read(min(CHUNK, offset - done)) for done in range(0, offset, CHUNK))
        return sum(block.count(b"\n") for block in blocks) + 1


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _first_bad(path: Path, encoding: str) -> int | None:
    """Offset of the first byte that does not decode. Raises Refused where characters had been lost before."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    position = 0
    with path.open("rb") as stream:
        while True:
            block = stream.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return position - pending + error.start
            if "\ufffd" in text or "锟斤拷" in text:
                raise Refused("lost_characters", row=_line_of_loss(path, encoding))
            if not block:
                return None
            position += len(block)


def _mojibake(path: Path, offset: int) -> Refused:
    return Refused("mojibake", row=_line_at(path, offset), offset=offset + 1)


def _line_of_loss(path: Path, encoding: str) -> int:
    with path.open(encoding=encoding, newline="") as lines:
        for number, line in enumerate(lines, 1):
            if "\ufffd" in line or "锟斤拷" in line:
                return number
    return 1
