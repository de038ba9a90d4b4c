"""Compares what ingest said of simulated deliveries with what the simulator knows it has spoiled."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from citybrain.ingest import Outcome
from tests.ingest.pictures import rows_of

Finding = tuple[str, str, int | None, str, str, str]  # table, file, row, header, dirt or rule, verdict
SET_ASIDE = {"total_row": "X01", "repeat_row": "X21"}


def planted(truth: Path) -> Iterator[Finding]:
    """The simulator's defects that ingest has to notice; a file that repeats another is judged whole."""
    with (truth / "defects.csv").open(encoding="utf-8") as stream:
        for d in csv.DictReader(stream):
            if d["verdict"] == "none":
                continue
            if d["verdict"] == "already":
                yield d["table"], d["file"], None, "", "X34", "already"
            else:
                column = "" if d["verdict"] == "set_aside" else d["column"]
                yield d["table"], d["file"], int(d["row"]), column, d["rule"], d["verdict"]


def found(outcomes: Sequence[tuple[str, Outcome]]) -> Iterator[Finding]:
    """``outcomes``: each with the name of the file handed in."""
    files = {o.receipt: o.file for _, o in outcomes if o.status == "loaded"}
    headers = {(o.receipt, c.field): c.header for _, o in outcomes if o.detected for c in o.detected.columns}
    for file, outcome in outcomes:
        if outcome.status == "already":
            yield outcome.table.split(".")[1], file, None, "", "X34", "already"
    for table in sorted({o.table for _, o in outcomes}):
        for row in rows_of(table):
            for mark in row["_marks"]:
                column, _, dirt = mark.partition(":")
                header = _last_level(headers[row["_receipt"], column])
                yield table.split(".")[1], row["_file"], row["_row"], header, dirt, "marked"
    for issue in rows_of("ops.issue"):
        if issue["row"] is not None and issue["receipt"] in files:
            yield _issue(issue, files[issue["receipt"]])


def _last_level(header: str) -> str:
    """The simulator names a column under a merged header by its lowest level."""
    return header.rpartition("_")[2]


def _issue(issue: dict[str, object], file: str) -> Finding:
    table = str(issue["table"]).split(".")[1]
    row, rule = issue["row"], str(issue["rule"])
    assert isinstance(row, int)
    if rule in SET_ASIDE:
        return table, file, row, "", SET_ASIDE[rule], "set_aside"
    kind = {"pattern": "code", "village_outside_town": "code", "enum": "enum"}.get(rule, str(issue["dirt"] or rule))
    return (
        table,
        file,
        row,
        _last_level(str(issue["header"] or "")),
        kind,
        "quarantine" if issue["severity"] == "block" else "warned",
    )
