"""A workbook of 1997 (.xls, .et) says what was written into it, cell by cell, or is refused: damaged, or too large."""

from __future__ import annotations

import datetime as dt
import io
import math
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.ingest.layout import sources
from citybrain.ingest.outcome import Refused
from citybrain.ingest.sniff import file_kind
from tests.portal.biff import Cell, Error, Percent, Sheet, book_as_saved, compound

ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
MOMENTS = st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31))  # noqa: DTZ001  (a workbook knows no zones)
CELLS: st.SearchStrategy[Cell] = st.one_of(
    st.just(""),
    st.text(max_size=6),
    st.sampled_from(["工单编号", "２０２６年", "#REF!", "=1+1", "A" * 300, "长" * 5_000, "\U00020bb7野家"]),
    st.integers(-(10**16), 10**16).map(float),
    st.integers(-(1 << 31), 1 << 31),
    st.floats(-1e300, 1e300),
    st.decimals(-(10**9), 10**9, places=2).map(float),
    st.booleans(),
    MOMENTS.map(lambda moment: moment.replace(microsecond=0)),
    st.builds(Error, st.sampled_from(sorted(ERRORS)), st.booleans()),
    st.builds(Percent, st.decimals(-100, 100, places=2).map(float), st.booleans(), st.booleans()),
    st.builds(Percent, st.decimals(-1, 1, places=5).map(float), st.booleans()),
)
LINES = st.lists(st.lists(CELLS, max_size=6), max_size=6)
_SIGNATURE = 8  # bytes without which it is taken for a text
Table = dict[int, list[str | None]]  # row, as a person counts → its texts


@st.composite
def sheet(draw: st.DrawFn) -> Sheet:
    """Perhaps with a header of two rows, of whose merged cells only the first holds something."""
    lines, merged = draw(LINES), []
    if draw(st.booleans()):
        spans = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
        head = [cell for n, span in enumerate(spans) for cell in (f"第{n}组", *[""] * (span - 1))]
        ends = [sum(spans[: n + 1]) for n in range(len(spans))]
        merged = [(0, 0, end - span, end - 1) for end, span in zip(ends, spans, strict=True) if span > 1]
        lines = [head, [f"列{n}" for n in range(len(head))], *lines]
    filtered = draw(st.sets(st.integers(0, max(len(lines) - 1, 0))))
    return Sheet(lines, merged, draw(st.sampled_from([False, False, True])), filtered)


BOOKS = st.lists(sheet(), min_size=1, max_size=3).map(lambda found: {f"表{n}": one for n, one in enumerate(found)})


def read(path: Path, width: int = 9) -> dict[str | None, Table]:
    """What stands in each visible sheet that holds anything. Raises Refused."""
    tables = {}
    for source in sources(file_kind(path), path):
        rows = [row for segment in source.segments(width, 1) for row in segment.rows.to_pylist()]
        tables[source.sheet] = {row["_row"]: [row[f"c{n}"] for n in range(width)] for row in rows}
        assert [n for n, line in enumerate(source.preview(1 << 16), 1) if any(line)] == [*tables[source.sheet]]
    return tables


def says(text: str | None, cell: Cell) -> bool:
    """Is that what a careful clerk would copy from the cell?"""
    if cell == "":
        return text is None
    if isinstance(cell, bool):
        return text == ("是" if cell else "否")
    if isinstance(cell, int | float):
        return text is not None and math.isclose(float(text), cell, rel_tol=0 if abs(cell) < 1e15 else 1e-14)
    if isinstance(cell, Percent):
        return (
            text is not None and text.endswith("%") and math.isclose(float(text[:-1]), cell.value * 100, rel_tol=1e-9)
        )
    return text == (ERRORS[cell.code] if isinstance(cell, Error) else str(cell))


def check(tables: dict[str | None, Table], book: dict[str, Sheet]) -> None:
    filled = {
        name: {n: line for n, line in enumerate(one.rows, 1) if any(cell != "" for cell in line)}
        for name, one in book.items()
        if not one.hidden
    }
    assert {name: [*table] for name, table in tables.items()} == {n: [*lines] for n, lines in filled.items() if lines}
    for name, table in tables.items():
        for number, texts in table.items():
            cells = [*filled[str(name)][number], *[""] * 9][:9]
            wrong = [(text, cell) for text, cell in zip(texts, cells, strict=True) if not says(text, cell)]
            assert not wrong, (name, number, wrong)


