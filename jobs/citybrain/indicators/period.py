"""Days, weeks, months, quarters and years of Shanghai, by the names that reports use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from citybrain.indicators.model import PeriodKind, QuestionError

_NAMES: dict[PeriodKind, re.Pattern[str]] = {
    "day": re.compile(r"(\d{4})-(\d{2})-(\d{2})"),
    "week": re.compile(r"(\d{4})-W(\d{2})"),
    "month": re.compile(r"(\d{4})-(\d{2})"),
    "quarter": re.compile(r"(\d{4})Q([1-4])"),
    "year": re.compile(r"(\d{4})"),
}
KIND_NAMES: dict[PeriodKind, str] = {"day": "日", "week": "周", "month": "月", "quarter": "季", "year": "年"}


@dataclass(frozen=True)
class Period:
    """A span of whole days with its name, e.g. ``2026-03``."""

    kind: PeriodKind
    name: str
    start: date
    end: date


def of(kind: PeriodKind, day: date) -> Period:
    """The period of this kind that holds ``day``. Weeks are those of ISO 8601, Monday to Sunday."""
    if kind == "day":
        return Period(kind, day.isoformat(), day, day)
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        year, week, _ = day.isocalendar()
        return Period(kind, f"{year}-W{week:02}", monday, monday + timedelta(days=6))
    if kind == "month":
        return Period(kind, f"{day:%Y-%m}", day.replace(day=1), _last(day.year, day.month))
    if kind == "quarter":
        quarter = (day.month + 2) // 3
        return Period(kind, f"{day.year}Q{quarter}", date(day.year, quarter * 3 - 2, 1), _last(day.year, quarter * 3))
    return Period(kind, f"{day.year}", date(day.year, 1, 1), date(day.year, 12, 31))


def parse(name: str) -> Period:
    """The period called ``2026-03-01``, ``2026-W10``, ``2026-03``, ``2026Q1`` or ``2026``."""
    for kind, pattern in _NAMES.items():
        if match := pattern.fullmatch(name):
            try:
                return of(kind, _first(kind, [int(part) for part in match.groups()]))
            except ValueError as error:
                raise QuestionError(f"没有这样的统计期：{name}") from error
    raise QuestionError(f"看不懂统计期 {name}；请写成 2026-03-01、2026-W10、2026-03、2026Q1 或 2026")


def _first(kind: PeriodKind, parts: list[int]) -> date:
    if kind == "week":
        return date.fromisocalendar(parts[0], parts[1], 1)
    if kind == "quarter":
        return date(parts[0], parts[1] * 3 - 2, 1)
    year, month, day = (*parts, 1, 1)[:3]
    return date(year, month, day)


def _last(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
