"""Cells that are plainly as agreed at a glance: numpy looks at all texts of a column at once, in a tenth of the time
that a query takes.

What is sure here is plain by ``cells.is_plain``, which has the last word on all other texts: an unusual form, a leap
day, a landline.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from citybrain.contracts import Field
from citybrain.ingest.cells import NOTHING, Delivered, digits_of, kind_of, places_of

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint16]

_ZERO = np.uint8(ord("0"))

_FIXED = re.compile(r"\^([A-Za-z0-9]|\\d(\{\d+\})?)+\$")  # patterns of one length
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.uint8)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643, as reading.sql has them
_CHECK_DIGITS = np.frombuffer(b"10X98765432", np.uint8)


@dataclass(frozen=True)
class _Texts:
    """Texts as Arrow holds them: their bytes one after another, where each begins and ends."""

    all: Bytes
    begin: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]

    @property
    def length(self) -> npt.NDArray[np.int32]:
        return self.end - self.begin

    def byte(self, place: int) -> Bytes:
        """Of each text the byte at a place from its begin, or before its end; 0 where it is shorter."""
        at = self.begin + place if place >= 0 else self.end + place
        inside = (at >= self.begin) & (at < self.end)
        return np.where(inside, self.all[np.where(inside, at, 0)] if len(self.all) else 0, 0).astype(np.uint8)

    def having(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The number of the text in which each of these bytes is."""
        if len(places) == len(self.end) and (places >= self.begin).all() and (places < self.end).all():
            return np.arange(len(places))  # one in each, which is usual and sooner seen than searched
        return np.searchsorted(self.end, places, side="right")

    def of_length(self, length: int) -> tuple[Mask, Bytes]:
        """Which are so long, and their bytes by place: all first bytes, all second ones, …"""
        fits = self.length == length
        if np.count_nonzero(fits) * length == len(self.all):
            found = self.all.reshape(-1, length)
        else:
            found = self.all[self.begin[fits][:, None] + np.arange(length)]
        return fits, np.ascontiguousarray(found.T)


def sure(column: pa.ChunkedArray, field: Field) -> Mask | None:
    """Of each cell (string): is it empty, or surely plain? None where the field's kind is not looked at."""
    look = _look_at(field)
    if look is None or not pa.types.is_string(column.type):
        return None
    return np.concatenate([np.zeros(0, bool), *(_sure(chunk, look) for chunk in column.chunks)])


def first_bytes(column: pa.ChunkedArray) -> Bytes:
    """Of each cell (string, or a dictionary of them) the first byte; 0 where it is null or empty."""
    found = [np.zeros(0, np.uint8)]
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            of = np.append(_texts(chunk.dictionary).byte(0), np.uint8(0))
            found.append(of[chunk.indices.fill_null(len(of) - 1).to_numpy()])
        else:
            first = _texts(chunk).byte(0)
            found.append(np.where(_filled(chunk), first, 0) if chunk.null_count else first)
    return np.concatenate(found)


def _sure(chunk: pa.Array, look: Callable[[_Texts], Mask]) -> Mask:
    found = look(_texts(chunk))
    return found | ~_filled(chunk) if chunk.null_count else found


def _filled(chunk: pa.Array) -> Mask:
    return chunk.is_valid().to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _texts(chunk: pa.Array) -> _Texts:
    _, offsets, data = chunk.buffers()
    at = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1] if len(chunk) else np.zeros(1)
    first, last = int(at[0]), int(at[-1])
    at = (at - first).astype(np.int32)
    return _Texts(np.frombuffer(data, np.uint8)[first:last] if last > first else np.zeros(0, np.uint8), at[:-1], at[1:])


def _look_at(field: Field) -> Callable[[_Texts], Mask] | None:
    kind = kind_of(field)
    if field.enum or (isinstance(field, Delivered) and field.is_never_plain):
        return None
    if kind in _FORMS:
        return partial(_has_length, *_FORMS[kind])
    if kind == "text":
        return _is_text
    special = {*NOTHING, *field.nulls, *field.values}
    if kind == "number" and not field.nulls and not field.values:
        return partial(_is_number, places=places_of(field), digits=digits_of(field))
    if field.check == "id_card":
        return partial(_has_length, 18, _is_identity)
    if kind == "code" and (not field.pattern or field.nulls or field.values):
        return partial(_is_code, special=special)
    if kind == "code" and _FIXED.fullmatch(field.pattern or ""):
        form = re.sub(r"\\d(\{(\d+)\})?", lambda m: "#" * int(m[2] or 1), (field.pattern or "")[1:-1])
        return partial(_has_length, len(form), partial(_has_form, form=form))
    return None


