"""What an attempt has begun and done, on disk before it is in ``ops.pull``: a kill hides no step.

One file an attempt, locked as long as its process lives; a line when a step begins and one when it ends. An attempt
that comes to its end, well or not, takes its file away. A file that nobody holds is of a process that was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from citybrain.lake import folder

Row = dict[str, Any]  # of ``ops.pull``; of a step that goes on, the status is BEGUN
BEGUN = "started"


class Journal:
    """The file of one attempt; there is none before its first line."""

    def __init__(self, attempt: str) -> None:
        self._path = _home() / f"{attempt}.jsonl"
        self._file: IO[str] | None = None

    def write(self, row: Row) -> None:
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX)  # until it is closed
        self._file.write(json.dumps(row, ensure_ascii=False, default=datetime.isoformat) + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._path.unlink()
            self._file.close()
            self._file = None


def abandoned() -> Iterator[list[Row]]:
    """Of each attempt whose process is gone the rows, as they stood last; its file goes once they are dealt with."""
    for path in sorted(_home().glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            rows = _read(file)
            if rows and os.fstat(file.fileno()).st_nlink:  # not just taken up by another
                yield rows
                path.unlink()


def _read(lines: IO[str]) -> list[Row]:
    """The last line of each step; one that a fault of the machine has cut tells nothing."""
    steps: dict[str, Row] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        steps[row["started_at"]] = row
    return [{**row, **{at: _instant(row[at]) for at in ("started_at", "finished_at")}} for row in steps.values()]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _home() -> Path:
    return folder("pull/.attempts")
