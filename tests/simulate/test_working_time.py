"""The simulator's own working clock, checked by hand on the calendar of 2026."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from citybrain.simulate.city import CHANNELS, CODES, REQUEST_TYPES, URGENCIES, City, Limits
from citybrain.simulate.worktime import NATURAL_DAY, URGENT_HOUR, WORK_HOUR, WORKING_DAY, Calendar, day_number

CALENDAR = Calendar.read(CODES / "calendar_day.csv", date(2028, 12, 31))


def at(text: str) -> np.ndarray:
    return np.array([np.datetime64(text, "s").astype(np.int64)])


def shown(t: np.ndarray) -> str:
    return str(t.astype("datetime64[s]")[0]).replace("T", " ")


def one(value: int) -> np.ndarray:
    return np.array([value])


@pytest.mark.parametrize(
    ("accepted", "kind", "value", "rolls", "due"),
    [
        ("2026-09-07 16:30:00", WORK_HOUR, 4, False, "2026-09-08 11:30:00"),  # 1 hour left on Monday, 3 on Tuesday
        ("2026-09-07 11:00:00", WORK_HOUR, 4, False, "2026-09-07 17:00:00"),  # over the lunch break
        ("2026-09-07 22:00:00", WORK_HOUR, 7, False, "2026-09-08 17:30:00"),  # the whole of the next day
        ("2026-09-30 17:00:00", WORK_HOUR, 1, False, "2026-10-08 09:00:00"),  # over the National Day holiday
        ("2026-09-30 23:00:00", URGENT_HOUR, 4, False, "2026-10-01 03:00:00"),
        ("2026-09-30 08:00:00", WORKING_DAY, 2, False, "2026-10-09 17:30:00"),
        ("2026-10-09 08:00:00", WORKING_DAY, 1, False, "2026-10-10 17:30:00"),  # a Saturday made a working day
        ("2026-09-20 10:00:00", WORKING_DAY, 3, False, "2026-09-23 17:30:00"),  # accepted on a make-up Sunday
        ("2026-09-16 10:00:00", NATURAL_DAY, 15, True, "2026-10-08 23:59:59"),  # 1 October rolls on
        ("2026-09-16 10:00:00", NATURAL_DAY, 15, False, "2026-10-01 23:59:59"),
    ],
)
def test_deadlines(accepted: str, kind: int, value: int, rolls: bool, due: str) -> None:
    deadline = CALENDAR.deadline(at(accepted), one(kind), one(value), np.array([rolls]))
    assert shown(deadline) == due


@pytest.mark.parametrize(
    ("deadline", "kind", "begin", "end", "due"),
    [
        # Two hours of Tuesday and half an hour of Wednesday stood still.
        ("2026-09-10 17:30:00", WORKING_DAY, "2026-09-08 15:30:00", "2026-09-09 09:00:00", "2026-09-11 11:00:00"),
        ("2026-09-10 17:30:00", WORKING_DAY, "2026-09-08 18:00:00", "2026-09-08 20:00:00", "2026-09-10 17:30:00"),
        ("2026-09-10 11:00:00", WORK_HOUR, "2026-09-10 10:00:00", "2026-09-10 15:00:00", "2026-09-10 16:00:00"),
        ("2026-09-10 23:59:59", NATURAL_DAY, "2026-09-08 18:00:00", "2026-09-08 20:00:00", "2026-09-11 01:59:59"),
    ],
)
def test_a_stopped_clock_moves_the_deadline(deadline: str, kind: int, begin: str, end: str, due: str) -> None:
    assert shown(CALENDAR.push(at(deadline), one(kind), at(begin), at(end))) == due


def test_working_seconds_count_office_hours_only() -> None:
    worked = CALENDAR.work(at("2026-09-14 09:00:00")) - CALENDAR.work(at("2026-09-11 16:30:00"))
    assert worked[0] == 3600 + 1800  # an hour of Friday, half an hour of Monday


def test_work_and_at_are_inverse_inside_office_hours() -> None:
    for text in ("2026-09-08 08:30:01", "2026-09-08 12:00:00", "2026-09-08 14:00:01", "2026-09-08 17:30:00"):
        assert shown(CALENDAR.at(CALENDAR.work(at(text)))) == text


def test_working_days_skip_holidays_and_the_day_itself() -> None:
    day = np.array([day_number(date(2026, 9, 30))])
    assert date.fromordinal(int(CALENDAR.nth_workday(day, one(1))[0]) + 719_163) == date(2026, 10, 8)
    assert date.fromordinal(int(CALENDAR.next_workday(day + 1)[0]) + 719_163) == date(2026, 10, 8)


@pytest.mark.parametrize(
    ("channel", "request_type", "major", "urgency", "rule"),
    [
        ("电话", "投诉", "05", "一般", "R015"),
        ("视频", "投诉", "05", "一般", "R037"),  # the channel is the last to decide, but it decides
        ("电话", "咨询", "05", "一般", "R015"),  # category before type
        ("电话", "咨询", "99", "一般", "R003"),
        ("物联网", "投诉", "05", "紧急", "R038"),
        ("电话", "投诉", "01", "特急", "R034"),  # urgency and category before urgency alone
        ("来信来访", "投诉", "99", "一般", "R007"),
        ("电话", "投诉", "99", "一般", "R002"),
    ],
)
def test_the_most_specific_rule_fits(channel: str, request_type: str, major: str, urgency: str, rule: str) -> None:
    city = City.read()
    limits = Limits.of(city)
    wanted = [CHANNELS.index(channel), REQUEST_TYPES.index(request_type), city.major(major), URGENCIES.index(urgency)]
    day = one(day_number(date(2026, 9, 8)))
    fits = limits.rule(day, *(one(value) for value in wanted))
    assert city.rules[int(fits[0])]["规则编号"] == rule
