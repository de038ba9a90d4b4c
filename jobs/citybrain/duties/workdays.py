"""Working days by the code list ``codes/calendar_day.csv`` (a site's own replaces ours). Plain Python, for pages."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from citybrain.contracts.load import folders, found

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Workdays:
    """Beyond the list Monday to Friday are taken for working days."""

    known: Mapping[date, bool]

    def is_workday(self, day: date) -> bool:
        return self.known.get(day, day.weekday() < 5)

    def after(self, day: date, count: int) -> date:
        """The count-th working day after a day, which does not count; for 0 the day itself or the next working day."""
        if count == 0:
            return day if self.is_workday(day) else self.after(day, 1)
        while count:
            day += DAY
            count -= self.is_workday(day)
        return day

    def between(self, begin: date, end: date) -> int:
        """Working days after ``begin`` up to and including ``end``; 0 where there is none."""
        return sum(self.is_workday(begin + DAY * n) for n in range(1, (end - begin).days + 1))


def workdays() -> Workdays:
    (path,) = found(folders(), "codes/calendar_day.csv")
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, _changed: int) -> Workdays:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return Workdays({date.fromisoformat(row["日期"]): row["是否工作日"] == "是" for row in csv.DictReader(lines)})