@settings(max_examples=150, deadline=None)
@given(book=BOOKS, suffix=st.sampled_from([".xls", ".et"]))
def test_what_was_written_is_read(book, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x{suffix}")
        path.write_bytes(book_as_saved(book))
        check(read(path), book)


def attempt(content: bytes) -> dict[str | None, Table] | str:
    """What is read, or why it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.xls")
        path.write_bytes(content)
        try:
            return read(path)
        except Refused as refusal:
            return refusal.rule


@settings(max_examples=100, deadline=None)
@given(book=BOOKS, kept=st.floats(0, 1))
def test_of_a_file_that_was_cut_off_nothing_is_missing_in_silence(book, kept):
    content = book_as_saved(book)
    found = attempt(content[: max(_SIGNATURE, int(len(content) * kept))])
    if isinstance(found, str):
        assert found == "unknown_format"
    else:
        check(found, book)


@settings(max_examples=150, deadline=None)
@given(book=BOOKS, hits=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(book, hits):
    content = bytearray(book_as_saved(book))
    for place, byte in hits:
        content[_SIGNATURE + place % (len(content) - _SIGNATURE)] = byte
    found = attempt(bytes(content))
    assert not isinstance(found, str) or found in ("unknown_format", "password", "too_large")


def test_an_archive_or_the_name_of_another_format_within_a_workbook_makes_it_nothing_else(tmp_path):
    """Excel packs the theme of an .xls as it packs an .xlsx; and a cell may say anything."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as theme:
        theme.writestr("theme/theme1.xml", "<a:theme/>")
    lines = [["编号", "WordDocument", "EncryptedPackage"], [Error(7), "甲", "乙"], ["2", "丙", "丁"]]
    file = tmp_path / "台账.xls"
    file.write_bytes(book_as_saved({"明细": Sheet(lines, filtered=[2])}, packed.getvalue()))
    assert zipfile.is_zipfile(file)
    (source,) = sources(file_kind(file), file)
    assert source.preview(2)[1] == ["#DIV/0!", "甲", "乙"]
    assert source.hidden == [3]


def test_a_workbook_of_before_1997_is_named(tmp_path):
    file = tmp_path / "老.xls"
    version_5 = struct.pack("<HHHHHH", 0x0809, 8, 0x0500, 0x0005, 0, 0) + struct.pack("<HH", 0x000A, 0)
    file.write_bytes(compound(version_5, "Book"))
    with pytest.raises(Refused) as refused:
        read(file)
    assert (refused.value.rule, refused.value.facts["kind"]) == ("unknown_format", "Excel 5.0/95 格式的旧工作簿")


@pytest.mark.parametrize("name", ["办件.xls", "办件.et"])
def test_what_another_program_wrote_is_read(name, tmp_path):
    """Written by Gnumeric 1.12 (ssconvert -T Gnumeric_Excel:excel_biff8), so by nobody who knows our reader: simulated
    data under merged headers, formulas with their results, a blank row, a hidden sheet."""
    file = Path(shutil.copy(Path(__file__).with_name("written_by_gnumeric.xls"), tmp_path / name))
    assert read(file, width=8) == {
        "办件（模拟数据）": {
            1: ["模拟数据：镇街政务服务办件", *[None] * 7],
            2: ["编号", "单位", None, "金额", None, "受理日期", "办结时间", "备注"],
            3: [None, "镇街", "窗口", "单价", "合计", None, None, None],
            4: ["007", "桂城街道", "一号窗", "12.5", "25", "2026-09-08 00:00:00", "2026-09-08 09:05:30", "２０２６"],
            5: ["008", "狮山镇", "二号窗", "-3", "#DIV/0!", "2026-02-28 00:00:00", "2026-12-31 23:59:59", "是"],
            7: ["009", "九江镇", None, "123456789.25", "9.5", "1999-12-31 00:00:00", None, "长" * 300],
        },
        "填表说明": {1: ["模拟数据，不涉及真实个人和单位", *[None] * 7]},
    }
