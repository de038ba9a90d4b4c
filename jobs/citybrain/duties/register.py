"""All duties of a day, with the evidence of the lake."""

from __future__ import annotations

from datetime import date, datetime

from citybrain import contracts, lake
from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.duck import open_lake, scan
from citybrain.duties.arrivals import arrivals, looked
from citybrain.duties.owed import Duty, Evidence, duties, is_owed
from citybrain.duties.periods import Period, holding
from citybrain.duties.workdays import workdays


def today() -> date:
    return datetime.now(SHANGHAI).date()


def register(as_of: date | None = None, owner: str | None = None) -> list[Duty]:
    """Of every table that is owed (of a department), each period; by department, table and time."""
    day, calendar = as_of or today(), workdays()
    owed = [c for c in contracts.load().values() if is_owed(c) and owner in (None, c.owner)]
    idle = looked(c.table for c in owed)
    found = []
    for contract in sorted(owed, key=lambda c: (c.owner, c.table)):
        evidence = Evidence(arrivals(contract.table), periods_of(contract), idle.get(contract.table, ()))
        found += duties(contract, evidence, calendar, day)
    return found


def periods_of(contract: Contract) -> dict[Period, list[str]] | None:
    """Of each period the receipts whose accepted rows are of it; None where rows do not say."""
    delivery = contract.delivery
    if delivery is None or delivery.every == "once" or not _columns(contract):
        return None
    found: dict[Period, list[str]] = {}
    for day, receipts in receipts_by(contract).items():
        found.setdefault(holding(delivery.every, day), []).extend(receipts)
    return found


_known: dict[str, tuple[tuple[str, int], dict[date, list[str]]]] = {}


def receipts_by(contract: Contract) -> dict[date, list[str]]:
    """Of each day that rows say they are of (of a month, its first) the receipts that hold such rows."""
    state, columns = lake.state_of(contract.table), _columns(contract)
    if not columns or state is None:
        return {}
    if contract.table not in _known or _known[contract.table][0] != state:
        _known[contract.table] = (state, _asked(contract, columns, state[1]))
    return _known[contract.table][1]


def _columns(contract: Contract) -> tuple[str, ...]:
    delivery = contract.delivery
    if delivery is None:
        return ()
    return delivery.due.of or delivery.series or ((delivery.period,) if delivery.period else ())


def _asked(contract: Contract, columns: tuple[str, ...], version: int) -> dict[date, list[str]]:
    dated = contract.field(columns[0]).type in ("date", "timestamp")
    day = f"CAST({columns[0]} AS DATE)" if dated else f"make_date({', '.join([*columns, '1', '1'][:3])})"
    with open_lake() as db:
        rows = db.execute(
            f"SELECT {day} AS day, list(DISTINCT _receipt) FROM {scan(contract.table, version)} GROUP BY 1"
        ).fetchall()
    return {at: receipts for at, receipts in rows if at is not None}
