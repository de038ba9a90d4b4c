"""The delivered table as a workbook with its wrong cells marked, and the errors as a list led by the business key.

Cells are written as text, never as formulas: what a stranger typed after a = does nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import xlsxwriter

from citybrain.contracts import Contract
from citybrain.ingest.dirt import name_of
from citybrain.ingest.findings import distinct
from citybrain.ingest.layout import Layout, read_layout
from citybrain.ingest.outcome import Detected
from citybrain.ingest.repair import ROW, WHY
from citybrain.ingest.source import names

WHOLE = 50_000  # rows; of longer tables only those are shown in which something was found
COMMENTS = 5_000  # more than that and the workbook opens slowly; the list has all
LISTED = 200_000
MASK = "***"
_WEIGHT = {"block": "不能入库", "warn": "已入库，请核对", "note": "提示"}
_COLOURS = {"block": "#F8CBAD", "warn": "#FFE699", "note": "#DDEBF7"}
_ORDER = list(_WEIGHT)

Finding = Mapping[str, Any]  # a row of ops.issue
Cells = Sequence[str | None]


def read(findings: Path) -> list[Finding]:
    return pq.read_table(findings).slice(0, LISTED).to_pylist()  # type: ignore[no-any-return]


def annotate(contract: Contract, file: Path, findings: Sequence[Finding], out: Path, *, masked: bool) -> Path:
    """``masked``: cells of personal columns are not shown."""
    layout = read_layout(contract, file)
    hidden = personal_positions(contract, layout.detected) if masked else set()
    by_row: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding["row"]:
            by_row[finding["row"]].append(finding)
    with xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False}) as book:
        errors = book.add_worksheet("问题清单")
        marked = book.add_worksheet("标注")
        keys = _mark(book, marked, layout, by_row, hidden, contract)
        _list(book, errors, findings, keys)
    return out


def personal_positions(contract: Contract, detected: Detected) -> set[int]:
    """Where in the file columns stand that tell of persons."""
    personal = {f.name for f in contract.fields if f.personal != "none"}
    return {c.position for c in detected.columns if c.field in personal}


def quarantine_form(rows: Sequence[Mapping[str, Any]], detected: Detected, hidden: set[int], out: Path) -> Path:
    """Quarantined rows with their numbers and reasons, to be mended and handed in as a repair."""
    headers = distinct(detected.columns)
    kept = [h for h, c in zip(headers, detected.columns, strict=True) if c.position not in hidden]
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        text, head = book.add_format({"num_format": "@"}), _head(book)
        sheet = book.add_worksheet("待修正")
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(kept) + 1, 18, text)
        for column, name in enumerate([ROW, *kept, WHY]):
            sheet.write_string(0, column, name, head)
        for number, row in enumerate(rows, 1):
            values = dict(row["values"] or ())
            why = " ".join(f"{r['cell'] or ''} {r['message']}".strip() for r in row["reasons"])
            for column, cell in enumerate([str(row["row"]), *(values.get(h) for h in kept), why]):
                if cell:
                    sheet.write_string(number, column, cell[:32_767], text)
    return out


def _head(book: Any) -> Any:
    return book.add_format({"bold": True, "bg_color": "#DCE6EC", "border": 1})


def _rows(layout: Layout) -> Iterator[tuple[int, Cells]]:
    """Every row of the file with its number, also those above the header and those of a wrong width."""
    width = len(layout.detected.columns)
    for segment in layout.source.segments(width, 1):
        rows, ragged = segment.rows, segment.ragged
        columns = [rows[name].to_pylist() for name in names(width)]
        numbers = rows["_row"].to_pylist()
        found: list[tuple[int, Cells]] = list(zip(numbers, zip(*columns, strict=True), strict=True))
        found += [(row.row, row.cells) for row in ragged]
        yield from sorted(found, key=lambda one: one[0])


def _mark(
    book: Any, sheet: Any, layout: Layout, by_row: Mapping[int, Sequence[Finding]], hidden: set[int], contract: Contract
) -> dict[int, str]:
    """The table with colours and comments; gives the business key of each row in which something was found."""
    looks = {weight: book.add_format({"bg_color": colour}) for weight, colour in _COLOURS.items()}
    place = {c.field: c.position for c in layout.detected.columns if c.field}
    key_at = [place[k] for k in contract.key if k in place]
    header = set(layout.detected.header_rows)
    whole = _fits(layout)
    if whole:
        sheet.freeze_panes(max(header), 0)
    for column in layout.detected.columns:
        sheet.set_column(column.position, column.position, min(max(12, 2 * len(column.header) + 2), 30))
    keys: dict[int, str] = {}
    comments = at = 0
    for number, cells in _rows(layout):
        found = by_row.get(number, ())
        if found:
            keys[number] = "|".join(MASK if p in hidden else cells[p] or "" for p in key_at if p < len(cells))
        if not (found or whole or number in header):
            continue
        line = number - 1 if whole else at
        at += 1
        said = _by_position(layout, found)
        for position, cell in enumerate(cells):
            shown = MASK if cell and position in hidden and number not in header else cell
            worst = min((f["severity"] for f in said.get(position, ())), key=_ORDER.index, default="")
            if shown or worst:
                sheet.write_string(line, position, (shown or "")[:32_767], looks.get(worst))
            if worst and comments < COMMENTS:
                comments += 1
                sheet.write_comment(line, position, _comment(said[position]), {"x_scale": 2.2})
    return keys


def _fits(layout: Layout) -> bool:
    count = 0
    for segment in layout.source.segments(len(layout.detected.columns), 1):
        rows, ragged = segment.rows, segment.ragged
        count += rows.num_rows + len(ragged)
        if count > WHOLE:
            return False
    return True


def _by_position(layout: Layout, found: Sequence[Finding]) -> dict[int, list[Finding]]:
    """Findings of a row by the column they are about; those about the row as a whole stand at its first cell."""
    letters = {c.letter: c.position for c in layout.detected.columns if c.letter}
    keys = {c.header: c.position for c in layout.detected.columns if not c.letter}  # of JSON
    said: dict[int, list[Finding]] = defaultdict(list)
    for finding in found:
        letter = (finding["cell"] or "").rstrip("0123456789")
        said[letters.get(letter, keys.get(finding["header"], 0))].append(finding)
    return said


def _comment(findings: Sequence[Finding]) -> str:
    return "\n".join(f"【{_WEIGHT[f['severity']]}】{f['message']}" for f in findings)[:2000]


def _list(book: Any, sheet: Any, findings: Sequence[Finding], keys: Mapping[int, str]) -> None:
    heads = {
        "业务主键": 24, "单元格": 8, "列名": 16, "原样文字": 22, "级别": 14, "问题和处理办法": 70, "规则": 16,
        "编号": 6,
    }  # fmt: skip
    looks = {weight: book.add_format({"bg_color": colour}) for weight, colour in _COLOURS.items()}
    wrapped = book.add_format({"text_wrap": True})
    sheet.freeze_panes(1, 0)
    for column, (name, width) in enumerate(heads.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, _head(book))
    ordered = sorted(findings, key=lambda f: (_ORDER.index(f["severity"]), f["row"] or 0))[:LISTED]
    for line, f in enumerate(ordered, 1):
        cell = f["cell"] or (f"第 {f['row']} 行" if f["row"] else "")
        texts = [keys.get(f["row"] or 0), cell, f["header"], f["text"], _WEIGHT[f["severity"]], f["message"],
                 name_of(f["rule"], f["message"]), f["dirt"]]  # fmt: skip
        for column, text in enumerate(texts):
            look = looks[f["severity"]] if column == 4 else wrapped if column == 5 else None
            sheet.write_string(line, column, (text or "")[:32_767], look)
    sheet.autofilter(0, 0, len(ordered), len(heads) - 1)
