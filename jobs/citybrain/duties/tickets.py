"""Problem-data tickets (问题数据工单): one for each receipt and rule for which rows are, or were, in quarantine.

Nobody opens or closes them. A row is mended when it has left quarantine (by a repair, or because its delivery was
withdrawn), or when what it should have said has come otherwise: a row with its key in a later delivery, or a later
snapshot in place of the whole. A ticket is closed when all its rows are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from citybrain import contracts, lake, ops
from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.docs import words
from citybrain.duck import literal, open_lake, scan
from citybrain.duties.arrivals import Arrival, arrivals
from citybrain.duties.register import today
from citybrain.duties.workdays import Workdays, workdays
from citybrain.ingest.dirt import name_of

CLOSED = {"repaired": "已更正", "replaced": "已由后来的报送覆盖", "withdrawn": "已撤回"}


@dataclass(frozen=True)
class Ticket:
    """Rows of one delivery that one rule kept out."""

    number: str
    receipt: str
    table: str
    title: str
    owner: str
    acts: str  # the department, or the bureau
    rule: str
    name: str
    opened: datetime
    due: date
    rows: int  # that were kept out at first
    left: int  # that still are
    days_late: int  # working days
    closed: str | None = None  # how: repaired, replaced, withdrawn
    example: str = ""  # a cell and what is wrong with it

    @property
    def overdue(self) -> bool:
        return self.left > 0 and self.days_late > 0

    @property
    def state(self) -> str:
        if self.left:
            return "逾期未改" if self.overdue else "待更正"
        return CLOSED[self.closed or "repaired"]

    def row(self) -> dict[str, Any]:
        return {**asdict(self), "state": self.state}


def tickets(as_of: date | None = None, tables: Iterable[str] | None = None) -> list[Ticket]:
    """All tickets, open ones first, the oldest of them first."""
    day, calendar = as_of or today(), workdays()
    declared = {t: c for t, c in contracts.load().items() if c.layer == "bronze"}
    chosen = set(tables) if tables is not None else set(declared)
    kept_out = [row for row in _kept_out() if row["table"] in chosen & set(declared)]
    found = []
    for table in sorted({row["table"] for row in kept_out}):
        contract = declared[table]
        known, left = {a.receipt: a for a in arrivals(table)}, _left(contract)
        rows = [r for r in kept_out if r["table"] == table and r["receipt"] in known]
        found += [_ticket(contract, r, known[r["receipt"]], left, calendar, day) for r in rows]
    by_then = [t for t in found if t.opened.astimezone(SHANGHAI).date() <= day]
    return sorted(by_then, key=lambda t: (not t.left, t.due, t.number))


def _ticket(
    contract: Contract, row: dict[str, Any], arrival: Arrival, left: _Left, calendar: Workdays, day: date
) -> Ticket:
    assert contract.delivery
    due = calendar.after(arrival.day, contract.delivery.due.mend)
    key = (arrival.receipt, row["rule"])
    remaining = left.remaining.get(key, 0)
    how = "withdrawn" if arrival.status == "withdrawn" else "replaced" if left.held.get(key) else "repaired"
    return Ticket(
        number=f"{arrival.receipt}.{row['rule']}",
        receipt=arrival.receipt,
        table=contract.table,
        title=contract.title,
        owner=contract.owner,
        acts=words.actor(row["fix"], contract),
        rule=row["rule"],
        name=name_of(row["rule"], row["message"]),
        opened=arrival.received_at,
        due=due,
        rows=row["rows"],
        left=remaining,
        days_late=calendar.between(due, day) if remaining else 0,
        closed=None if remaining else how,
        example=f"{row['cell'] or ''} {row['message']}".strip(),
    )


def _kept_out() -> list[dict[str, Any]]:
    """Of each receipt and rule how many rows it kept out, in whichever load they were most."""
    return ops.ask(
        "ops.issue",
        """WITH loads AS (
            SELECT "table", receipt, rule, fix, "load", count(DISTINCT "row") AS n,
                   arg_min(cell, "row") AS cell, arg_min(message, "row") AS message
            FROM rows WHERE severity = 'block' AND "row" IS NOT NULL GROUP BY ALL)
        SELECT "table", receipt, rule, fix, max(n) AS rows, arg_max(cell, n) AS cell, arg_max(message, n) AS message
        FROM loads GROUP BY ALL""",
    )


@dataclass(frozen=True)
class _Left:
    """Of each receipt and rule: how many rows quarantine holds, and how many of them nothing has come in place of."""

    held: dict[tuple[str, str], int]
    remaining: dict[tuple[str, str], int]


_State = tuple[str, int]
_known: dict[str, tuple[tuple[_State | None, _State | None], _Left]] = {}


def _left(contract: Contract) -> _Left:
    quarantine = f"quarantine.{contract.name}"
    states = lake.state_of(quarantine), lake.state_of(contract.table)
    if contract.table not in _known or _known[contract.table][0] != states:
        held = _asked(contract, quarantine, states[0][1], states[1]) if states[0] else _Left({}, {})
        _known[contract.table] = (states, held)
    return _known[contract.table][1]


def _asked(contract: Contract, quarantine: str, version: int, bronze: _State | None) -> _Left:
    superseded = _superseded(contract)
    with open_lake() as db:
        db.execute("SET TimeZone = 'UTC'")  # as keys of instants are written
        later = _later(contract, bronze[1]) if bronze else "SELECT NULL AS key, NULL AS came WHERE false"
        rows = db.execute(
            f"""WITH held AS (
                SELECT receipt, received_at, key, unnest(list_distinct(list_transform(reasons, r -> r.rule))) AS rule
                FROM {scan(quarantine, version)}),
            later AS ({later})
            SELECT receipt, rule, count(*),
                   count(*) FILTER (NOT coalesce(came > received_at, false) AND NOT {superseded})
            FROM held LEFT JOIN later USING (key) GROUP BY ALL"""
        ).fetchall()
    return _Left({(r, rule): n for r, rule, n, _ in rows}, {(r, rule): n for r, rule, _, n in rows})


def _later(contract: Contract, version: int) -> str:
    """When a row of each key came last, of the keys that quarantine holds."""
    kinds = {f.name: f.type for f in contract.fields}
    parts = (f"CAST({k} AS TIMESTAMP)::VARCHAR" if kinds[k] == "timestamp" else f"{k}::VARCHAR" for k in contract.key)
    key = " || '|' || ".join(parts)
    return f"""SELECT {key} AS key, max(_received_at) AS came FROM {scan(contract.table, version)}
        WHERE {key} IN (SELECT key FROM held) GROUP BY 1"""


def _superseded(contract: Contract) -> str:
    """SQL, true of the receipts of snapshots that a later one (of the same period) has replaced."""
    delivery = contract.delivery
    if not delivery or delivery.mode != "snapshot":
        return "false"
    good = [a for a in arrivals(contract.table) if a.status == "loaded" and a.accepted]
    old: set[str] = set()
    for receipts in _by_period(contract, good):
        old |= set(receipts[:-1])
    return f"receipt IN {literal(tuple(sorted(old)))}" if old else "false"


def _by_period(contract: Contract, good: list[Arrival]) -> list[list[str]]:
    from citybrain.duties.register import receipts_by

    if not (contract.delivery and contract.delivery.period):
        return [[a.receipt for a in good]]
    order = [a.receipt for a in good]
    return [sorted(set(found) & set(order), key=order.index) for found in receipts_by(contract).values()]
