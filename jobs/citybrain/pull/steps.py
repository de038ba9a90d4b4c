"""The outcome of every step of every attempt, in ``ops.pull``: what failed can be asked for; where a pull stands, too.

The watermark of a table is that of its last good ``load``: there is no second place where it is kept. Rows are written
in batches; until then they stand in the attempt's journal, from which the next pull, of whatever table, or look into
the inbox writes those of an attempt that was killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from citybrain import ops
from citybrain.duck import literal
from citybrain.pull import journal
from citybrain.pull.declared import Secrets

TABLE = "ops.pull"
EVERY = 5.0  # seconds after which what has happened is written, so that who asks sees how far a pull is
KILLED = "the process ended here without a word: killed, or the machine stopped"
Step = Literal["connect", "fetch", "land", "load"]


@dataclass
class Facts:
    """One row of ``ops.pull``. An attempt that was killed ends in a row that is ``killed``: of the step at which it
    was, or, where it was between two, of the step ``pull``; how long it took is not known."""

    attempt: str
    table: str
    how: str
    step: str
    started_at: datetime
    finished_at: datetime | None = None
    seconds: float | None = None
    status: str = "ok"  # ok, unchanged, refused, failed, killed
    page: int | None = None
    try_number: int | None = None
    rows: int | None = None
    bytes: int | None = None
    receipt: str | None = None
    watermark: str | None = None
    digest: str | None = None
    error: str | None = None


@dataclass
class Recorder:
    """The rows of one attempt, which are written in batches."""

    table: str
    how: str
    secrets: Secrets = field(default_factory=Secrets)

    def __post_init__(self) -> None:
        self.attempt = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}"
        self._rows: list[Facts] = []
        self._journal = journal.Journal(f"{self.attempt}-{self.table}")
        self._written = time.monotonic()

    @contextmanager
    def step(self, name: Step, **known: int | str | None) -> Iterator[Facts]:
        """One step; an error that leaves it is its outcome, and goes on."""
        facts = Facts(self.attempt, self.table, self.how, name, datetime.now(UTC))
        for key, value in known.items():
            setattr(facts, key, value)
        self._journal.write({**asdict(facts), "status": journal.BEGUN})
        try:
            yield facts
        except BaseException as error:
            facts.status, facts.error = "failed", self.secrets.hidden(f"{type(error).__name__}: {error}")[:2000]
            raise
        finally:
            facts.finished_at = datetime.now(UTC)
            facts.seconds = (facts.finished_at - facts.started_at).total_seconds()
            self._journal.write(asdict(facts))
            self._rows.append(facts)
            if facts.status == "failed" or time.monotonic() - self._written > EVERY:
                self.flush()

    def flush(self) -> None:
        rows, self._rows, self._written = self._rows, [], time.monotonic()
        ops.append_pulls([asdict(row) for row in rows])

    def close(self) -> None:
        """The attempt is at its end, well or not."""
        self.flush()
        self._journal.close()


def tell_killed() -> None:
    """Writes what is not yet in ``ops.pull`` of attempts whose process is gone, and where each of them ended."""
    for rows in journal.abandoned():
        written = _written(rows[0]["attempt"])
        ops.append_pulls([row for row in _ended(rows) if row["started_at"] not in written])


def _written(attempt: str) -> set[datetime]:
    rows = ops.ask(TABLE, f"SELECT epoch_us(started_at) AS at FROM rows WHERE attempt = {literal(attempt)}")
    return {datetime.fromtimestamp(0, UTC) + timedelta(microseconds=row["at"]) for row in rows}


def _ended(rows: list[journal.Row]) -> list[journal.Row]:
    last = rows[-1]
    if last["status"] == journal.BEGUN:
        return [*rows[:-1], {**last, "status": "killed", "error": KILLED, "finished_at": datetime.now(UTC)}]
    known = {name: last[name] for name in ("attempt", "table", "how")}
    end = Facts(step="pull", started_at=last["finished_at"], finished_at=datetime.now(UTC), **known)
    end.status, end.error = "killed", KILLED
    return [*rows, asdict(end)]


@dataclass(frozen=True)
class Standing:
    """Where the pull of a table stands after its last good load."""

    watermark: str | None = None
    digest: str | None = None
    receipt: str | None = None


def standing(table: str) -> Standing:
    last = ops.ask(
        TABLE,
        f"""SELECT watermark, digest, receipt FROM rows
        WHERE "table" = {literal(table)} AND step = 'load' AND status IN ('ok', 'unchanged') AND how <> 'folder'
        ORDER BY finished_at DESC LIMIT 1""",
    )
    return Standing(**last[0]) if last else Standing()
