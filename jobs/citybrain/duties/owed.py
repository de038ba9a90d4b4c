"""Who owes what by which working day, and what became of it. Pure but for what it is given.

A delivery carries a period when the rows that were accepted say so; where the contract names no column for that, the
first delivery after the period's end carries it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from citybrain.contracts import Contract
from citybrain.duties.arrivals import Arrival, day_of
from citybrain.duties.periods import Every, Period, ended
from citybrain.duties.workdays import Workdays

# Working days after the period's end, where the contract does not say.
USUAL: dict[Every, int] = {"hour": 1, "day": 1, "week": 2, "month": 5, "quarter": 10}
# How far back is looked: what was owed before is no duty any more.
LOOK_BACK: dict[Every, int] = {"hour": 31, "day": 31, "week": 92, "month": 400, "quarter": 800}
Status = Literal["met", "met_late", "due", "late"]
WORDS: dict[Status, str] = {"met": "按时报送", "met_late": "迟报", "due": "待报", "late": "逾期未报"}


@dataclass(frozen=True)
class Duty:
    """One period of one table."""

    table: str
    title: str
    owner: str
    period: str
    first: date
    last: date
    due: date
    status: Status
    days_late: int  # working days after the due day, until it came or until the day that is asked about
    receipt: str | None = None
    came: datetime | None = None
    refused: str | None = None  # a delivery that came in this time and was not taken
    refused_because: str | None = None

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """What is known of a table's deliveries: all of them, the periods that their rows are of, idle pulls."""

    arrivals: Sequence[Arrival] = ()
    periods: Mapping[Period, Sequence[str]] | None = None  # receipts with rows of the period; None: rows do not say
    looked: Sequence[datetime] = ()


def is_owed(contract: Contract) -> bool:
    delivery = contract.delivery
    return bool(delivery and delivery.every != "once" and set(delivery.how) - {"project"})


def due_day(contract: Contract, period: Period, days: Workdays) -> date:
    assert contract.delivery
    rule = contract.delivery.due
    if rule.days is not None:
        return period.last + timedelta(days=rule.days)
    return days.after(period.last, USUAL[period.every] if rule.workdays is None else rule.workdays)


def duties(contract: Contract, evidence: Evidence, days: Workdays, as_of: date) -> list[Duty]:
    """Every period that ended before ``as_of``, as it was known at the end of that day, the newest last."""
    taken = [a for a in evidence.arrivals if a.status == "loaded" and a.day <= as_of]
    known = Evidence(taken, evidence.periods, [t for t in evidence.looked if day_of(t) <= as_of])
    refused = [a for a in evidence.arrivals if a.status in ("refused", "destroyed") and a.day <= as_of]
    return [_judged(contract, period, known, refused, days, as_of) for period in _periods(contract, known, as_of)]


def _periods(contract: Contract, evidence: Evidence, as_of: date) -> list[Period]:
    """From the first that was delivered on; of a table that never was, the last one only."""
    delivery = contract.delivery
    assert delivery
    assert delivery.every != "once"
    earliest = as_of - timedelta(days=LOOK_BACK[delivery.every])
    begins = [a.day for a in evidence.arrivals[:1]] + [day_of(t) for t in evidence.looked[:1]]
    begins += [p.first for p in evidence.periods or ()]
    since = max(earliest, min(begins)) if begins else earliest
    found = [p for p in ended(delivery.every, since, as_of) if not _excepted(contract, p)]
    return found if begins else found[-1:]


def _excepted(contract: Contract, period: Period) -> bool:
    assert contract.delivery
    return period.every == "month" and period.first.month in contract.delivery.due.except_months


def _judged(
    contract: Contract, period: Period, evidence: Evidence, refused: Sequence[Arrival], days: Workdays, as_of: date
) -> Duty:
    due = due_day(contract, period, days)
    came, receipt = _carrier(period, evidence)
    until = day_of(came) if came else as_of
    status: Status = ("met" if until <= due else "met_late") if came else ("late" if as_of > due else "due")
    vain = None if came else next((a for a in reversed(refused) if a.day > period.last), None)
    return Duty(
        table=contract.table,
        title=contract.title,
        owner=contract.owner,
        period=period.label,
        first=period.first,
        last=period.last,
        due=due,
        status=status,
        days_late=days.between(due, until),
        receipt=receipt,
        came=came,
        refused=vain.receipt if vain else None,
        refused_because=vain.refused_because if vain else None,
    )


def _carrier(period: Period, evidence: Evidence) -> tuple[datetime | None, str | None]:
    """The delivery that carried a period: when it came, and its receipt."""
    if evidence.periods is not None:
        holds = set(evidence.periods.get(period, ()))
        arrival = next((a for a in evidence.arrivals if a.receipt in holds), None)
        return (arrival.received_at, arrival.receipt) if arrival else (None, None)
    after = [(a.received_at, a.receipt) for a in evidence.arrivals] + [(t, "") for t in evidence.looked]
    came, receipt = min((c for c in after if day_of(c[0]) > period.last), default=(None, None))
    return came, receipt or None


def reminders(found: Sequence[Duty]) -> Iterator[tuple[str, list[Duty]]]:
    """催报: of each department what is late, the oldest first."""
    late = [duty for duty in found if duty.status == "late"]
    for owner in sorted({duty.owner for duty in late}):
        yield owner, sorted((d for d in late if d.owner == owner), key=lambda d: (d.due, d.table))
