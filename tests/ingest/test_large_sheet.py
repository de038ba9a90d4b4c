"""A large sheet is read by another reader than a small one, and says the same, cell by cell."""

from __future__ import annotations

import datetime as dt
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from unittest import mock

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.ingest import first_rows, large_sheet, workbook
from citybrain.ingest.header import letter
from citybrain.ingest.outcome import Refused
from citybrain.ingest.sheet_source import SheetSource, whole
from tests.portal import sheets

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STYLES = "".join(
    f'<xf numFmtId="{format}"/>' for format in (0, 22, 14, 46, 10)
)  # a moment, a day, hours, a percentage
_SHARED = ("一", "N/A", "null", "", " 二 ", "三\n行", "&", "3")
PARTS = {
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="5">{_STYLES}</cellXfs></styleSheet>'.encode(),
    "xl/sharedStrings.xml": (
        f'<sst xmlns="{_MAIN}">' + "".join(f"<si><t>{escape(t)}</t></si>" for t in _SHARED) + "</sst>"
    ).encode(),
}


def number(value: object, style: int = 0) -> str:
    return f'<c r="@" s="{style}"><v>{value}</v></c>'


def text(value: str) -> str:
    return f'<c r="@" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def of_kind(kind: str, value: object) -> str:
    return f'<c r="@" t="{kind}"><v>{value}</v></c>'


NOTHING = ["", '<c r="@" s="1"/>', text(""), '<c r="@" t="str"><f>""</f><v></v></c>']
NUMBERS = [
    "-0",
    "1E+300",
    "-1e-7",
    "0.1",
    "1234567890123456",
    "999999999999999",
    "45658.5",
    "inf",
    "0.30000000000000004",
]
KINDS = {
    "numbers": st.one_of(st.sampled_from(NUMBERS), st.floats(allow_nan=False), st.integers(-(10**6), 10**6)).map(
        number
    ),
    "moments": st.floats(1500, 2958465).map(lambda value: number(value, 1)),
    "days": st.integers(1500, 80000).map(lambda value: number(value, 2)),
    "texts": st.text(st.characters(codec="utf-8", categories="LNP"), max_size=5).map(text),
    "shared": st.integers(0, len(_SHARED) - 1).map(lambda at: of_kind("s", at)),
    "truths": st.integers(0, 1).map(lambda value: of_kind("b", value)),
    "of formulas": st.text("ab1 ", max_size=3).map(lambda value: of_kind("str", value)),
}
SELDOM = [
    *(text(word) for word in ("N/A", "NULL", "nan", "-NaN", "None", "<NA>", "1.#IND", "是", "2025-01-01", "12", "1e5")),
    *(of_kind("e", error) for error in ("#N/A", "#DIV/0!", "#REF!", "#NAME?", "#VALUE!", "#GETTING_DATA")),
    *('<c r="@"><f>1+1</f></c>', number("nan"), number("0.25", 1), number("1", 1), number("60.5", 1), number("1.5", 3)),
    *(of_kind("d", iso) for iso in ("2025-01-01T10:00:00", "2025-01-02", "10:00:00", "2025-01-02T10:00:00.123Z")),
    *(number("3000000", 1), number("-5", 1), number("2958465.9999999", 1)),
]


@st.composite
def column(draw: st.DrawFn, rows: int) -> list[str]:
    """Cells mostly of one kind."""
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    others = draw(st.sampled_from([[], NOTHING, NOTHING, NOTHING + SELDOM]))
    cell = st.one_of(kind, kind, st.sampled_from(others)) if others else kind
    return draw(st.lists(cell, min_size=rows, max_size=rows))


