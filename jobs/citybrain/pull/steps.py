"""The outcome of every step of every attempt, in ``ops.pull``: what failed can be asked for; where a pull stands, too.

The watermark of a table is that of its last good ``load``: there is no second place where it is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

from citybrain import ops
from citybrain.duck import literal
from citybrain.pull.declared import Secrets

TABLE = "ops.pull"
EVERY = 5.0  # seconds after which what has happened is written, so that a kill hides little
Step = Literal["connect", "fetch", "land", "load"]


@dataclass
class Facts:
    """One row of ``ops.pull``."""

    attempt: str
    table: str
    how: str
    step: str
    started_at: datetime
    finished_at: datetime | None = None
    seconds: float | None = None
    status: str = "ok"  # ok, unchanged, refused, failed
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
        self._written = time.monotonic()

    @contextmanager
    def step(self, name: Step, **known: int | str | None) -> Iterator[Facts]:
        """One step; an error that leaves it is its outcome, and goes on."""
        facts = Facts(self.attempt, self.table, self.how, name, datetime.now(UTC))
        for key, value in known.items():
            setattr(facts, key, value)
        try:
            yield facts
        except BaseException as error:
            facts.status, facts.error = "failed", self.secrets.hidden(f"{type(error).__name__}: {error}")[:2000]
            raise
        finally:
            facts.finished_at = datetime.now(UTC)
            facts.seconds = (facts.finished_at - facts.started_at).total_seconds()
            self._rows.append(facts)
            if name == "connect" or facts.status == "failed" or time.monotonic() - self._written > EVERY:
                self.flush()

    def flush(self) -> None:
        rows, self._rows, self._written = self._rows, [], time.monotonic()
        ops.append_pulls([asdict(row) for row in rows])


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
