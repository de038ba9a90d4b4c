"""The quality of what a department delivers, by the six dimensions of GB/T 36344, in points of 100.

规范性, 完整性, 准确性, 一致性: of the rows delivered those without a finding (block or warn, for the department to
mend) of a rule of the dimension, as of the newest load of each receipt: what has been repaired counts as repaired.
时效性: duties met of those that were due. 可访问性: files loaded of those loaded or refused. The score is the mean of
the dimensions of which there is evidence. Counted is what came, or was due, in the year up to the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Literal, get_args

import pydantic

from citybrain import contracts, ops
from citybrain.contracts import Contract
from citybrain.contracts.load import ROOT, read_yaml, validated
from citybrain.duck import literal
from citybrain.duties.arrivals import Arrival, arrivals
from citybrain.duties.owed import Duty
from citybrain.duties.register import register, today
from citybrain.ingest.dirt import dirt_rules
from citybrain.ingest.outcome import Model

Dimension = Literal["规范性", "完整性", "准确性", "一致性", "时效性", "可访问性"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
BY_ROWS = DIMENSIONS[:4]
YEAR = timedelta(days=365)
Bad = Mapping[tuple[str, int, str], int]  # of a receipt, its load and a dimension: rows with a finding


class Quality(Model):
    """``expectations/quality.yaml``."""

    dimensions: dict[Dimension, tuple[str, ...]]
    between_columns: Dimension

    @pydantic.model_validator(mode="after")
    def _each_rule_once(self) -> Quality:
        named = [rule for rules in self.dimensions.values() for rule in rules]
        if tuple(self.dimensions) != DIMENSIONS or sorted(named) != sorted(dirt_rules()):
            raise ValueError(f"not each dimension and rule once: {sorted(set(named) ^ set(dirt_rules()))}")
        return self

    @property
    def of_rule(self) -> dict[str, Dimension]:
        return {rule: dimension for dimension, rules in self.dimensions.items() for rule in rules}


@dataclass(frozen=True)
class Trace:
    """What one delivery, or one duty, gives to a dimension."""

    table: str
    title: str
    receipt: str | None
    good: int
    of: int
    note: str = ""


@dataclass(frozen=True)
class Part:
    """One dimension: the evidence, and the sum of it."""

    dimension: Dimension
    traces: tuple[Trace, ...]

    @property
    def good(self) -> int:
        return sum(t.good for t in self.traces)

    @property
    def of(self) -> int:
        return sum(t.of for t in self.traces)

    @property
    def points(self) -> float | None:
        return 100 * self.good / self.of if self.of else None

    @property
    def against(self) -> list[Trace]:
        """What costs points, the most first."""
        return sorted((t for t in self.traces if t.good < t.of), key=lambda t: t.good - t.of)

    def row(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in ("dimension", "points", "good", "of")}
        return {**facts, "against": [asdict(t) for t in self.against]}


@dataclass(frozen=True)
class Score:
    owner: str
    parts: tuple[Part, ...]

    @property
    def points(self) -> float | None:
        known = [part.points for part in self.parts if part.points is not None]
        return sum(known) / len(known) if known else None

    def row(self) -> dict[str, Any]:
        return {"owner": self.owner, "points": self.points, "dimensions": [part.row() for part in self.parts]}


def scores(as_of: date | None = None, owner: str | None = None) -> list[Score]:
    """Of every department of which there is evidence, the best first."""
    day = as_of or today()
    declared = [c for c in contracts.load().values() if c.delivery and owner in (None, c.owner)]
    came = {c.table: [a for a in arrivals(c.table) if day - YEAR < a.day <= day] for c in declared}
    due = [d for d in register(day, owner) if d.due > day - YEAR]
    bad = _bad()
    found = []
    for name in sorted({c.owner for c in declared}):
        own = [(c, a) for c in declared if c.owner == name for a in came[c.table]]
        found.append(score(name, own, [d for d in due if d.owner == name], bad))
    known = [s for s in found if s.points is not None]
    return sorted(known, key=lambda s: -(s.points or 0))


def score(owner: str, came: Sequence[tuple[Contract, Arrival]], duties: Sequence[Duty], bad: Bad) -> Score:
    by_rows = (Part(d, tuple(_rows(came, bad, d))) for d in BY_ROWS)
    return Score(owner, (*by_rows, Part("时效性", tuple(_met(duties))), Part("可访问性", tuple(_taken(came)))))


def _rows(came: Sequence[tuple[Contract, Arrival]], bad: Bad, dimension: Dimension) -> Iterator[Trace]:
    for contract, a in came:
        if a.status == "loaded" and a.delivered:
            good = max(0, a.delivered - bad.get((a.receipt, a.load, dimension), 0))
            yield Trace(contract.table, contract.title, a.receipt, good, a.delivered)


def _met(duties: Sequence[Duty]) -> Iterator[Trace]:
    for d in duties:
        if d.status != "due":
            yield Trace(d.table, d.title, d.receipt, int(d.status == "met"), 1, d.period)


def _taken(came: Sequence[tuple[Contract, Arrival]]) -> Iterator[Trace]:
    """A refusal that is for the bureau to mend counts for nobody."""
    for contract, a in came:
        if a.status == "loaded" or (a.status in ("refused", "destroyed") and a.refused_fix == "department"):
            loaded = int(a.status == "loaded")
            yield Trace(contract.table, contract.title, a.receipt, loaded, 1, a.refused_because or "")


def _bad() -> Bad:
    known = ", ".join(f"({literal(rule)}, {literal(dimension)})" for rule, dimension in quality().of_rule.items())
    query = f"""WITH known(rule, dimension) AS (VALUES {known})
        SELECT receipt, "load", coalesce(dimension, {literal(quality().between_columns)}) AS dimension,
               count(DISTINCT "row") AS bad
        FROM rows LEFT JOIN known USING (rule)
        WHERE severity IN ('block', 'warn') AND fix = 'department' AND "row" IS NOT NULL GROUP BY ALL"""
    return {(r["receipt"], r["load"], r["dimension"]): r["bad"] for r in ops.ask("ops.issue", query)}


@cache
def quality() -> Quality:
    path = ROOT / "expectations" / "quality.yaml"
    node, document = read_yaml(path)
    return validated(Quality, document, path, node)