def sheet(lines: Sequence[Sequence[str]], top: int = 1, left: int = 0) -> bytes:
    """The cells of each line from row ``top`` and column ``left`` on."""
    rows = "".join(
        sheets.row(n, *(cell.replace("@", f"{letter(left + c)}{n}") for c, cell in enumerate(line)))
        for n, line in enumerate(lines, top)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def read(path: Path, width: int, first: int, large: int, previewed: int = 3) -> object:
    """What is previewed, and the cells of all rows; sheets of more cells than ``large`` are large."""
    with mock.patch.object(workbook, "_LARGE", large), mock.patch.object(workbook, "_FIRST", 4):
        try:
            found = list(workbook.sheets(path))
            tables = [segment.rows.to_pylist() for source in found for segment in source.segments(width, first)]
        except Refused as refusal:
            return refusal.rule, refusal.facts
        return [source.preview(previewed) for source in found], [line for lines in tables for line in lines]


def written(
    folder: Path, lines: Sequence[Sequence[str]], top: int = 1, left: int = 0, since_1904: bool = False
) -> Path:
    parts = {**PARTS, "xl/worksheets/sheet1.xml": sheet(lines, top, left)}
    if since_1904:
        book = sheets.PARTS["xl/workbook.xml"].replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
        parts["xl/workbook.xml"] = book.encode()
    (folder / "x.xlsx").write_bytes(sheets.workbook("", more=parts))
    return folder / "x.xlsx"


@settings(max_examples=300, deadline=None)
@given(data=st.data(), rows=st.integers(1, 12), count=st.integers(1, 5), top=st.sampled_from([1, 1, 3]),
       left=st.sampled_from([0, 0, 0, 2]))  # fmt: skip
def test_both_readers_say_the_same(data, rows, count, top, left):
    columns = [data.draw(column(rows)) for _ in range(count)]
    heads = data.draw(st.lists(st.sampled_from(["", *map(text, "甲乙丙丁戊")]), min_size=count, max_size=count))
    lines = [heads, *map(list, zip(*columns, strict=True))]
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), lines, top, left, data.draw(st.booleans()))
        width = data.draw(st.integers(1, left + count + 2))
        for first in (top + 1, top + 3):
            assert read(path, width, first, large=0) == read(path, width, first, large=10**9)
        assert read(path, width, 1, large=0, previewed=44) == read(path, width, 1, large=10**9, previewed=44)


def is_fast(path: Path, width: int, first: int = 2) -> bool:
    """Both say the same; did the fast reader tell it?"""
    tables = large_sheet._Columns.tables
    with mock.patch.object(large_sheet._Columns, "tables", autospec=True, side_effect=tables) as fast:
        found = read(path, width, first, large=0)
    assert found == read(path, width, first, large=10**9)
    return fast.called


