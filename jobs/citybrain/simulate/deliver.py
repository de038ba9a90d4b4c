"""From clean rows to files: dirt, second tries, exact repeats; and the record of what stands where."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from citybrain.simulate.city import Texts
from citybrain.simulate.dirt import VERDICTS, Batch, soil
from citybrain.simulate.files import SHEET, Outbox, letter
from citybrain.simulate.plan import LATE_BY
from citybrain.simulate.worktime import Bools, Ints

DEFECT_HEADER = ("table", "file", "sheet", "row", "column", "cell", "rule", "text", "verdict", "value")
SENT_AGAIN = 0.5  # of the lost rows that may stay lost


@dataclass
class Ledger:
    """truth/defects.csv, written as the files are."""

    path: Path

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write([DEFECT_HEADER], "w")

    def add(self, rows: list[tuple[object, ...]]) -> None:
        self._write(rows, "a")

    def _write(self, rows: list[tuple[object, ...]], mode: str) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        with self.path.open(mode + "b") as file:
            file.write(text.getvalue().encode())


def send(batch: Batch, box: Outbox, ledger: Ledger, rng: np.random.Generator, turn: int, must: Bools) -> Bools:
    """Spoil the rows, write them; gives which of them a perfect pipeline knows in the end.

    Bad rows for which `must` holds always come again two periods later, the others half of the time, unless that
    file already has a row about the same thing.
    """
    clean = {name: column.copy() for name, column in batch.columns.items()}
    soil(batch, rng, turn)
    regular = sum(not file.corrects for file in box.files)
    pairs = batch.owner * (regular + LATE_BY + 2) + batch.file
    clash = np.isin(pairs + LATE_BY, pairs) & ~must
    again = batch.bad & (batch.file + LATE_BY < regular) & ~clash & (must | (rng.random(len(batch)) < SENT_AGAIN))
    extra = np.flatnonzero(again)
    columns = {name: np.concatenate([column, clean[name][extra]]) for name, column in batch.columns.items()}
    file = np.concatenate([batch.file, batch.file[extra] + LATE_BY])
    twice = np.concatenate([batch.twice, np.zeros(len(extra), bool)])
    bad = np.concatenate([batch.bad, np.zeros(len(extra), bool)])
    moment = np.concatenate([batch.moment, batch.moment[extra]])
    seen = _write(columns, np.lexsort((moment, file)), file, twice, bad, box)
    _record(batch, columns, seen, box, ledger)
    return ~batch.bad | again


def _write(columns: dict[str, Texts], order: Ints, file: Ints, twice: Bools, bad: Bools, box: Outbox) -> Ints:
    """Append to each file its rows; gives the number of each row as a person sees it."""
    seen = np.zeros(len(file), np.int64)
    for index in np.unique(file).tolist():
        mine = order[np.searchsorted(file[order], index) : np.searchsorted(file[order], index, side="right")]
        doubled = np.repeat(mine, 1 + twice[mine])
        rows = list(zip(*(column[doubled].tolist() for column in columns.values()), strict=True))
        first = box.append(index, rows)
        place = np.cumsum(1 + twice[mine]) - 1 - twice[mine]
        seen[mine] = first + place + twice[mine]  # of two equal rows the second is the one too many
        box.counts[index].bad += int(bad[mine].sum())
        box.counts[index].set_aside += int(twice[mine].sum())
    return seen


def _record(batch: Batch, columns: dict[str, Texts], seen: Ints, box: Outbox, ledger: Ledger) -> None:
    header = list(columns)
    shown = {index: box.layout.header_of(box.files[index]) for index in np.unique(batch.file).tolist()}
    lines: list[tuple[object, ...]] = []
    for rows, column, kind in batch.notes:
        at = letter(header.index(column)) if column else ""
        texts = columns[column or header[0]][rows].tolist()
        values = batch.agreed[column][rows].tolist() if column in batch.agreed else [None] * len(rows)
        for row, text, value in zip(rows.tolist(), texts, values, strict=True):
            file, number = box.files[batch.file[row]], int(seen[row])
            lines.append(
                (
                    batch.table,
                    file.name,
                    SHEET if file.is_sheet else "",
                    number,
                    shown[batch.file[row]][header.index(column)] if column else "",
                    f"{at}{number}" if column else "",
                    kind.split()[0],
                    text or "",
                    VERDICTS[kind],
                    value or "",
                )
            )
    ledger.add(lines)
