"""What has arrived: of each delivery the few facts that duties, tickets and scores need, from its ``receipt.json``.

A receipt is parsed once for as long as it does not change: a portal asks for all of them with each page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from citybrain import ops
from citybrain.clock import SHANGHAI
from citybrain.duck import literal
from citybrain.ingest import landing
from citybrain.ingest.header import simple


@dataclass(frozen=True)
class Arrival:
    """One delivery."""

    receipt: str
    table: str
    file: str
    status: str
    received_at: datetime
    delivered: int
    accepted: int
    quarantined: int
    refused_because: str | None
    columns: tuple[tuple[str, str], ...]  # the field that each became, else its plain header; the header as it stands
    repaired_at: datetime | None
    load: int = 1
    refused_fix: str | None = None  # who has to act: department, bureau
    destroyed: tuple[Destroyed, ...] = ()  # of the delivery itself, and of repairs of it

    @property
    def day(self) -> date:
        return day_of(self.received_at)


@dataclass(frozen=True)
class Destroyed:
    """A file that bore a mark of secrecy (涉密), of which nothing else is left."""

    table: str
    receipt: str
    file: str
    sha256: str
    sender: str | None
    received_at: datetime
    repairs: bool  # rows of the receipt, in place of quarantined ones


def day_of(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()


_known: dict[Path, tuple[int, Arrival]] = {}


def arrivals(table: str) -> list[Arrival]:
    """All deliveries of a table in the order in which they were received; what cannot be read is left out."""
    found = (_arrival(path, table) for path in landing.table_folder(table).glob("*/receipt.json"))
    return sorted((a for a in found if a), key=lambda a: (a.received_at, a.receipt))


def destroyed(tables: Iterable[str], since: datetime) -> list[Destroyed]:
    """Files that bore a mark of secrecy since then, the newest first."""
    found = [d for t in tables for a in arrivals(t) for d in a.destroyed if d.received_at >= since]
    return sorted(found, key=lambda d: d.received_at, reverse=True)


def _arrival(path: Path, table: str) -> Arrival | None:
    try:
        changed = path.stat().st_mtime_ns
        if path not in _known or _known[path][0] != changed:
            _known[path] = (changed, _read(json.loads(path.read_bytes()), table))
        return _known[path][1]
    except (OSError, ValueError, KeyError):
        return None


def _read(receipt: dict[str, Any], table: str) -> Arrival:
    counts, because, detected = receipt["counts"], receipt["refused_because"], receipt["detected"]
    repairs = receipt.get("repairs") or ()
    return Arrival(
        receipt=receipt["receipt"],
        table=table,
        file=receipt["file"],
        status=receipt["status"],
        received_at=datetime.fromisoformat(receipt["received_at"]),
        delivered=counts["delivered"],
        accepted=counts["accepted"],
        quarantined=counts["quarantined"],
        refused_because=because["message"] if because else None,
        columns=_columns(detected["columns"]) if detected else (),
        repaired_at=datetime.fromisoformat(repairs[-1]["received_at"]) if repairs else None,
        load=receipt["load"],
        refused_fix=because["fix"] if because else None,
        destroyed=tuple(_destroyed(receipt, table)),
    )


def _destroyed(receipt: dict[str, Any], table: str) -> Iterator[Destroyed]:
    itself = [receipt] if receipt["status"] == "destroyed" else []
    for file in (*itself, *receipt.get("destroyed_repairs", ())):
        yield Destroyed(
            table,
            receipt["receipt"],
            file["file"],
            file["sha256"],
            file["sender"],
            datetime.fromisoformat(file["received_at"]),
            repairs=file is not receipt,
        )


def looked(tables: Iterable[str]) -> dict[str, list[datetime]]:
    """When a pull found that its source had nothing new: that, too, is a delivery."""
    names = ", ".join(map(literal, tables))
    query = f"""SELECT "table", epoch_us(finished_at) AS at FROM rows WHERE step = 'load' AND status = 'unchanged'
        AND "table" IN ({names}) ORDER BY finished_at"""
    times: dict[str, list[datetime]] = {}
    for row in ops.ask("ops.pull", query) if names else ():
        times.setdefault(row["table"], []).append(datetime.fromtimestamp(row["at"] / 1e6, SHANGHAI))
    return times


def _columns(detected: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((c["field"] or simple(c["header"]), c["header"]) for c in detected if c["header"])
