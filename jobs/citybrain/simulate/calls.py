"""The hotline's calls (S25): a row a day. All calls enter the menu, most go on to an agent, some hang up in the queue.

It knows no scale: the district has one hotline.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from citybrain.simulate.city import DISTRICT, Texts
from citybrain.simulate.dirt import Batch, Kind
from citybrain.simulate.files import Layout
from citybrain.simulate.other_truth import Figure, Period, figure
from citybrain.simulate.people import some
from citybrain.simulate.plan import CALLS, Delivery, Span
from citybrain.simulate.spoil import dotted_day, full_width, grouped, impossible, is_null, missing, thousands, token
from citybrain.simulate.told import Told, flag_lists
from citybrain.simulate.worktime import DAY, Calendar, Ints

HEADER = ("统计日期", "呼入量", "进入人工量", "接通量", "15秒内接通量", "放弃量", "平均等待秒数")
WAIT, MINUTES = "平均等待秒数", 60
IN_MINUTES = 0  # the quarter whose file tells the wait in minutes
CALL_LAYOUT = Layout("12345话务日报", "次", HEADER, {}, frozenset(), "", units={WAIT: "分钟"}, units_in=IN_MINUTES)
NAMES = ("stat_date", "inbound_calls", "agent_calls", "answered_calls", "answered_in_15s", "abandoned_calls",
         "mean_wait_seconds")  # fmt: skip
USUAL, RESTING = 2_300, 0.7  # calls of a working day; the share of them on other days
NO_WAIT = 0.03  # days on which the platform kept no waiting time


def one_more_zero(_rng: np.random.Generator, text: str) -> str:
    return text + "0"


def a_digit_less(_rng: np.random.Generator, text: str) -> str:
    return text[:-1]


def not_nothing(text: str | None) -> bool:
    return bool(text) and text != "0"


CALL_KINDS = (
    Kind("X05", CALLS, "呼入量", 0.01, full_width),
    Kind("X15", CALLS, "呼入量", 0.02, grouped, thousands),
    Kind("X12", CALLS, "统计日期", 0.02, dotted_day),
    Kind("X12 不可能", CALLS, "统计日期", 0.004, impossible),
    Kind("X04", CALLS, WAIT, 0.5, token, is_null),
    Kind("X21", CALLS, "", 0.004, missing),
    Kind("required", CALLS, "接通量", 0.004, missing),
    Kind("more_agent_calls_than_inbound", CALLS, "呼入量", 0.008, a_digit_less),
    Kind("more_answered_than_agent_calls", CALLS, "接通量", 0.008, one_more_zero, not_nothing),
    Kind("more_in_15s_than_answered", CALLS, "15秒内接通量", 0.008, one_more_zero, not_nothing),
)


def draw_calls(span: Span, calendar: Calendar, index: int, files: list[Delivery], rng: np.random.Generator) -> Told:
    """The days of a month."""
    days = np.arange(span.month_starts[index], span.month_starts[index + 1])
    n = len(days)
    usual = np.where(calendar.is_workday(days), USUAL, USUAL * RESTING)
    inbound = np.rint(usual * rng.lognormal(0, 0.12, n)).astype(np.int64)
    agent = np.rint(inbound * rng.uniform(0.74, 0.84, n)).astype(np.int64)
    abandoned = np.rint(agent * rng.uniform(0.015, 0.06, n)).astype(np.int64)
    answered = agent - abandoned - rng.integers(0, 6, n)  # a few calls are cut off by nobody's will
    quick = np.rint(answered * rng.uniform(0.86, 0.97, n)).astype(np.int64)
    tenths = rng.integers(30, 260, n)
    in_minutes = span.slot(CALLS, days * DAY) == IN_MINUTES
    tenths = np.where(in_minutes, tenths // 6 * 6, tenths)  # whole hundredths of a minute
    wait = np.array([f"{tenth / 10:.1f}" for tenth in tenths.tolist()], dtype=object)
    too_many = np.zeros(n, bool)
    too_many[rng.integers(0, n)] = index % 4 == 1  # whoever hung up in the menu stands among those who hung up
    shown = np.where(too_many, abandoned + inbound - agent, abandoned)
    dates = np.datetime_as_string(days.astype("datetime64[D]")).astype(object)
    numbers = [_texts(values) for values in (inbound, agent, answered, quick, shown)]
    wait = some(wait, rng.random(n) >= NO_WAIT)
    batch = _batch(span, files, dict(zip(HEADER, [dates, *numbers, wait.copy()], strict=True)), days)
    _tell_in_minutes(batch, wait)
    batch.note(np.flatnonzero(too_many), "放弃量", "calls_do_not_add_up")
    columns = [
        pa.array(days.astype("datetime64[D]")),
        *(pa.array(values) for values in (inbound, agent, answered, quick)),
        pa.array(shown, mask=too_many),
        pa.array([None if text is None else float(text) for text in wait.tolist()], pa.float64()),
        flag_lists(n, {"calls_do_not_add_up": too_many}),
    ]
    return Told(batch, pa.table(columns, names=[*NAMES, "quality_flags"]), np.zeros(n, np.int64))


def _texts(values: Ints) -> Texts:
    return np.asarray(values.astype(str).astype(object))


def _batch(span: Span, files: list[Delivery], columns: dict[str, Texts], days: Ints) -> Batch:
    slot = span.slot(CALLS, days * DAY)
    sheet = np.array([file.is_sheet for file in files])[slot]
    return Batch(CALLS, columns, slot, np.arange(len(days)), sheet, days, kinds=CALL_KINDS)


def _tell_in_minutes(batch: Batch, seconds: Texts) -> None:
    """In one file; of the days on which a wait was kept."""
    rows = np.flatnonzero((batch.file == IN_MINUTES) & np.array([text is not None for text in seconds], bool))
    batch.columns[WAIT][rows] = [f"{float(text) / MINUTES:.2f}" for text in seconds[rows]]
    batch.agreed[WAIT] = seconds
    batch.note(rows, WAIT, "X13 换算")


def call_figures(known: list[pa.Table], periods: list[Period]) -> Iterator[Figure]:
    """HL01, HL02 from the days that are known in the end."""
    rows = [row for table in known for row in table.to_pylist()]
    for period in periods:
        mine = [row for row in rows if period[2] <= row["stat_date"] <= period[3]]
        inbound, agent, answered, quick = (sum(row[name] for row in mine) for name in NAMES[1:5])
        yield figure("HL01", "calls", DISTRICT, period, inbound)
        for indicator, variant, top, bottom in (
            ("HL01", "agent", answered, agent),
            ("HL01", "inbound", answered, inbound),
            ("HL02", "answered", quick, answered),
            ("HL02", "agent", quick, agent),
        ):
            yield figure(indicator, variant, DISTRICT, period, top, bottom, 100)
