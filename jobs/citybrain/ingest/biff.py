"""What an old workbook (.xls, .et) says and its reader does not: a password, cells that hold an error, the base of its
dates.

Such a workbook is a stream of records in a compound file: kind, length, data. Its sheets stand behind each other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import olefile

from citybrain.ingest.outcome import Refused

Errors = dict[int, dict[int, str]]  # row, as a person counts → column, from 0 → what stands there

_STREAMS = ("Workbook", "Book")  # since 1997, before
_FILEPASS, _BOUNDSHEET, _DATEMODE, _BEGIN, _END, _FORMULA, _BOOLERR = 0x2F, 0x85, 0x22, 0x809, 0x0A, 0x06, 0x205
_TEXTS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_HEAD, _PLACE = struct.Struct("<HH"), struct.Struct("<HH")


@dataclass(frozen=True)
class Book:
    """``errors``: of each sheet, in the order of the sheets."""

    errors: tuple[Errors, ...]
    since_1904: bool


def has_password(path: Path) -> bool:
    """Is it encrypted? The reader takes such a workbook for a broken one. Of one that is broken nothing is said."""
    try:
        return any(kind == _FILEPASS for kind, _, _ in _records(_stream(path), 0))
    except Exception:  # of a broken file olefile raises whatever its bytes lead to
        return False


def looked_into(path: Path) -> Book:
    """Raises Refused where the records cannot be followed: an error must not pass for an empty cell."""
    try:
        stream = _stream(path)
        starts, since_1904 = [], False
        for kind, at, _ in _records(stream, 0):
            if kind == _BOUNDSHEET:
                starts.append(struct.unpack_from("<I", stream, at)[0])
            elif kind == _DATEMODE:
                since_1904 = stream[at] == 1
        return Book(tuple(_errors(stream, start) for start in starts), since_1904)
    except Exception as error:
        raise Refused("unknown_format", kind="损坏的表格文件") from error


def _stream(path: Path) -> bytes:
    with olefile.OleFileIO(path) as compound:
        found: bytes = compound.openstream(next(filter(compound.exists, _STREAMS))).read()
    return found


def _records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and length of the data of each record from ``start`` to the end of that part; charts within a sheet
    are parts of their own."""
    at, depth = start, 0
    while at + _HEAD.size <= len(stream):
        kind, length = _HEAD.unpack_from(stream, at)
        at += _HEAD.size
        depth += (kind == _BEGIN) - (kind == _END)
        if depth <= 0:
            return
        yield kind, at, length
        at += length


def _errors(stream: bytes, start: int) -> Errors:
    found: Errors = {}
    for kind, at, length in _records(stream, start):
        code = None
        if kind == _BOOLERR and length >= 8 and stream[at + 7] == 1:
            code = stream[at + 6]
        elif kind == _FORMULA and length >= 14 and stream[at + 6] == 2 and stream[at + 12 : at + 14] == b"\xff\xff":
            code = stream[at + 8]
        if code is not None:
            row, column = _PLACE.unpack_from(stream, at)
            found.setdefault(row + 1, {})[column] = _TEXTS.get(code, "#VALUE!")
    return found
