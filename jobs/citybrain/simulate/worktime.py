"""The simulator's own working clock: 08:30-12:00 and 14:00-17:30 on working days.

It is written apart from the product's calendar on purpose: the truth figures must not repeat a mistake of the product.
Instants are int64 seconds of Shanghai wall-clock time since 1970-01-01; days are whole numbers since that day.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAY = 86_400
SESSION = 12_600  # each half day lasts three and a half hours
WORK_DAY = 2 * SESSION
MORNING, AFTERNOON, EVENING = 30_600, 50_400, 63_000  # 08:30, 14:00, 17:30
MIDNIGHT_LESS_1 = 86_399
EPOCH = date(1970, 1, 1)

LIMIT_TYPES = ("urgent_hour", "work_hour", "work_day", "natural_day")
URGENT_HOUR, WORK_HOUR, WORKING_DAY, NATURAL_DAY = range(4)


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class Calendar:
    """Which days are worked, from the day number `first` on; weekends only where the notices end."""

    first: int
    works: Bools

    @cached_property
    def ordinals(self) -> Ints:
        """Indices of the working days."""
        return np.flatnonzero(self.works).astype(np.int64)

    @cached_property
    def _before(self) -> Ints:
        """How many working days come before each day."""
        return np.concatenate([[0], np.cumsum(self.works)]).astype(np.int64)

    @classmethod
    def read(cls, path: Path, until: date) -> Calendar:
        """Read calendar_day.csv; after its last day every Monday to Friday is worked, up to `until`."""
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(date.fromisoformat(row["日期"]), row["是否工作日"] == "是") for row in csv.DictReader(file)]
        first = day_number(rows[0][0])
        numbers = np.arange(first, max(day_number(until), day_number(rows[-1][0])) + 1)
        works = (numbers + 3) % 7 < 5  # 1970-01-01 was a Thursday
        for day, worked in rows:
            works[day_number(day) - first] = worked
        return cls(first, works)

    def _index(self, day: Ints) -> Ints:
        """Position of a day; a moment that never was (-1) counts as the first day, whatever comes of it is unused."""
        return np.clip(day - self.first, 0, len(self.works) - 1)

    def is_workday(self, day: Ints) -> Bools:
        return np.asarray(self.works[self._index(day)])

    def workdays_through(self, day: Ints) -> Ints:
        """Working days from the start of the calendar up to and including `day`."""
        return np.asarray(self._before[self._index(day) + 1])

    def nth_workday(self, day: Ints, n: Ints) -> Ints:
        """The nth working day after `day`, which itself does not count; n = 0 gives the last working day up to it."""
        return np.asarray(self.ordinals[self.workdays_through(day) - 1 + n] + self.first)

    def next_workday(self, day: Ints) -> Ints:
        """`day` if it is worked, else the next working day."""
        return np.asarray(self.ordinals[self._before[self._index(day)]] + self.first)

    def work(self, t: Ints) -> Ints:
        """Working seconds from the start of the calendar to the instant t."""
        clock = t % DAY
        done = np.clip(clock - MORNING, 0, SESSION) + np.clip(clock - AFTERNOON, 0, SESSION)
        day = t // DAY
        whole = self._before[self._index(day)]
        return np.asarray(whole * WORK_DAY + np.where(self.is_workday(day), done, 0))

    def at(self, work: Ints) -> Ints:
        """The earliest instant by which `work` working seconds have passed: a full day ends at 17:30."""
        ordinal = np.maximum((work - 1) // WORK_DAY, 0)
        rest = work - ordinal * WORK_DAY
        clock = np.where(rest <= SESSION, MORNING + rest, AFTERNOON + rest - SESSION)
        return np.asarray((self.ordinals[ordinal] + self.first) * DAY + clock)

    def opens(self, t: Ints) -> Ints:
        """t itself inside office hours, else the moment when the office opens next."""
        work = self.work(t)
        ordinal, rest = work // WORK_DAY, work % WORK_DAY
        clock = np.where(rest < SESSION, MORNING + rest, AFTERNOON + rest - SESSION)
        return np.asarray((self.ordinals[ordinal] + self.first) * DAY + clock)

    def deadline(self, accepted: Ints, kind: Ints, value: Ints, rolls: Bools) -> Ints:
        """The original deadline: hour limits start at once, day limits on the day after acceptance."""
        day = accepted // DAY
        natural = day + value
        natural = np.where(rolls, self.next_workday(natural), natural)
        return np.choose(
            kind,
            [
                accepted + value * 3600,
                self.at(self.work(accepted) + value * 3600),
                self.nth_workday(day, value) * DAY + EVENING,
                natural * DAY + MIDNIGHT_LESS_1,
            ],
        )

    def push(self, deadline: Ints, kind: Ints, begin: Ints, end: Ints) -> Ints:
        """The deadline moved by the stopped clock [begin, end): in working time for work limits, else in natural."""
        worked = self.work(end) - self.work(begin)
        working = np.where(worked > 0, self.at(self.work(deadline) + worked), deadline)
        by_work = (kind == WORK_HOUR) | (kind == WORKING_DAY)
        return np.where(by_work, working, deadline + (end - begin))