def _has_length(length: int, is_so: Callable[[Bytes], Mask], texts: _Texts) -> Mask:
    fits, found = texts.of_length(length)
    fits[fits] = is_so(found)
    return fits


def _has_form(found: Bytes, form: str) -> Mask:
    """A digit stands where the form has ``#``, elsewhere its very sign."""
    sound = np.ones(found.shape[1], bool)
    for place, sign in enumerate(form):
        sound &= found[place] - _ZERO <= 9 if sign == "#" else found[place] == ord(sign)
    return sound


def _two(found: Bytes, place: int) -> Numbers:
    """The number that two digits are."""
    number: Numbers = (found[place] - _ZERO) * np.uint16(10) + found[place + 1] - _ZERO
    return number


def _is_day(century: Numbers, month: Numbers, day: Numbers) -> Mask:
    """Of these two centuries, but for leap days."""
    known = (century >= 19) & (century <= 20) & (month >= 1) & (month <= 12)
    sound: Mask = known & (day >= 1) & (day <= _DAYS[np.minimum(month, 12)])
    return sound


def _is_date(found: Bytes, since: int = 1950) -> Mask:
    sound = _has_form(found, "####-##-##") & _is_day(_two(found, 0), _two(found, 5), _two(found, 8))
    sound &= _two(found, 0) * np.uint16(100) + _two(found, 2) >= since
    return sound


def _is_moment(found: Bytes) -> Mask:
    """From 1992 on, when Shanghai had given up summer time."""
    sound = _is_date(found, since=1992) & _has_form(found[10:], " ##:##:##")
    sound &= (_two(found, 11) < 24) & (_two(found, 14) < 60) & (_two(found, 17) < 60)
    return sound


def _is_mobile(found: Bytes) -> Mask:
    sound = _has_form(found, "1##########")
    sound &= found[1] >= ord("3")
    return sound


def _is_identity(found: Bytes) -> Mask:
    """With a birthday and the right check digit (GB 11643)."""
    total = sum((found[place] - _ZERO) * np.uint16(weight) for place, weight in enumerate(_WEIGHTS))
    sound = _has_form(found, "#" * 17) & _is_day(_two(found, 6), _two(found, 10), _two(found, 12))
    sound &= (found[0] != ord("0")) & (found[17] == _CHECK_DIGITS[total % 11])
    return sound


_FORMS: dict[str, tuple[int, Callable[[Bytes], Mask]]] = {
    "timestamp": (19, _is_moment),
    "date": (10, _is_date),
    "phone": (11, _is_mobile),
}


def _is_number(texts: _Texts, places: int, digits: int) -> Mask:
    """Digits, perhaps with a point among them."""
    others = np.flatnonzero(texts.all - _ZERO > 9)
    having = texts.having(others)
    point, count = texts.end.copy(), np.bincount(having, minlength=len(texts.end))
    point[having] = others
    is_point = np.ones(len(point), bool)
    is_point[having] = texts.all[others] == ord(".")
    whole, fraction = point - texts.begin, texts.end - point - 1
    sound: Mask = (count == 0) | ((count == 1) & is_point & (fraction >= 1) & (fraction <= places))
    sound &= (whole >= 1) & (whole <= digits) & ((whole == 1) | (texts.byte(0) != ord("0")))
    return sound


_LETTERS = np.isin(np.arange(256), [*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)])
_LETTERS[[ord("x"), ord("X")]] = False  # which may be a mask
_DIGITS = np.isin(np.arange(256), [*range(ord("0"), ord("9") + 1)])
_OF_CODES = _LETTERS | _DIGITS
_OF_CODES[ord("-")] = True


def _is_code(texts: _Texts, special: Collection[str]) -> Mask:
    """Letters, digits and dashes, longer than any word that means something else."""
    longest = max(len(word.encode()) for word in special if word.isascii())
    sound = texts.length > longest
    sound[texts.having(np.flatnonzero(~_OF_CODES[texts.all]))] = False
    first, second = texts.byte(0), texts.byte(1)
    sound &= _LETTERS[first] | (_DIGITS[first] & _DIGITS[second])
    return sound


def _is_text(texts: _Texts) -> Mask:
    """Begins with a Chinese character and does not end with a blank of any kind that ``cells`` knows."""
    first, before, last = texts.byte(0), texts.byte(-2), texts.byte(-1)
    blank = np.isin(last, [9, 10, 13, 32]) | ((last == 0xA0) & (before == 0xC2)) | ((last == 0xBF) & (before == 0xBB))
    blank |= ((last == 0x8B) | (last == 0x80)) & (before == 0x80)
    sound: Mask = (first >= 0xE4) & (first <= 0xE9) & ~blank
    return sound
