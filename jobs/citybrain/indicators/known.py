"""Gold as it stood at a moment, so that any day's number is computed with what was known then as it is with today's.

What was published is in the journal for ever, each number as of its period's end (infra/decisions/0007). As of another
day it is computed on the versions of the cubes that were the newest then; upkeep lets go of these after a week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import duckdb
from deltalake.exceptions import DeltaError

from citybrain import contracts, duck
from citybrain.clock import SHANGHAI
from citybrain.indicators.answer import SourceVersion
from citybrain.runner import journal, state
from citybrain.runner.state import UPKEEP, Pin

Stood = tuple[duckdb.DuckDBPyConnection, dict[str, SourceVersion]]


class CleanedError(LookupError):
    """A version that was the newest then is no longer there. The message is the table's name."""


@contextmanager
def gold(tables: Iterable[str], moment: datetime) -> Iterator[Stood]:
    """A database with these tables as they stood, and which versions those are; a table that was not yet is empty.

    Raises CleanedError, also for a query inside that meets a file that is gone.
    """
    stood = {table: _stood(table, moment) for table in sorted(tables)}
    pins = {table: Pin(table, source.version) if source else Pin(None, -1) for table, source in stood.items()}
    with duck.open_lake() as db:
        try:
            journal.attach(db, pins)
            yield db, {table: source for table, source in stood.items() if source}
        except (duckdb.IOException, DeltaError, OSError) as error:
            raise CleanedError("、".join(pins)) from error


def _stood(table: str, moment: datetime) -> SourceVersion | None:
    """The newest version that had been committed by then; None where there was no table yet."""
    newest = state.pin(table).version
    entries = state.commits(table, newest, newest + 1) if newest >= 0 else []
    at = [datetime.fromtimestamp(entry["timestamp"] / 1e3, SHANGHAI) for entry in entries]
    nth = next((nth for nth, committed in enumerate(at) if committed <= moment), None)
    if nth is None:
        if len(entries) <= newest:  # the log before is cut off
            raise CleanedError(table)
        return None
    news = next((n for n in range(nth, len(entries)) if entries[n].get("operation") not in UPKEEP), nth)
    return SourceVersion(table, contracts.load()[table].title, newest - nth, at[news])
