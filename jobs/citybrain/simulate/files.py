"""The files as departments hand them in: csv in two encodings, and workbooks with titles, merged headers, totals.

Rows are appended period by period while the simulation goes on, so that nothing is held in memory; workbooks are
spooled as text and written at the end. Two runs give the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from citybrain.simulate.plan import Delivery

Row = Sequence[str | None]
SHEET = "明细"
SHEET_HEAD = 4  # rows above the data: title, unit, two rows of header
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
BARE_NUMBER = re.compile(r"\d{5}\.\d{10}|\d\.\d+E\+\d+")  # a date or an identity number that Excel took for a number


@dataclass(frozen=True)
class Layout:
    """The columns of a table in a workbook: which stand under one heading, which hold numbers."""

    title: str
    unit: str
    header: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    numbers: frozenset[str]
    counted: str  # the column in which the row of totals shows the count
    renamed: dict[str, str] = field(default_factory=dict)  # in one file columns have other names
    renamed_in: int = -1  # the period of that file
    units: dict[str, str] = field(default_factory=dict)  # in one file columns are told in the unit that they state
    units_in: int = -1

    def header_of(self, file: Delivery) -> list[str]:
        names = self.renamed if file.slot == self.renamed_in else {}
        units = self.units if file.slot == self.units_in else {}
        names = {**names, **{name: f"{name}（{unit}）" for name, unit in units.items()}}
        return [names.get(name, name) for name in self.header]


@dataclass
class Count:
    """What went into one file: all data rows, and of these the bad ones and the ones to be set aside."""

    rows: int = 0
    bad: int = 0
    set_aside: int = 0


@dataclass
class Outbox:
    """The files of one table, open for appending."""

    out: Path
    layout: Layout
    files: list[Delivery]
    counts: list[Count] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [Count() for _ in self.files]
        for file in self.files:
            path = self._body(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"" if file.is_sheet else _csv([self.layout.header_of(file)], file.encoding))

    def _body(self, file: Delivery) -> Path:
        return self.out / ".spool" / f"{file.table}_{file.slot}.csv" if file.is_sheet else file.path(self.out)

    def append(self, index: int, rows: Sequence[Row]) -> int:
        """Add rows to a file; gives the number that a person sees beside the first of them."""
        file, count = self.files[index], self.counts[index]
        first = count.rows + (SHEET_HEAD + 1 + (file.totals == "first") if file.is_sheet else 2)
        encoding = "gb18030" if file.encoding == "gb18030" else "utf-8"
        with self._body(file).open("ab") as body:
            body.write(_csv(rows, encoding))
        count.rows += len(rows)
        return first

    def close(self) -> list[tuple[Delivery, int | None, str, str]]:
        """Write the workbooks; gives the remarks on whole files and rows: file, row, verdict, text."""
        remarks: list[tuple[Delivery, int | None, str, str]] = []
        for file, count in zip(self.files, self.counts, strict=True):
            if file.is_sheet:
                with self._body(file).open(encoding="utf-8", newline="") as body:
                    written = write_sheet(file.path(self.out), self.layout, file, csv.reader(body), count.rows)
                remarks += [(file, row, kind, text) for row, kind, text in written]
                if self.layout.groups:
                    remarks.append((file, SHEET_HEAD - 1, "X02", ""))
                count.set_aside += bool(file.totals)
                count.rows += bool(file.totals)
                continue
            if file.encoding == "gb18030":
                remarks.append((file, None, "X03", file.encoding))
            if file.slot == self.layout.renamed_in:
                remarks.append((file, 1, "X09", list(self.layout.renamed.values())[-1]))
        return remarks

    def rows_of(self, file: Delivery) -> list[list[str]]:
        """The data rows of a workbook, as they were spooled."""
        with self._body(file).open(encoding="utf-8", newline="") as body:
            return list(csv.reader(body))

    def repeat(self, index: int, name: str) -> Path:
        source = self.files[index].path(self.out)
        return Path(shutil.copyfile(source, source.with_name(name)))


def _csv(rows: Iterable[Row], encoding: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def write_sheet(
    path: Path, layout: Layout, file: Delivery, rows: Iterable[Row], count: int
) -> list[tuple[int, str, str]]:
    """One workbook; gives the rows that are no data (Excel's number, verdict, text of the first cell)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False})
    book.set_properties({"title": "模拟数据", "author": "模拟", "created": datetime(2026, 1, 1)})  # noqa: DTZ001
    sheet = book.add_worksheet(SHEET)
    bold = book.add_format({"bold": True, "align": "center", "border": 1})
    when = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    last = len(layout.header) - 1
    title = f"佛山市南海区{layout.title}（模拟数据）"
    unit = f"单位：{layout.unit}    统计区间：{file.span}    导出时间：{file.delivered:%Y-%m-%d %H:%M:%S}"
    sheet.merge_range(0, 0, 0, last, title, bold)
    sheet.merge_range(1, 0, 1, last, unit)
    _header(sheet, layout, bold)
    remarks = [(1, "X01", title), (2, "X01", unit)]
    total = ["合计"] + [f"共{count}{layout.unit}" if name == layout.counted else "" for name in layout.header[1:]]
    at = SHEET_HEAD
    if file.totals == "first":
        at = _totals(sheet, at, total, remarks)
    kinds = [_kind(layout, name) for name in layout.header]
    for row in rows:
        _write_row(sheet, at, row, kinds, when if file.real_dates else None)
        at += 1
    if file.totals == "last":
        at = _totals(sheet, at, total, remarks)
    for text in ("制表人：模拟员甲    审核人：模拟员乙", "注：本表为模拟数据，不涉及真实个人和单位。"):
        sheet.write_string(at, 0, text)
        at += 1
        remarks.append((at, "X01", text))
    book.close()
    return remarks


def _totals(sheet: Worksheet, at: int, total: list[str], remarks: list[tuple[int, str, str]]) -> int:
    for column, text in enumerate(total):
        if text:
            sheet.write_string(at, column, text)
    remarks.append((at + 1, "X01 合计", total[0]))
    return at + 1


def _header(sheet: Worksheet, layout: Layout, bold: object) -> None:
    """Two rows: columns of a group stand under its name, the others are merged over both rows."""
    top = SHEET_HEAD - 2
    grouped = {name: group for group, names in layout.groups.items() for name in names}
    for column, name in enumerate(layout.header):
        if name not in grouped:
            sheet.merge_range(top, column, top + 1, column, name, bold)
            continue
        sheet.write_string(top + 1, column, name, bold)
        names = layout.groups[grouped[name]]
        if name == names[0]:
            sheet.merge_range(top, column, top, column + len(names) - 1, grouped[name], bold)


def _kind(layout: Layout, name: str) -> str:
    if name in layout.numbers:
        return "number"
    if name.endswith("时间") or name.startswith("特别程序"):
        return "date"
    return "number-like" if "证" in name else "text"


def _write_row(sheet: Worksheet, at: int, row: Row, kinds: list[str], when: object) -> None:
    """Numbers as numbers, dates as text or dates, and what Excel took for a number as a bare number."""
    for column, (text, kind) in enumerate(zip(row, kinds, strict=True)):
        if not text:
            continue
        if kind == "number" and text.isascii() and text.replace(".", "", 1).isdigit():
            sheet.write_number(at, column, float(text))
        elif kind == "date" and when and STAMP.fullmatch(text) and "-02-30" not in text:
            sheet.write_datetime(at, column, datetime.fromisoformat(text), when)
        elif kind in ("date", "number-like") and BARE_NUMBER.fullmatch(text):
            sheet.write_number(at, column, float(text))
        else:
            sheet.write_string(at, column, text)


def remove_spool(out: Path) -> None:
    shutil.rmtree(out / ".spool", ignore_errors=True)


def letter(column: int) -> str:
    """0 → A, 26 → AA."""
    return (letter(column // 26 - 1) if column >= 26 else "") + chr(65 + column % 26)
