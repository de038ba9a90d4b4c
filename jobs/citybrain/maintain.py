"""Upkeep of the lake: few files instead of many, short logs, and no file that nobody needs. No row changes.

Many small receipts mean many files and commits. Bronze, quarantine and ops are kept by delta-rs, silver and gold by
Spark: no table has two kinds of writer. Every table is under its own lock meanwhile. Nothing is deleted that a consumer
has still to read: what the slowest one needs, and everything of the last days, stays (``retention``).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from citybrain import contracts, lake
from citybrain.ingest import landing
from citybrain.ingest.write import small_pages
from citybrain.lookup import marks_rows
from citybrain.runner import feed, state
from citybrain.runner.build import Stage

if TYPE_CHECKING:
    from deltalake import DeltaTable

KEEP_DAYS = 7  # of what is replaced, however quick all consumers are: for readers under way, and for traces
TOMBSTONES = timedelta(days=7)  # for so long Delta remembers when a file was replaced (its default)
LOG = timedelta(days=30)  # and for so long its commits (its default); who is further behind builds in full
SMALL, MANY = 32 << 20, 10  # bytes of a small file; so many of them are worth a rewrite
LAYERS = ("bronze", "quarantine", "ops", "silver", "gold")
OPS_LOCKED = ("ops.issue",)  # the others are appended to without a lock, which compaction does not disturb


@dataclass(frozen=True)
class Upkeep:
    """What became of one table."""

    table: str
    status: str  # maintained, unchanged, failed
    files_before: int
    files_after: int
    deleted: int
    reason: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status != "failed"

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def tables() -> list[str]:
    """Every Delta table of a local lake, bronze first. Raises PlaceError for a lake that is elsewhere."""
    if "://" in lake.lake_uri():
        raise lake.PlaceError(f"upkeep knows lakes on local disks only, not {lake.lake_uri()}: run it where they are")
    root = Path(lake.lake_uri())
    return [f"{layer}.{log.parent.name}" for layer in LAYERS for log in sorted((root / layer).glob("*/_delta_log"))]


def maintain(
    chosen: list[str] | None = None, keep_days: float = KEEP_DAYS, tell: Callable[[Upkeep], None] = lambda _: None
) -> list[Upkeep]:
    """Compacts, checkpoints and vacuums ``chosen`` tables, or all. One that fails does not keep the others waiting."""
    there = tables()
    if unknown := sorted(set(chosen or ()) - set(there)):
        raise contracts.ContractError(f"no such table in the lake: {', '.join(unknown)}")
    results = []
    for table in chosen or there:
        results.append(_each(table, keep_days))
        tell(results[-1])
    return results


def _each(table: str, keep_days: float) -> Upkeep:
    began = time.monotonic()
    try:
        with _locked(table):
            done = _by_spark(table, keep_days) if table.startswith(("silver.", "gold.")) else _by_rust(table, keep_days)
    except Exception as error:
        done = Upkeep(table, "failed", 0, 0, 0, f"{type(error).__name__}: {str(error)[:300]}")
    return Upkeep(**{**asdict(done), "seconds": round(time.monotonic() - began, 2)})


def _locked(table: str) -> AbstractContextManager[None]:
    """The lock of whoever writes the table: the runner's, or ingest's (quarantine is written with its bronze table)."""
    layer, name = table.split(".")
    if layer in ("silver", "gold"):
        return state.lock(table)
    if layer == "ops" and table not in OPS_LOCKED:
        return nullcontext()
    return landing.locked(table if layer == "ops" else f"bronze.{name}")


def _by_rust(table: str, keep_days: float) -> Upkeep:
    before = _sizes(_open(table))
    if _crowded(before):
        delta = _open(table)
        delta.optimize.compact(writer_properties=small_pages(delta.schema()))
    hours = retention(table, keep_days)
    deleted = _unneeded(table, hours)
    if deleted:
        _open(table).vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
    if deleted or _crowded(before):
        _open(table).create_checkpoint()
        _open(table).cleanup_metadata()
    return _told(table, before, len(deleted), hours)


def _by_spark(table: str, keep_days: float) -> Upkeep:
    """Spark writes a checkpoint by itself every ten commits, and drops the expired log. It is started if need be."""
    _sweep(table)
    before, held = _sizes(_open(table)), state.state(table)
    metadata = held.to_json() if held else ""
    column = _sorted_by(table)
    if _crowded(before) or (column and not marks_rows(_open(table))):
        from citybrain import engine
        from citybrain.runner.run import session

        uri = lake.table_uri(table)
        if column:
            engine.sort(session(), uri, column, metadata)
        else:
            engine.optimize(session(), uri, metadata)
        if column and not marks_rows(_open(table)):
            engine.mark_rows(session(), uri, metadata)  # last, for it says that the table was sorted
    hours = retention(table, keep_days)
    if hours is not None:
        feed.sweep(table, hours)
    deleted = _unneeded(table, hours)
    if deleted and hours is not None:
        from citybrain import engine
        from citybrain.runner.run import session

        engine.vacuum(session(), lake.table_uri(table), hours, metadata)
    return _told(table, before, len(deleted), hours)


def _sorted_by(table: str) -> str | None:
    """The column by which rows of touched keys are looked for, where a table is large."""
    contract = contracts.load().get(table)
    return contract.looked_up_by if contract and state.is_large(table, state.pin(table)) else None


def _unneeded(table: str, hours: int | None) -> list[str]:
    """Files that a VACUUM would delete; looked up without writing, for a Spark session is dear."""
    if hours is None:
        return []
    named = _open(table).vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)
    return [file for file in named if Path(lake.table_uri(table), file).exists()]  # delta-rs names deleted ones again


def _open(table: str) -> DeltaTable:
    from deltalake import DeltaTable

    return DeltaTable(lake.table_uri(table))


def _sizes(delta: DeltaTable) -> list[int]:
    import pyarrow as pa

    return [int(n) for n in pa.table(delta.get_add_actions()).column("size_bytes").to_pylist()]


def _crowded(sizes: list[int]) -> bool:
    return sum(size < SMALL for size in sizes) >= MANY


def _told(table: str, before: list[int], deleted: int, hours: int | None) -> Upkeep:
    after = len(_sizes(_open(table)))
    status = "maintained" if deleted or after != len(before) else "unchanged"
    reason = "" if hours is not None else "nothing deleted: a consumer is more than a week behind"
    return Upkeep(table, status, len(before), after, deleted, reason)


def _sweep(table: str) -> None:
    """Stages of killed runs: under the table's lock only the one that waits for its publish is anybody's."""
    waiting = Stage.load(table)
    home = Path(lake.lake_uri()) / "_stage" / table
    for folder in home.glob("*"):
        if waiting is None or folder.name != waiting.state.run:
            rmtree(folder, ignore_errors=True)


def retention(table: str, keep_days: float) -> int | None:
    """Hours for which what was replaced must stay: ``keep_days``, and as long as a consumer has not read beyond it.

    A consumer that consumed version v reads the changes after v next, and those need the files of v and later: whatever
    was removed after v was committed stays (and an hour more). None: delete nothing, for a consumer stands further
    back than Delta remembers when a file was removed.
    """
    ages = [age for age in (_age(table, version) for version in needed(table)) if age <= LOG]
    oldest = max(ages, default=timedelta()) + timedelta(hours=1 if ages else 0)
    if oldest > TOMBSTONES:
        return None
    return math.ceil(max(timedelta(days=keep_days), oldest) / timedelta(hours=1))


def needed(table: str) -> Iterator[int]:
    """Versions before the newest that somebody stands on: consumers that lag, and a stage that waits for its check."""
    now = state.pin(table)
    for contract in contracts.load().values():
        held = state.state(contract.table) if table in contract.inputs else None
        seen = state.idle(contract.table, state.pin(contract.table)) if held else None
        consumed = (seen[0] if seen else held.inputs).get(table) if held else None
        if consumed and consumed.id == now.id and state.forwarded(table, consumed, now) != now:
            yield consumed.version
    waiting = Stage.load(table)
    if waiting and waiting.target.id == now.id and waiting.target != now:
        yield waiting.target.version


def _age(table: str, version: int) -> timedelta:
    """Since the version was committed; what the log no longer tells is older than the log."""
    found = state.commits(table, version, 1)
    if not found:
        return timedelta.max
    return datetime.now(UTC) - datetime.fromtimestamp(found[0]["timestamp"] / 1000, UTC)
