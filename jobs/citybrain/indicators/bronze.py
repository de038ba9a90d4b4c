"""Rows of bronze as cells of the files that departments sent, with everything about people masked."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from citybrain import lake
from citybrain.contracts import Contract
from citybrain.duck import literal, scan
from citybrain.ingest.outcome import record

MASK = "***"


@dataclass(frozen=True)
class Cell:
    address: str  # as Excel names it, e.g. B17; of JSON the record
    header: str
    field: str
    text: str  # as delivered; masked where it is about a person


@dataclass(frozen=True)
class BronzeRow:
    """One row of one delivery."""

    table: str
    title: str
    receipt: str
    load: int
    file: str
    sheet: str | None
    row: int
    received_at: str
    values: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...] = ()
    is_record: bool = False  # of JSON, which has no rows that a person could count

    @property
    def place(self) -> str:
        sheet = f"“{self.sheet}”" if self.sheet else ""
        return f"{self.title} {self.file}{sheet} {record(self.row) if self.is_record else f'第 {self.row} 行'}"


@dataclass(frozen=True)
class ReceiptNote:
    """What landing says of a delivery."""

    receipt: str
    table: str
    file: str
    sha256: str
    sender: str | None
    received_at: str
    columns: tuple[tuple[str, str, str], ...]  # field, letter, header


def rows(
    db: duckdb.DuckDBPyConnection,
    contract: Contract,
    version: int | None,
    columns: Sequence[str],
    keys: Sequence[tuple[Any, ...]],
    limit: int,
) -> Iterator[BronzeRow]:
    """Every delivered version of the rows with these keys (at most ``limit`` keys are asked for)."""
    names = ", ".join(f'CAST("{name}" AS varchar)' for name in contract.names)
    listed = ", ".join(literal(tuple(key)) if len(key) > 1 else literal(key[0]) for key in keys[:limit])
    left = f"({', '.join(columns)})" if len(columns) > 1 else columns[0]
    found = db.execute(
        f"SELECT _receipt, _load, _file, _sheet, _row, strftime(_received_at, '%Y-%m-%d %H:%M:%S'), "
        f"to_json(_delivered), [{names}] FROM {scan(contract.table, version)} WHERE {left} IN ({listed}) "
        f"ORDER BY {', '.join(columns)}, _received_at, _receipt, _row"
    ).fetchall()
    for receipt, load, file, sheet, row, received_at, delivered, values in found:
        said = json.loads(delivered or "{}") or {}
        texts = tuple((n, _shown(contract, n, said.get(n, v))) for n, v in zip(contract.names, values, strict=True))
        yield BronzeRow(
            contract.table, contract.title, receipt, load, file, sheet, row, received_at,
            tuple((n, t) for n, t in texts if t is not None),
        )  # fmt: skip


def _shown(contract: Contract, name: str, text: str | None) -> str | None:
    field = contract.field(name)
    hidden = field.personal != "none" or field.type == "text"  # free text names people, too
    return MASK if hidden and text else text


def receipts(found: Sequence[BronzeRow]) -> Iterator[ReceiptNote]:
    """The receipts of these rows, each once, as far as they are there and can be read."""
    for table, receipt in dict.fromkeys((row.table, row.receipt) for row in found):
        path = lake.folder("landing") / table.split(".")[1] / receipt / "receipt.json"
        with contextlib.suppress(OSError, ValueError):
            said = json.loads(path.read_text(encoding="utf-8"))
            detected = (said.get("detected") or {}).get("columns", ())
            columns = tuple((c["field"], c["letter"], c["header"]) for c in detected if c.get("field"))
            yield ReceiptNote(
                receipt, table, said["file"], said["sha256"], said.get("sender"), said["received_at"], columns
            )


def with_cells(
    row: BronzeRow, contract: Contract, notes: Sequence[ReceiptNote], source_columns: Sequence[str]
) -> BronzeRow:
    """The row's key and the columns that the indicator is made of, as cells of the file."""
    wanted = {*contract.key, *(c.rpartition(".")[2] for c in source_columns if c.startswith(f"{row.table}."))}
    note = next((n for n in notes if (n.table, n.receipt) == (row.table, row.receipt)), None)
    places = {field: (letter, header) for field, letter, header in note.columns} if note else {}
    is_record = bool(places) and not any(letter for letter, _ in places.values())
    found = [(n, text, *places.get(n, ("?", contract.field(n).title))) for n, text in row.values if n in wanted]
    cells = [
        Cell(record(row.row) if is_record else f"{letter}{row.row}", header, n, text)
        for n, text, letter, header in found
    ]
    return replace(row, cells=tuple(cells), is_record=is_record)
