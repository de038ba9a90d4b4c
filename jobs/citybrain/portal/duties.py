"""Pages of duties: who owes what (报送日历), rows to be mended (问题数据工单), how good it was (质量评分)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.duties.owed import WORDS, Duty
from citybrain.duties.register import register, today
from citybrain.duties.score import BY_ROWS, DIMENSIONS, Score, quality, scores
from citybrain.duties.tickets import Ticket, tickets
from citybrain.ingest.dirt import dirt_rules
from citybrain.portal import audit
from citybrain.portal.access import CurrentUser, User
from citybrain.portal.pages import render

if TYPE_CHECKING:
    from citybrain.portal.app import Portal

router = APIRouter(include_in_schema=False)
LISTED = 200  # of what is over and done
TAGS = {"met": "good", "met_late": "warn", "due": "", "late": "bad"}


@dataclass(frozen=True)
class Owed:
    """Periods of one table, one after the other, that are all late or all still to come."""

    duties: tuple[Duty, ...]

    @property
    def first(self) -> Duty:
        return self.duties[0]

    @property
    def periods(self) -> str:
        if len(self.duties) == 1:
            return self.first.period
        return f"{self.first.period} 至 {self.duties[-1].period}，共 {len(self.duties)} 期"

    @property
    def refused(self) -> Duty | None:
        """The last that tried in vain."""
        return next((d for d in reversed(self.duties) if d.refused), None)


@dataclass(frozen=True)
class Department:
    name: str
    owed: tuple[Owed, ...]  # the late ones first, the oldest first
    came: tuple[Duty, ...]  # the newest first

    def count(self, status: str) -> int:
        if status in ("late", "due"):
            return sum(len(o.duties) for o in self.owed if o.first.status == status)
        return sum(d.status == status for d in self.came)


def departments(found: Iterable[Duty], own: str) -> list[Department]:
    """One's own first, then whoever is late, then the others."""
    by_owner = groupby(sorted(found, key=lambda d: d.owner), key=lambda d: d.owner)
    grouped = [_department(name, list(duties)) for name, duties in by_owner]
    return sorted(grouped, key=lambda d: (d.name != own, not d.count("late"), d.name))


def _department(name: str, duties: Sequence[Duty]) -> Department:
    runs = sorted(_runs(duties), key=lambda o: (o.first.status != "late", o.first.due, o.first.title))
    came = sorted((d for d in duties if d.came), key=lambda d: (d.due, d.title), reverse=True)
    return Department(name, tuple(runs), tuple(came))


def _runs(duties: Iterable[Duty]) -> Iterator[Owed]:
    in_time = sorted(duties, key=lambda d: (d.table, d.first))
    for (_, status), run in groupby(in_time, key=lambda d: (d.table, d.status)):
        if status in ("late", "due"):
            yield Owed(tuple(run))


def owed(portal: Portal, user: User) -> list[Duty]:
    """What his department owes, or has delivered; the bureau sees all."""
    audit.note(portal.store, user.actor, "view", what="报送日历")
    return register(owner=None if user.of_bureau else user.department)


def to_mend(portal: Portal, user: User) -> list[Ticket]:
    audit.note(portal.store, user.actor, "view", what="问题数据工单")
    return tickets(tables=[c.table for c in delivered(user)])


def scored(portal: Portal, user: User) -> list[Score]:
    audit.note(portal.store, user.actor, "view", what="质量评分")
    return scores(owner=None if user.of_bureau else user.department)


@router.get("/duties")
def duties_page(request: Request, user: CurrentUser) -> Response:
    found = owed(request.app.state.portal, user)
    shown: dict[str, Any] = {
        "departments": departments(found, user.department),
        "counts": {status: sum(d.status == status for d in found) for status in WORDS},
        "linked": _linked(request),
        "handed": {c.table for c in request.app.state.portal.contracts.values() if user.hands_in(c)},
    }
    return render(request, "duties.html", **shown, words=WORDS, tags=TAGS, day=today(), listed=LISTED)


@router.get("/tickets")
def tickets_page(request: Request, user: CurrentUser) -> Response:
    found = to_mend(request.app.state.portal, user)
    groups = [
        {"name": name, "tickets": list(of)}
        for name, of in groupby(sorted((t for t in found if t.left), key=lambda t: (t.owner, t.due)), lambda t: t.owner)
    ]
    shown: dict[str, Any] = {
        "groups": sorted(groups, key=lambda g: g["name"] != user.department),
        "closed": _closed(found)[:LISTED],
        "counts": _counted(found),
        "linked": _linked(request),
    }
    return render(request, "tickets.html", **shown, day=today())


@router.get("/quality")
def quality_page(request: Request, user: CurrentUser) -> Response:
    rules = {
        d: "、".join(dirt_rules()[rule].name for rule in named if dirt_rules()[rule].severity != "note")
        for d, named in quality().dimensions.items()
        if d in BY_ROWS
    }
    rules[quality().between_columns] += "、各表列与列之间的规则"
    shown: dict[str, Any] = {
        "scores": scored(request.app.state.portal, user),
        "rules": rules,
        "linked": _linked(request),
    }
    return render(request, "quality.html", **shown, dimensions=DIMENSIONS, day=today(), listed=20)


def delivered(user: User) -> list[Contract]:
    """The tables whose deliveries somebody may see, however they come."""
    return [c for c in contracts.load().values() if c.delivery and user.sees(c)]


def _closed(found: Iterable[Ticket]) -> list[Ticket]:
    return sorted((t for t in found if not t.left), key=lambda t: t.opened, reverse=True)


def _counted(found: Sequence[Ticket]) -> dict[str, int]:
    still = [t for t in found if t.left]
    return {
        "open": len(still),
        "overdue": sum(t.overdue for t in still),
        "rows": sum(t.left for t in still),
        "closed": len(found) - len(still),
    }


def _linked(request: Request) -> set[str]:
    """The tables whose receipts have a page: those that may be handed in here."""
    return {c.table for c in request.app.state.portal.contracts.values()}