NUMBER, MOMENT, TRUTH = number(1.5), number(45658.378472, 1), of_kind("b", 1)
LONG = [NUMBER] * 6
FAST = {
    "numbers": [*LONG, number("-0"), number("1e-7"), number("1234567890123456"), "", number(3)],
    "moments": [MOMENT] * 6 + ["", number(45658.9999999, 1), number(45659, 1), number(45659, 2)],
    "truths": [TRUTH] * 6 + [of_kind("b", 0), '<c r="@" s="1"/>'],
    "texts": [text("一")] * 6 + [text("N/A"), of_kind("s", 3), of_kind("s", 5), of_kind("str", ""), text(" 1 ")],
    "words for nothing": [*LONG, text("N/A"), text("NULL"), of_kind("s", 2), text("<NA>"), of_kind("str", "")],
    "words for nothing among moments": [MOMENT] * 6 + [text("null"), text("None"), "", MOMENT],
    "words for nothing among truths": [TRUTH] * 6 + [text("null"), text("n/a")],
    "nothing but words for nothing": [text("N/A")] * 6 + [of_kind("s", 1)],
    "errors": [*LONG, of_kind("e", "#N/A"), of_kind("e", "#REF!"), of_kind("e", "#VALUE!"), '<c r="@"><f>1+1</f></c>'],
    "errors of formulas": [*LONG, of_kind("e", "#DIV/0!"), of_kind("e", "#NUM!"), of_kind("e", "#NULL!")],
    "percentages": [*LONG, number(0.05, 4), number("7.0000000000000007E-2", 4), number(-1, 4), '<c r="@" s="4"/>'],
    "nothing": [""] * 8,
}
SLOW = {
    "a text among numbers": [*LONG, text("12")],
    "a number among texts": [text("12")] * 6 + [NUMBER],
    "a number among moments": [MOMENT] * 6 + [NUMBER],
    "a truth among numbers": [*LONG, TRUTH],
    "a text that is read as a number": [*LONG, text("nan"), text("-NaN")],
    "a name that there is not": [*LONG, of_kind("e", "#NAME?")],
    "a time without a day": [MOMENT] * 6 + [number(0.25, 1)],
    "the first days of 1900": [MOMENT] * 6 + [number(59, 1), number(60, 1), number(61, 1)],
    "a day that no calendar has": [MOMENT] * 6 + [number(3_000_000, 1)],
    "the last day of all": [MOMENT] * 6 + [number(2958465.9999999, 1)],
    "hours": [number(1.5, 3)] * 7,
    "a day in words": [MOMENT] * 6 + [of_kind("d", "2025-01-02T10:00:00.123Z")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "fast"), [*((n, True) for n in FAST), *((n, False) for n in SLOW)])
def test_what_the_fast_reader_cannot_tell_exactly_the_other_one_reads(tmp_path, name, fast):
    column = (FAST | SLOW)[name]
    lines = [[text("甲"), text("乙")], *([text(f"第{n}行"), cell] for n, cell in enumerate(column))]
    assert is_fast(written(tmp_path, lines), 2) == fast


def test_a_column_that_is_mixed_from_its_first_rows_on_is_not_read_twice(tmp_path):
    lines = [[text("甲")], [NUMBER], [text("二")], *([NUMBER] for _ in range(9))]
    with mock.patch.object(large_sheet, "_loaded") as loaded:
        assert not is_fast(written(tmp_path, lines), 1)
    assert not loaded.called


def test_rows_are_counted_from_the_first_row_of_the_sheet(tmp_path):
    lines = [[text("甲")], *([NUMBER] for _ in range(9))]
    path = written(tmp_path, lines, top=5)
    assert is_fast(path, 1, first=6)
    _, rows = read(path, 1, 6, large=0)
    assert [row["_row"] for row in rows] == [*range(6, 15)]


def test_a_sheet_that_begins_in_column_b_is_not_read_as_if_it_began_in_a(tmp_path):
    path = written(tmp_path, [[text("甲")], *([NUMBER] for _ in range(9))], left=1)
    assert not is_fast(path, 2)
    _, rows = read(path, 2, 2, large=0)
    assert {(row["c0"], row["c1"]) for row in rows} == {(None, "1.5")}


def test_a_cell_in_column_a_below_the_first_rows_is_seen(tmp_path):
    lines = [["", text("甲")], *(["", NUMBER] for _ in range(9)), [NUMBER, NUMBER]]
    is_fast(written(tmp_path, lines), 2)
    _, rows = read(written(tmp_path, lines), 2, 2, large=0)
    assert rows[-1] == {"c0": "1.5", "c1": "1.5", "_row": 11}


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ""])
def test_a_workbook_by_another_name_is_read_as_fast(tmp_path, suffix):
    path = written(tmp_path, [[text("甲")], *([NUMBER] for _ in range(9))])
    assert is_fast(path.rename(tmp_path / f"y{suffix}"), 1)


def test_the_fast_reader_is_not_asked_about_more_empty_cells_than_memory_holds(tmp_path, monkeypatch):
    path = written(tmp_path, [[text("甲"), text("乙")], *([NUMBER, number(n) if n % 2 else ""] for n in range(20))])
    assert is_fast(path, 2)
    monkeypatch.setattr(large_sheet, "_ASKED_FOR", 9)
    assert not is_fast(path, 2)


