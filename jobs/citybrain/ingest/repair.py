"""Quarantined rows, repaired: the department gets them as a table, corrects cells, hands the table in again.

A repair replaces rows of the original where it is read: by their number, by header; cells of columns that the repair
does not have stay as delivered. The original is kept as it came, and every later reading sees the repairs too.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

from citybrain.ingest.findings import distinct
from citybrain.ingest.layout import sources
from citybrain.ingest.outcome import Column, Detected, UsageError
from citybrain.ingest.sniff import file_kind
from citybrain.ingest.source import Ragged, Segment, names, segment_of

ROW, WHY = "行号", "原因"

_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*%?")

Patches = Mapping[int, Mapping[int, str | None]]  # row → position of the column → text


def write_form(path: Path, rows: Sequence[Mapping[str, object]], detected: Detected) -> None:
    """The quarantined rows as delivered, each with its number and what is wrong with it: a workbook or csv, by name."""
    headers = distinct(detected.columns)
    lines = [[ROW, *headers, WHY], *(_line(row, headers) for row in rows)]
    if path.suffix.lower() == ".xlsx":
        _write_sheet(path, lines)
        return
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([harmless(cell) for cell in line] for line in lines)


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula when it opens a csv; ``as_was`` undoes it."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def as_was(cell: str | None) -> str | None:
    return cell[1:] if cell and cell.startswith("'") and harmless(cell[1:]) == cell else cell


def _line(row: Mapping[str, object], headers: Sequence[str]) -> list[str]:
    values = dict(row["values"] or ())  # type: ignore[call-overload]
    why = " ".join(f"{r['cell'] or ''} {r['message']}".strip() for r in row["reasons"])  # type: ignore[attr-defined]
    return [str(row["row"]), *(values.get(header) or "" for header in headers), why]


def _write_sheet(path: Path, lines: Sequence[Sequence[str]]) -> None:
    """Every cell is text, and stays so when it is corrected."""
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with path.open("wb") as stream, xlsxwriter.Workbook(stream, options) as book:
        sheet = book.add_worksheet("修正表")
        sheet.set_column(0, len(lines[0]) - 1, 18, book.add_format({"num_format": "@"}))
        for number, line in enumerate(lines):
            for column, text in enumerate(line):
                sheet.write_string(number, column, text)
        sheet.freeze_panes(1, 1)


def read_patches(path: Path, columns: Sequence[Column]) -> Patches:
    """What a table of repairs says. Raises UsageError where it is none."""
    kind = file_kind(path)
    source, is_csv = next(iter(sources(kind, path)), None), kind == "csv"
    header = [(cell or "").strip() for cell in source.preview(1)[0]] if source else []
    place = dict(zip(distinct(columns), (c.position for c in columns), strict=True))
    if source is None or ROW not in header:
        raise UsageError(f"修正表第一行应是表头，其中有“{ROW}”一列：{path.name}")
    if unknown := [name for name in header if name and name not in (ROW, WHY, *place)]:
        raise UsageError(f"修正表里有原文件没有的列：{'、'.join(unknown)}")
    known = [(i, place[name]) for i, name in enumerate(header) if name in place]
    patches = {}
    for segment in source.segments(len(header), 2):
        rows, ragged = segment.rows, segment.ragged
        if ragged:
            raise UsageError(f"修正表第 {ragged[0].row} 行的列数与表头不同")
        for row in rows.to_pylist():
            number = (row[f"c{header.index(ROW)}"] or "").strip()
            if not number.isdecimal():
                raise UsageError(f"修正表第 {row['_row']} 行的“{ROW}”不是行号：{number or '（空）'}")
            patches[int(number)] = {position: as_was(row[f"c{i}"]) if is_csv else row[f"c{i}"] for i, position in known}
    return patches


def patched(segments: Iterator[Segment], patches: Patches, width: int) -> Iterator[Segment]:
    """The rows of the original with the repaired ones in place of those that were delivered."""
    wanted = pa.array(sorted(patches), pa.int64())
    for segment in segments:
        rows, ragged = segment.rows, segment.ragged
        hit = pc.is_in(rows["_row"], wanted)
        old = {row["_row"]: [row[name] for name in names(width)] for row in rows.filter(hit).to_pylist()}
        old |= {r.row: _padded(r, width) for r in ragged if r.row in patches}
        new = [[patches[n].get(i, cell) for i, cell in enumerate(cells)] for n, cells in old.items()]
        rows = pa.concat_tables([rows.filter(pc.invert(hit)), segment_of(new, list(old), width).cast(rows.schema)])
        yield Segment(rows, tuple(r for r in ragged if r.row not in patches))


def _padded(row: Ragged, width: int) -> list[str | None]:
    return [cell or None for cell in (*row.cells, *[""] * width)][:width]
