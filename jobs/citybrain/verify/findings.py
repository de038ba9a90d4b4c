"""What ingest said of a delivery and what the simulator has spoiled, in the same words."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from citybrain import duck
from citybrain.ingest import Outcome

SAID = ("X10",)  # marks that a rule of their own tells as well: counted once
CONVERTED = "X13"  # the mark of a number that was told in another unit
SET_ASIDE = {"total_row": "X01", "repeat_row": "X21"}
VERDICTS = {"block": "quarantine", "warn": "warned", "note": "noted"}
CODES = {"pattern": "code", "village_outside_town": "code", "enum": "enum"}  # rules that the simulator plants as one


class Finding(NamedTuple):
    """One defect at one cell; of a row or a file as a whole, the rest is empty."""

    table: str
    file: str
    row: int | None
    header: str  # of two merged header rows the lower one, as the simulator names columns
    kind: str  # X01 to X34, or the rule
    verdict: str

    def __str__(self) -> str:
        where = [
            self.file,
            *([f"第 {self.row} 行"] if self.row else []),
            *([f"“{self.header}”"] if self.header else []),
        ]
        return f"{' '.join(where)} {self.kind}（{self.verdict}）"


def planted(truth: Path) -> Iterator[Finding]:
    """The simulator's defects that ingest has to notice; a file that repeats another is judged whole."""
    with (truth / "defects.csv").open(encoding="utf-8", newline="") as stream:
        for d in csv.DictReader(stream):
            if d["verdict"] != "none":
                column = "" if d["verdict"] == "set_aside" else d["column"]
                row = int(d["row"]) if d["row"] else None
                yield Finding(
                    d["table"],
                    d["file"],
                    row,
                    column,
                    d["rule"],
                    _with_value(d["verdict"], float(d["value"]) if d["value"] else None),
                )


def found(outcomes: Sequence[tuple[str, Outcome]]) -> Iterator[Finding]:
    """``outcomes``: each with the name of the file handed in. Reads the marks in bronze and the issues."""
    files = {o.receipt: o.file for _, o in outcomes if o.status == "loaded"}
    headers = {(o.receipt, c.field): c.header for _, o in outcomes if o.detected for c in o.detected.columns}
    for file, outcome in outcomes:
        table = outcome.table.split(".")[1]
        if outcome.status == "already":
            yield Finding(table, file, None, "", "X34", "already")
        if outcome.status == "refused" and outcome.refused_because:
            yield Finding(table, file, None, "", outcome.refused_because.dirt or "", "refused")
        if outcome.status == "loaded" and outcome.detected and outcome.detected.encoding == "gb18030":
            yield Finding(table, file, None, "", "X03", "read")
    with duck.open_lake() as db:
        for table in sorted({o.table for _, o in outcomes if o.status == "loaded"}):
            converted = _converted(db, table)
            marks = f"SELECT _receipt, _file, _row, UNNEST(_marks) AS mark FROM {duck.scan(table)}"
            for receipt, file, row, mark in db.execute(marks).fetchall():
                column, _, dirt = mark.partition(":")
                if dirt in SAID or receipt not in files:
                    continue
                header = _last_level(headers[receipt, column])
                verdict = _with_value("marked", converted.get((receipt, row, mark)))
                yield Finding(table.split(".")[1], file, row, header, dirt, verdict)
        yield from _issues(db, {(o.receipt, o.load): o.file for _, o in outcomes if o.status == "loaded"})


def _converted(db: duckdb.DuckDBPyConnection, table: str) -> dict[tuple[str, int, str], float]:
    """By receipt, row and mark, the numbers that were told in another unit, as bronze has them."""
    scan = duck.scan(table)
    values: dict[tuple[str, int, str], float] = {}
    marks = db.execute(f"SELECT DISTINCT unnest(_marks) FROM {scan} WHERE len(_marks) > 0").fetchall()
    for (mark,) in marks:
        column, _, dirt = mark.partition(":")
        if dirt == CONVERTED:
            value, is_marked = f"TRY_CAST({column} AS DOUBLE)", f"list_contains(_marks, {duck.literal(mark)})"
            rows = db.execute(f"SELECT _receipt, _row, {value} FROM {scan} WHERE {is_marked}").fetchall()
            values |= {(receipt, row, mark): number for receipt, row, number in rows}
    return values


def _with_value(verdict: str, value: float | None) -> str:
    """What is said of a cell and, where a number had to be converted, the number: a mark on a wrong one is no find."""
    return verdict if value is None else f"{verdict} {value:g}"


def _issues(db: duckdb.DuckDBPyConnection, files: dict[tuple[str, int], str]) -> Iterator[Finding]:
    """``files``: by receipt and load. What was said of an earlier load is kept, and holds no more."""
    columns = 'receipt, load, "table", "row", header, rule, dirt, severity'
    issues = f'SELECT {columns} FROM {duck.scan("ops.issue")} WHERE "row" IS NOT NULL'
    for receipt, load, table, row, header, rule, dirt, severity in db.execute(issues).fetchall():
        if (receipt, load) not in files:
            continue
        name, file = table.split(".")[1], files[receipt, load]
        if rule in SET_ASIDE:
            yield Finding(name, file, row, "", SET_ASIDE[rule], "set_aside")
        else:
            verdict = VERDICTS[severity]
            yield Finding(name, file, row, _last_level(header or ""), CODES.get(rule, dirt or rule), verdict)


def _last_level(header: str) -> str:
    """Of two merged header rows the lower one; the underscores of a system's own column name are part of it."""
    return header if header.isascii() else header.rpartition("_")[2]
