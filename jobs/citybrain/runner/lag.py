"""Which tables have not yet taken in what their inputs hold: what events may have lost, the versions know."""

from __future__ import annotations

from dataclasses import dataclass

from citybrain import contracts
from citybrain.runner.plan import plan


@dataclass(frozen=True)
class Lag:
    """``tables`` have something to do, inputs first; what lies below one of them will have to follow too.

    ``blocked`` are kept as they were by a rule (and why); nothing is to be done until an input or a rule changes.
    """

    tables: list[str]
    blocked: dict[str, str]


def look() -> Lag:
    plans = [plan(c) for c in contracts.in_order(contracts.load()) if c.build]
    lagging = [p.contract.table for p in plans if p.extent != "nothing"]
    return Lag(lagging, {p.contract.table: p.blocked for p in plans if p.blocked})
