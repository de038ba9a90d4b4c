"""How far a sheet goes is told by its cells, however they say where they are; what readers take for empty is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.ingest import archive
from citybrain.ingest.grid import COLUMNS, ROWS, Grid
from citybrain.ingest.header import letter
from citybrain.ingest.outcome import Refused
from tests.portal.sheets import row, text, workbook

SPELLINGS = {  # does Excel write it so?
    '<c r="{0}" s="1"><v>1</v></c>': True,
    '<c r="{0}"/>': True,
    '<c s="1" r="{0}"><v>1</v></c>': False,
    "<c r='{0}'><v>1</v></c>": False,
    '<c\nr="{0}"><v>1</v></c>': False,
    '<x:c r="{0}"><x:v>1</x:v></x:c>': False,
    '<x:c\tr="{0}"/>': False,
    '<c r="${0}"/>': False,
    '<c r="0{0}"/><c r="{0}"/>': False,
}
PLACES = st.tuples(st.integers(1, 9_999), st.integers(1, 700))


def grid_of(*blocks: str) -> Grid:
    grid = Grid()
    for block in blocks:
        grid.take(block.encode())
    return grid


def cells(spelling: str, places: list[tuple[int, int]]) -> str:
    return "".join(row(r, spelling.format(f"{letter(c - 1)}{r}")) for r, c in places)


@given(st.lists(st.tuples(st.sampled_from(sorted(SPELLINGS)), st.lists(PLACES, min_size=1)), min_size=1))
def test_a_grid_goes_as_far_as_its_cells(blocks):
    grid = grid_of(*(cells(spelling, places) for spelling, places in blocks))
    rows, columns = zip(*(place for _, places in blocks for place in places), strict=True)
    assert (grid.rows, grid.columns) == (max(rows), max(columns))
    assert grid.is_usual == (all(SPELLINGS[spelling] for spelling, _ in blocks) and [*rows] == sorted(rows))


@pytest.mark.parametrize("place", ["AAA1", "XFD12", "A1048576", "A0000007", "ZZ00000000012"])
def test_places_that_are_seldom_are_read_all_the_same(place):
    grid = grid_of(row(1, '<c r="A1"/>'), f'<row r="1"><c r="{place}"/></row>')
    letters = place.rstrip("0123456789")
    assert grid.rows == int(place.removeprefix(letters))
    assert letter(grid.columns - 1) == letters


@pytest.mark.parametrize(
    "word", ["<cols><col min='1'/></cols>", "<color/>", "<c:chart r='XFD1'/>", "a:call", "<cfRule/>"]
)
def test_what_only_begins_like_a_cell_is_none(word):
    grid = grid_of(f'<row r="1">{text("A1", "备注:c")}{word}<c r="B1"/></row>')
    assert (grid.rows, grid.columns, grid.is_usual) == (1, 2, True)


@pytest.mark.parametrize(
    "blocks",
    [
        ['<row r="1"><c r="A999999"/></row>', row(1, '<c r="ZZ1"/>')],  # each of them alone is small
        [row(2, f'<c r="{letter(COLUMNS)}2"/>')],
        [row(ROWS + 1, f'<c r="A{ROWS + 1}"/>')],
        [row(1, '<c r="A123456789"/>')],
        [row(1, '<x:c\nr="XFD1048576"/>')],
        [row(1, "<c/>" * 60), row(ROWS, f'<c r="A{ROWS}"/>')],
        ["<!DOCTYPE x [<!ENTITY a 'a'>]>"],
    ],
)
def test_a_grid_that_no_reader_can_hold_is_refused(blocks):
    with pytest.raises(Refused):
        grid_of(*blocks)


def test_an_error_is_found_wherever_a_block_of_the_file_ends(tmp_path, monkeypatch):
    broken = '<c r="C2" t="e"><f>Z9</f><v>#REF!</v></c><c r="D2"><f>1+2</f></c>'
    (tmp_path / "x.xlsx").write_bytes(
        workbook(row(2, text("A2", "长" * 50), text("B2", "长"), broken, text("E2", "末")))
    )
    for size in range(70, 300, 7):  # longer than a cell, shorter than the row
        monkeypatch.setattr(archive, "_BLOCK", size)
        grid = archive.measured(tmp_path / "x.xlsx")["明细"]
        assert grid.errors == {2: {2: "#REF!", 3: "#没有算出的公式!"}}, size
        assert (grid.rows, grid.columns, grid.is_usual) == (2, 5, True)


def test_a_grid_is_filled_as_far_as_cells_have_content():
    grid = grid_of(
        row(1, '<c r="B1"><v>1</v></c>', '<c r="C1" s="12"/>', f'<c r="D1" s="{"1" * 70}"/>', '<c r="E1" />')
    )
    assert (grid.columns, grid.filled) == (5, 4)  # a tag so long is not looked through
    grid.take(row(2, '<c r="F2" s="1"></c>', '<c r="ZZ2"/>').encode())
    assert (grid.columns, grid.filled) == (702, 6)
