"""How far a sheet goes, told by its XML before a reader lays it out as a grid, and which cells readers take for empty.

A sheet as Excel writes it is looked through by numpy, its cells all at once; any other is read cell by cell.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from citybrain.ingest.outcome import Refused

CELLS = 60_000_000  # of the grid of a sheet
ROWS, COLUMNS = 1_048_576, 16_384  # what Excel itself can hold
ERRORS = 1_000_000  # cells
UNCALCULATED = "#没有算出的公式!"

_TAG = re.compile(rb"<(?:[\w.-]+:)?(row|c)(?=[\s/>])([^>]*)>")
_PLACE = re.compile(rb"(?:^|\s)r\s*=\s*[\"']\$?([A-Za-z]*)\$?(\d*)")
_ROW = re.compile(rb"<(?:[\w.-]+:)?row(\s[^<>]{0,999})(?<!/)>(?!</)")
_HIDDEN = re.compile(rb"\shidden\s*=\s*[\"'](?:1|true)[\"']")
_ENOUGH = 200  # hidden rows: more than stand above a table
_CELL = re.compile(rb"<c\b([^>]*)>(?:<f\b[^>]*(?:/>|>([^<]*)</f>))?(?:<v\s*/>|<v>([^<]*)</v>)?</c>")
_STYLED = rb'<c r="([A-Z]{1,3})(\d{1,7})" s="(?:%s)"(?: t="n")?>(?:<f\b[^>]*(?:/>|>[^<]*</f>))?<v>([-+.\dEe]+)</v>'
_LITERAL = re.compile(r"\"[^\"]*\"|\\.")  # what a number format shows as it stands
PERCENT_BUILT_IN = (9, 10)  # number formats that no workbook spells out
_EMPTY_FORMULA = (b"</f></c>", b"</f><v></v></c>", b"</f><v/></c>", b"</f><v /></c>", b"/></c>", b"/><v></v></c>")

_BEYOND = bytes(16)  # so that what follows the last byte may be asked for
_ENDS_A_NAME = np.isin(np.arange(256), list(b"\t\n\r />"))
_R = int.from_bytes(b' r="', "little")
_DIGITS = 7
_TAG_BYTES = 64  # of the tag of an empty cell, at most

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def shows_percent(code: str) -> bool:
    """Whether a number format shows 0.05 as 5%."""
    return "%" in _LITERAL.sub("", code)


def percentage(value: float) -> str:
    """As a sheet shows it, whatever its decimals."""
    return f"{value * 100:.12g}%"


@dataclass
class Grid:
    """How far a sheet goes, and the cells of it that readers take for empty."""

    rows: int = 0
    columns: int = 0
    errors: dict[int, dict[int, str]] = field(default_factory=dict)  # row → column → what stands there; percentages too
    count: int = 0  # of those
    is_usual: bool = True  # every cell says first where it is, and no row stands below a later one
    percents: tuple[int, ...] = ()  # styles of cells whose numbers are shown as percentages
    hidden: list[int] = field(default_factory=list)  # rows that hold cells and are not shown; the first of them
    filled: int = 0  # columns up to the last cell that has any content; of usual sheets
    _row: int = 0
    _column: int = 0
    _cells: int = 0

    def take(self, block: bytes) -> None:
        """Looks at whole rows; raises Refused where there are too many, or entities are defined."""
        view = np.frombuffer(block + _BEYOND, np.uint8)
        tags, follows = view[:-1] == ord("<"), view[1:]
        if (tags & (follows == ord("!"))).any() and b"<!DOCTYPE" in block:
            raise Refused("unknown_format", kind="含有自定义实体的文件（表格软件不会这样写）")
        cells = np.flatnonzero(tags & (follows == ord("c")))
        cells = cells[_ENDS_A_NAME[view[cells + 2]]]
        if _has_prefixes(view) or not self._at_once(view, cells):
            self.is_usual = False
            self._exactly(block)
        self._check()
        self._look_for_hidden(block)
        if self.percents:
            self._percentages(block)
        is_error = _beside(view, b'"e').any() and b't="e"' in block
        has_formulas = (tags & (follows == ord("f"))).any()
        if is_error or (has_formulas and any(mark in block for mark in _EMPTY_FORMULA)):
            self._errors(block)

    def _at_once(self, view: Bytes, cells: Places) -> bool:
        """All cells of the block, unless one does not say where it is as Excel says it: that is False."""
        if not len(cells):
            return True
        begins, place = _words(view, cells + 2), _words(view, cells + 6)
        first, second, third = ((place >> bits) & 0xFF for bits in (0, 8, 16))
        is_wide = second > ord("9")  # column AA or behind
        first, second = first & 0xDF, second & 0xDF  # in capitals
        columns = np.where(is_wide, (first - 64) * 26 + second - 64, first - 64)
        rows = _numbers(view, cells + 7 + is_wide)
        known = (_letters(first) & (~is_wide | _letters(second)) & ((third <= ord("9")) | ~is_wide)).all()
        if not (known and ((begins & 0xFFFFFFFF) == _R).all() and (rows > 0).all()):
            return False
        self._cells += len(cells)
        self.is_usual = self.is_usual and bool(rows[0] >= self.rows and (np.diff(rows) >= 0).all())
        self.rows = self._row = max(self.rows, int(rows.max()))
        self.columns = max(self.columns, int(columns.max()))
        behind = columns > self.filled
        behind[behind] = ~_are_empty(view, cells[behind])
        self.filled = max(self.filled, int(columns[behind].max(initial=0)))
        return True

    def _exactly(self, block: bytes) -> None:
        """Cell by cell, as readers count where none says where it is."""
        for tag in _TAG.finditer(block):
            place = _PLACE.search(tag[2])
            letters, digits = (place[1], place[2].lstrip(b"0")[:8]) if place else (b"", b"")
            if tag[1] == b"row":
                self._row, self._column = int(digits) if digits else self._row + 1, 0
            else:
                self._column = _number(letters) if letters else self._column + 1
                self._cells += 1
            self.rows = max(self.rows, self._row, int(digits or 0))
            self.columns = max(self.columns, self._column)
            if self._cells > CELLS:
                return

    def _check(self) -> None:
        if self.rows > ROWS or self.columns > COLUMNS or self.rows * self.columns > CELLS:
            raise too_large(f"工作表占 {self.rows:,} 行 {self.columns:,} 列", f"{CELLS:,} 格")
        if self._cells > CELLS:
            raise too_large(f"工作表有 {self._cells:,} 格以上", f"{CELLS:,} 格")

    def _look_for_hidden(self, block: bytes) -> None:
        if len(self.hidden) < _ENOUGH and b"hidden" in block:
            hidden = (tag[1] for tag in _ROW.finditer(block) if _HIDDEN.search(tag[1]))
            places = (_PLACE.search(tag) for tag in itertools.islice(hidden, _ENOUGH))
            self.hidden += [int(place[2][:8]) for place in places if place and place[2]]

    def _percentages(self, block: bytes) -> None:
        """A reader tells 0.05 where the sheet shows 5%: what is shown is what the sender means."""
        styles = b"|".join(b"%d" % style for style in self.percents)
        for column, row, value in re.findall(_STYLED % styles, block):
            self.errors.setdefault(int(row), {})[_number(column) - 1] = percentage(float(value))
            self.count += 1
        if self.count > ERRORS:
            raise too_large(f"百分比格式的格和公式错误有 {self.count:,} 处以上", f"{ERRORS:,} 处")

    def _errors(self, block: bytes) -> None:
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
            raise too_large(f"公式错误有 {self.count:,} 处以上", f"{ERRORS:,} 处")


def _has_prefixes(view: Bytes) -> bool:
    """May there be cells whose tags name their namespace, as in <x:c>?"""
    return bool(_ENDS_A_NAME[view[_beside(view, b":c") + 2]].any())


def _beside(view: Bytes, pair: bytes) -> Places:
    return np.flatnonzero((view[:-1] == pair[0]) & (view[1:] == pair[1]))


def _words(view: Bytes, at: Places) -> npt.NDArray[np.int64]:
    """The eight bytes from each place on as one number, the first byte lowest."""
    overlapping: npt.NDArray[np.int64] = np.ndarray(len(view) - 7, "<i8", view, strides=(1,))
    return overlapping[at]


def _letters(bytes_: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return (bytes_ >= ord("A")) & (bytes_ <= ord("Z"))


def _numbers(view: Bytes, at: Places) -> npt.NDArray[np.int64]:
    """The decimal number at each place; 0 where there is none, or one of more digits than Excel has rows."""
    numbers = np.zeros(len(at), np.int64)
    for _ in range(_DIGITS):
        digit = view[at] - np.uint8(ord("0"))  # what stands before 0 wraps around
        is_digit = digit < 10
        if not is_digit.any():
            return numbers
        numbers = np.where(is_digit, numbers * 10 + digit, numbers)
        at = at + is_digit
    return np.where(view[at] - np.uint8(ord("0")) < 10, 0, numbers)


def _are_empty(view: Bytes, tags: Places) -> npt.NDArray[np.bool_]:
    """Do these tags close themselves, as those of cells do that have nothing but a place and a style?"""
    at = tags
    for _ in range(_TAG_BYTES):
        goes_on = view[at] != ord(">")
        if not goes_on.any():
            break
        at = np.minimum(at + goes_on, len(view) - 1)
    closed: npt.NDArray[np.bool_] = (view[at] == ord(">")) & (view[at - 1] == ord("/"))
    return closed


def _number(letters: bytes) -> int:
    """A → 1, AA → 27."""
    number = 0
    for letter in letters.upper()[:4]:
        number = number * 26 + letter - 64
    return number


def too_large(what: str, limit: str) -> Refused:
    return Refused("too_large", what=what, limit=limit)
