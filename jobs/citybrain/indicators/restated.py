"""What was published of a number, and what is written down of why: that outlives the old versions of the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from citybrain import ops
from citybrain.clock import SHANGHAI
from citybrain.duck import literal
from citybrain.indicators.answer import IndicatorAnswer, number, plain
from citybrain.indicators.registry import JOURNAL


@dataclass(frozen=True)
class Cause:
    """A delivery that came (新到) or was taken back (撤回) between two publications and moved the number."""

    kind: str
    title: str
    receipt: str
    file: str
    received_at: str


@dataclass(frozen=True)
class Revision:
    """One publication of a number; the first one needs no reason."""

    revision: int
    published_at: datetime
    period_end: date
    as_of: date
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    reasons: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = plain(asdict(self))
        return document

    def lines(self, show: Callable[[float | None], str]) -> Iterator[str]:
        """For people; ``show`` writes the value as the indicator is printed."""
        parts = f"分子 {number(self.numerator)} · 分母 {number(self.denominator)} · 截至 {self.as_of}"
        yield f"· 第 {self.revision} 次，{self.published_at:%Y-%m-%d %H:%M:%S}：{show(self.value)}（{parts}）"
        yield from (f"    {reason}" for reason in self.reasons)
        yield from (f"    {c.kind} {c.title} {c.file}（回执 {c.receipt}，{c.received_at} 收到）" for c in self.causes)


@dataclass(frozen=True)
class Number:
    """A number that is published: one variant of an indicator, of an area and a period."""

    indicator_id: str
    variant: str
    area_code: str
    period_kind: str
    period: str
    area_level: str
    period_start: date

    @staticmethod
    def of(answer: IndicatorAnswer) -> Number:
        return Number(**{name: getattr(answer, name) for name in Number.__dataclass_fields__})

    @property
    def key(self) -> dict[str, str]:
        """Its key in the journal."""
        return {name: getattr(self, name) for name in KEY}


KEY = ("indicator_id", "variant", "area_code", "period_kind", "period")


def published(served: duckdb.DuckDBPyConnection, one: Number) -> list[Revision]:
    """Every publication of a number, oldest first."""
    found = served.execute(
        "SELECT revision, epoch_us(published_at), period_end, as_of, numerator, denominator, value "
        f"FROM {JOURNAL} WHERE {_is(one)} ORDER BY revision"
    ).fetchall()
    return [Revision(nth, datetime.fromtimestamp(us / 1e6, SHANGHAI), *rest) for nth, us, *rest in found]


def waiting(served: duckdb.DuckDBPyConnection) -> list[tuple[Number, set[int]]]:
    """Numbers that were restated, and which of their revisions nothing is written down of; the oldest first.

    A figure is as of its period's end: what was published again with the same ``as_of`` was corrected, while a period
    that still ran had only gone on.
    """
    written = {tuple(row.values()) for row in ops.ask(ops.RESTATEMENT, f"SELECT {', '.join(KEY)}, revision FROM rows")}
    found: dict[Number, set[int]] = {}
    restated = served.execute(f"""
        SELECT {", ".join(KEY)}, area_level, period_start, revision
        FROM {JOURNAL} JOIN gold.reference__area USING (area_code)
        WINDOW number AS (PARTITION BY {", ".join(KEY)} ORDER BY revision)
        QUALIFY lag(as_of) OVER number = as_of ORDER BY published_at, {", ".join(KEY)}, revision""").fetchall()
    for *columns, nth in restated:
        if (*columns[: len(KEY)], nth) not in written:
            found.setdefault(Number(*columns), set()).add(nth)
    return list(found.items())


def row(one: Number, said: Revision) -> dict[str, Any]:
    """A revision as ``ops.restatement`` has it."""
    told = {"reasons": list(said.reasons), "causes": [asdict(cause) for cause in said.causes]}
    return {**one.key, "revision": said.revision, "published_at": said.published_at, **told}


def kept(one: Number, said: Sequence[Revision]) -> dict[int, Revision]:
    """Those revisions of a number of which it is written down why they came, with that."""
    found = ops.ask(ops.RESTATEMENT, f"SELECT revision, reasons, causes FROM rows WHERE {_is(one)}")
    told = {row["revision"]: row for row in found}
    return {
        one.revision: replace(one, reasons=tuple(row["reasons"]), causes=tuple(Cause(**c) for c in row["causes"]))
        for one in said
        if (row := told.get(one.revision))
    }


def _is(one: Number) -> str:
    return " AND ".join(f"{name} = {literal(value)}" for name, value in one.key.items())
