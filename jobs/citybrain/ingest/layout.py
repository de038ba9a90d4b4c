"""The form of a file: which sheet, where the header stands, which column is which, where the rows begin."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from citybrain.contracts import Contract
from citybrain.ingest import archive
from citybrain.ingest.csv_source import CsvSource
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.header import PREVIEW, Header, find_header, is_unit_row, names_of, simple, with_units
from citybrain.ingest.html_source import HtmlSource
from citybrain.ingest.json_source import JsonSource
from citybrain.ingest.outcome import Column, Detected, Issue, Refused
from citybrain.ingest.sheet_source import SheetSource
from citybrain.ingest.sniff import Kind, file_kind, is_secret_title
from citybrain.ingest.source import Source
from citybrain.ingest.workbook import old_sheets, sheets, unread

COLUMNS = 2_000  # of a table; no department keeps one that is wider
EXAMPLE = "示例"  # the sheet of the upload template that shows how to fill in the others


@dataclass(frozen=True)
class Layout:
    """A table found in a file."""

    source: Source
    detected: Detected
    first_row: int
    issues: tuple[Issue, ...]


def read_layout(contract: Contract, path: Path) -> Layout:
    """Raises Refused where there is no such table in the file."""
    kind = file_kind(path)
    refusal = Refused("empty_file")
    for source in sources(kind, path):
        rows = source.preview(PREVIEW + 4)
        if (widest := max(map(len, rows), default=0)) > COLUMNS:
            raise Refused("too_large", what=f"表有 {widest:,} 列", limit=f"{COLUMNS:,} 列")
        try:
            header = find_header(rows, contract)
        except Refused as refused:
            _check_secrecy(rows, len(rows))
            refusal = refused if refusal.rule == "empty_file" else refusal
            continue
        _check_secrecy(rows, header.rows[0])
        if kind == "json":
            header = replace(header, columns=tuple(c.model_copy(update={"letter": ""}) for c in header.columns))
        found = _layout(contract, source, kind, header, rows)
        others = unread(path, source.sheet) if kind in ("xlsx", "xls") else ()
        macros = [file_issue("macros")] if kind == "xlsx" and archive.has_macros(path) else []
        return replace(found, issues=(*found.issues, *_unread(contract, others), *macros))
    raise refusal


def sources(kind: Kind, path: Path) -> Iterator[Source]:
    """The tables in a file."""
    if kind == "csv":
        yield CsvSource(path)
    elif kind == "html":
        yield HtmlSource(path)
    elif kind == "json":
        yield JsonSource(path)
    elif kind == "xls":
        yield from old_sheets(path)
    else:
        yield from sheets(path)


def _layout(contract: Contract, source: Source, kind: Kind, header: Header, rows: list[list[str | None]]) -> Layout:
    after = header.rows[-1] + 1
    below = rows[after] if after < len(rows) else []
    has_units = is_unit_row(below)
    titles = [" ".join(c.strip() for c in row if c and c.strip()) for row in rows[: header.rows[0]]]
    columns = with_units(header, below, titles, contract)
    is_old = isinstance(source, SheetSource) and source.since_1904
    if is_old:
        columns = tuple(_since_1904(column, contract) for column in columns)
    detected = Detected(
        kind=kind,
        encoding=source.encoding,
        delimiter=source.delimiter,
        sheet=source.sheet,
        header_rows=tuple(r + 1 for r in header.rows),
        titles=tuple(t for t in titles if t),
        unit_row=after + 1 if has_units else None,
        columns=columns,
    )
    first = after + 1 + has_units
    issues = (*_drift(header, columns, contract), *_merged(header), *_counted(is_old), *_hidden(source, first))
    return Layout(source, detected, first, issues)


def _unread(contract: Contract, others: Iterable[SheetSource]) -> Iterator[Issue]:
    """Other sheets in which the same table stands; the example of our own template is none."""
    for sheet in others:
        with contextlib.suppress(Refused):
            if sheet.sheet != EXAMPLE and find_header(sheet.preview(PREVIEW), contract):
                yield file_issue("hidden_sheet", text=sheet.sheet, sheet=sheet.sheet)


def _merged(header: Header) -> Iterator[Issue]:
    """A header of several rows is told, with the name that was put together for one of its columns."""
    joined = next((c.header for c in header.columns if c.field and "_" in c.header), None)
    if len(header.rows) > 1 and joined:
        yield file_issue("merged_header", rows=len(header.rows), joined=joined, row=header.rows[0] + 1)


def _since_1904(column: Column, contract: Contract) -> Column:
    """The column, told of its workbook's days where it holds any."""
    holds_days = column.field and contract.field(column.field).type in ("date", "timestamp")
    return column.model_copy(update={"since_1904": True}) if holds_days else column


def _hidden(source: Source, first: int) -> Iterator[Issue]:
    """What a filter hides is delivered all the same, and whoever filtered may not know it."""
    rows = [row for row in source.hidden if row >= first] if isinstance(source, SheetSource) else []
    if rows:
        yield file_issue("hidden_rows", row=min(rows), sheet=source.sheet)


def _counted(is_old: bool) -> Iterator[Issue]:
    if is_old:
        yield file_issue("dates_since_1904")


def _drift(header: Header, columns: Sequence[Column], contract: Contract) -> list[Issue]:
    """Columns that the contract does not know, that stand twice, that are missing."""
    issues = []
    fields = {c.field for c in columns}
    names = names_of(contract)
    seen: set[str] = set()
    for column in header.columns:
        name = names.get(simple(column.header), simple(column.header))
        if column.field or not column.header:
            seen.add(name)
            continue
        rule = "repeated_column" if name in seen or name in fields else "unknown_column"
        seen.add(name)
        cell = column.cell(header.rows[-1] + 1) if column.letter else f"字段“{column.header}”"
        issues.append(file_issue(rule, text=column.header, header=column.header, cell=cell, row=header.rows[-1] + 1))
    if absent := [f.title for f in contract.fields if f.name not in fields]:
        issues.append(file_issue("absent_column", columns="、".join(absent)))
    return issues


def _check_secrecy(rows: list[list[str | None]], count: int) -> None:
    if any(is_secret_title(cell) for row in rows[:count] for cell in row if cell):
        raise Refused("secret_file")
