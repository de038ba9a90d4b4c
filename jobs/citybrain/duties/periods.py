"""The periods of a cadence: a day, a week from Monday, a month, a quarter. What comes each hour is owed by the day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Every = Literal["hour", "day", "week", "month", "quarter"]
_MONTHS = {"month": 1, "quarter": 3}


@dataclass(frozen=True, order=True)
class Period:
    """From its first to its last day."""

    first: date
    last: date
    every: Every

    @property
    def label(self) -> str:
        if self.every == "month":
            return f"{self.first.year}年{self.first.month}月"
        if self.every == "quarter":
            return f"{self.first.year}年第{self.first.month // 3 + 1}季度"
        if self.every == "week":
            return f"{self.first:%Y-%m-%d}至{self.last:%m-%d}"
        return f"{self.first:%Y-%m-%d}"


def holding(every: Every, day: date) -> Period:
    """The period in which a day lies."""
    if every == "week":
        first = day - timedelta(days=day.weekday())
        return Period(first, first + timedelta(days=6), every)
    if months := _MONTHS.get(every):
        first = date(day.year, (day.month - 1) // months * months + 1, 1)
        return Period(first, _months_on(first, months) - timedelta(days=1), every)
    return Period(day, day, every)


def ended(every: Every, since: date, by: date) -> Iterator[Period]:
    """The periods that end from ``since`` on and before ``by``."""
    period = holding(every, since)
    while period.last < by:
        yield period
        period = holding(every, period.last + timedelta(days=1))


def _months_on(day: date, months: int) -> date:
    month = day.month - 1 + months
    return date(day.year + month // 12, month % 12 + 1, 1)
