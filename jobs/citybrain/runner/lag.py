"""Which tables have not yet taken in what their inputs hold: what events may have lost, the versions know."""

from __future__ import annotations

from citybrain import contracts
from citybrain.runner.plan import plan


def tables() -> list[str]:
    """Built tables with something to do, inputs first; what lies below one of them will have to follow too."""
    declared = contracts.load()
    return [c.table for c in contracts.in_order(declared) if c.build and plan(c).extent != "nothing"]