def filled(add: Callable[[int, int, object], object]) -> None:
    """Thirty rows of every kind, and a row without anything, by a function of row, column and value."""
    for n in range(30):
        cells = [f"NH{n}", n / 7, dt.datetime(2026, 9, 8, 9, 5, n), n % 2 == 0, f"备注{n}" if n % 3 else None]  # noqa: DTZ001
        for column, value in enumerate(cells if n != 20 else []):
            if value is not None:
                add(n + 1, column, value)
        add(0, 0, "编号")


@pytest.mark.parametrize("shared", [True, False])
def test_workbooks_of_other_programs_are_read_as_fast(tmp_path, shared):
    """openpyxl shares texts, xlsxwriter in constant memory does not; both have several sheets."""
    path = tmp_path / "x.xlsx"
    if shared:
        book = openpyxl.Workbook()
        for sheet in (book.active, book.create_sheet("二")):
            filled(lambda row, column, value, sheet=sheet: sheet.cell(row + 1, column + 1, value))
        book.save(path)
    else:
        with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
            for sheet in (book.add_worksheet("一"), book.add_worksheet("二")):
                filled(sheet.write)
    assert is_fast(path, 6)


def shared(at: int) -> str:
    return of_kind("s", at)


def test_the_first_rows_have_the_texts_that_they_share_with_others(tmp_path):
    """The header stands at the end of those texts, or there are cells that say it otherwise than Excel."""
    rows = [[text("第一行"), shared(0)] for _ in range(9)]
    for head in (shared(len(_SHARED) - 1), shared(0), text("甲"), "<c r=\"@\" t='s'><v>4</v></c>"):
        assert is_fast(written(tmp_path, [[head, text("乙")], *rows]), 2)
        with mock.patch.object(workbook, "_LARGE", 0), mock.patch.object(workbook, "_FIRST", 2):
            (sheet,) = workbook.sheets(tmp_path / "x.xlsx")
        assert sheet.preview(1) == SheetSource(whole(tmp_path / "x.xlsx", "明细")).preview(1)


def test_of_sheets_that_are_told_twice_no_row_is_lost(tmp_path):
    path = written(tmp_path, [[text("甲")], *([NUMBER] for _ in range(9))])
    once = '<sheet name="明细" sheetId="1" r:id="r1"/>'
    for other in ("明细", "二", "a&amp;b"):
        twice = once + once.replace("明细", other).replace('Id="1"', 'Id="2"')
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(once.encode(), twice.encode())
        (tmp_path / "y.xlsx").write_bytes(sheets.workbook("", more=parts))
        assert is_fast(tmp_path / "y.xlsx", 1)
        _, rows = read(tmp_path / "y.xlsx", 1, 2, large=0)
        assert len(rows) == 18


def test_a_workbook_with_too_much_beside_its_sheets_is_read_as_a_whole(tmp_path, monkeypatch):
    path = written(tmp_path, [[text("甲")], *([NUMBER] for _ in range(9))])
    monkeypatch.setattr(first_rows, "_LONGEST", 900)
    assert not is_fast(path, 1)


BLANK = '<c r="@" s="1"/>'


@pytest.mark.parametrize(
    ("last", "fast"),
    [(NUMBER, False), (text(""), False), ('<c r="@"><f>1+1</f></c>', False), (BLANK, True), ("", True)],
)
def test_a_column_that_begins_behind_the_first_rows_is_a_column(tmp_path, last, fast):
    """Of which empty cells are none."""
    lines = [[text("甲"), text("乙")], *([NUMBER, NUMBER] for _ in range(6)), ["", "", last], [NUMBER, NUMBER, BLANK]]
    for width in (1, 2, 3):
        assert is_fast(written(tmp_path, lines), width) == fast
