"""When what is delivered: the span simulated, its months, and the files of each table.

Departments export at midnight and deliver next morning: one file a week for work orders and their log (one a month
when the span is longer than 18 months), one file a month for the others. The register of market entities hands in each
month's increments and, of each month's end and of the eve of the span, everything; the statistics office follows on
the 18th, with nothing for January and the year before in its first file. Calls and fire incidents come quarter by
quarter, the components of the city once. One file of each table arrives two periods
late, one arrives twice, and one set of corrections follows later; of the register one full is delivered anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from citybrain.simulate.worktime import DAY, EPOCH, Ints, day_number

ORDERS, EVENTS, CASES = "centre__work_order", "centre__work_order_event", "services__case"
ENTITIES, FULLS = "market__entity", "market__entity_full"
MACRO, AIR = "economy__monthly", "environment__air_hour"
CALLS, RATINGS = "hotline__call_day", "services__rating"
URBAN, HOTLINE = "urban__case", "hotline__order"
COMPONENTS, FIRE = "urban__component", "fire__incident"
MOSTLY_SHEETS = (CASES, RATINGS, HOTLINE, FIRE)
QUARTERLY = (CALLS, FIRE)  # rather than file by file of a month: each file costs the same, however short
TITLES = {
    ORDERS: "超级工单主表",
    EVENTS: "工单流转日志",
    CASES: "政务服务办件",
    ENTITIES: "市场主体登记增量",
    FULLS: "市场主体登记全量",
    MACRO: "宏观经济月度快报",
    AIR: "环境空气监测小时值",
    CALLS: "12345话务日报",
    RATINGS: "政务服务好差评",
    URBAN: "数字城管案件",
    HOTLINE: "12345转办工单",
    COMPONENTS: "城市部件台账",
    FIRE: "消防警情与检查",
}
CORRECTABLE = (ORDERS, CASES)
MACRO_DELAY = 17  # days after the month's end
LONGEST_WEEKLY = 18  # months
LATE_BY, CORRECTED_AFTER = 2, 4  # periods
SHEET_ROWS = 20_000  # a file expected to be longer is handed in as csv: nobody opens it in Excel

# At scale 1: what a year of such a centre's own orders and of its halls' cases would be, an example size.
ORDERS_A_DAY, CASES_A_DAY, FIRES_A_DAY = 120_000 / 396, 60_000 / 396, 12.0
ROWS_A_DAY = {ORDERS: ORDERS_A_DAY * 1.7, EVENTS: ORDERS_A_DAY * 9.0, CASES: CASES_A_DAY * 1.5,
              RATINGS: CASES_A_DAY * 0.4, URBAN: ORDERS_A_DAY * 0.2, HOTLINE: ORDERS_A_DAY * 0.7}  # fmt: skip
ENTITY_STOCK = 52_500  # at scale 1; 420,000, about what the district had in 2021, at scale 8


@dataclass(frozen=True)
class Delivery:
    """One file: the rows of period `slot`, or the corrections when `slot` is the number of periods."""

    table: str
    slot: int
    name: str
    delivered: datetime
    encoding: str  # utf-8-sig, gb18030 or xlsx
    span: str
    totals: str = ""  # first or last: where a row 合计 stands
    real_dates: bool = False  # xlsx: dates are dates, not text
    corrects: bool = False

    @property
    def is_sheet(self) -> bool:
        return self.encoding == "xlsx"

    def path(self, out: Path) -> Path:
        return out / "inbox" / self.table / self.name


@dataclass(frozen=True)
class Span:
    """The days simulated, in months; `weeks` and `months` are the ends (exclusive, seconds) of delivery periods."""

    start: date
    end: date
    month_starts: Ints  # day numbers, one more than there are months
    weeks: Ints
    months: Ints
    scale: float

    @classmethod
    def of(cls, months: int, end: date, scale: float) -> Span:
        last = end.year * 12 + end.month - 1
        firsts = [date(index // 12, index % 12 + 1, 1) for index in range(last - months + 1, last + 1)]
        stop = day_number(end) + 1
        starts = np.array([*map(day_number, firsts), stop])
        sundays = np.arange(starts[0] + 1, stop + 1)
        sundays = sundays[((sundays + 3) % 7 == 0) | (sundays == stop)]  # the midnight after each Sunday
        weeks = sundays if months <= LONGEST_WEEKLY else starts[1:]
        return cls(firsts[0], end, starts, weeks * DAY, starts[1:] * DAY, scale)

    @property
    def stop(self) -> int:
        """The first instant after the last simulated day."""
        return int(self.month_starts[-1]) * DAY

    def periods(self, table: str) -> Ints:
        if table in (ORDERS, EVENTS):
            return self.weeks
        if table in QUARTERLY:
            return np.unique(np.append(self.months[2::3], self.months[-1]))
        if table == COMPONENTS:  # all of them, once
            return np.array([self.start_of_span])
        if table in (FULLS, MACRO):  # the first is of the time before the span
            return np.append(self.start_of_span, self.months if table == FULLS else self.macro_months)
        return self.months

    @property
    def start_of_span(self) -> int:
        return int(self.month_starts[0]) * DAY

    @property
    def macro_months(self) -> Ints:
        """The ends of the months on which the statistics office reports within the span."""
        ends = self.months[self.months + (MACRO_DELAY + 1) * DAY <= self.stop]
        return np.array([end for end in ends.tolist() if (EPOCH + timedelta(end // DAY)).month != 2], np.int64)

    def slot(self, table: str, t: Ints) -> Ints:
        """The period in which an instant falls."""
        return np.searchsorted(self.periods(table), t, side="right").astype(np.int64)

    def late(self, table: str) -> int:
        """The period whose file arrives late; -1 when the span is too short."""
        n = len(self.periods(table))
        return n // 3 if n >= LATE_BY + 3 else -1

    def repeated(self, table: str) -> int:
        n = len(self.periods(table))
        return n // 2 if n >= LATE_BY + 3 else -1

    def corrected(self, table: str) -> int:
        if table == FULLS:
            return 1
        n = len(self.periods(table))
        return n // 4 if table in CORRECTABLE and n > CORRECTED_AFTER + n // 4 else -1


def deliveries(span: Span, table: str) -> list[Delivery]:
    """The files of a table: period by period, then the corrections. A period's file stands at its own index."""
    ends = span.periods(table)
    files = [_regular(span, table, slot) for slot in range(len(ends))]
    if (slot := span.corrected(table)) >= 0:
        files.append(_corrections(span, table, slot))
    return files


def repeats(span: Span, table: str) -> list[tuple[int, str]]:
    """Exact copies that are handed in again: index of the file, name of the copy."""
    slot = span.repeated(table)
    if slot < 0:
        return []
    original = _regular(span, table, slot)
    when = _morning(span, table, slot + LATE_BY) + timedelta(hours=2)
    return [(slot, _name(table, when, original.span, "_再报", original.encoding))]


def _regular(span: Span, table: str, slot: int) -> Delivery:
    ends = span.periods(table)
    first = int(span.month_starts[0]) if slot == 0 else int(ends[slot - 1]) // DAY
    days = int(ends[slot]) // DAY - first
    encoding = _encoding(table, slot, ROWS_A_DAY.get(table, 0) * days * span.scale)
    late = slot == span.late(table)
    when = _morning(span, table, slot + LATE_BY * late) + timedelta(hours=late)
    text = f"{EPOCH + timedelta(first):%Y%m%d}至{EPOCH + timedelta(first + days - 1):%Y%m%d}"
    if table in (FULLS, COMPONENTS) or (table == MACRO and slot == 0):
        text = f"截至{EPOCH + timedelta(first + days - 1):%Y%m%d}"
    totals = ("first", "last", "")[slot // 2 % 3] if encoding == "xlsx" else ""
    name = _name(table, when, text, "_迟报" if late else "", encoding)
    return Delivery(
        table, slot, name, when, encoding, text, totals, real_dates=slot // (1 if table == CASES else 8) % 2 == 1
    )


def _corrections(span: Span, table: str, slot: int) -> Delivery:
    after = timedelta(days=1) if table == FULLS else timedelta(hours=3)
    when = _morning(span, table, slot + CORRECTED_AFTER * (table != FULLS)) + after
    text = _regular(span, table, slot).span
    name = _name(table, when, text, "_更正", "utf-8-sig")
    return Delivery(table, len(span.periods(table)), name, when, "utf-8-sig", text, corrects=True)


def _morning(span: Span, table: str, slot: int) -> datetime:
    delay = MACRO_DELAY * DAY if table == MACRO and slot > 0 else 0
    seconds = int(span.periods(table)[slot]) + delay + 6 * 3600
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 wall clock of Shanghai


def _name(table: str, when: datetime, span: str, suffix: str, encoding: str) -> str:
    ending = "xlsx" if encoding == "xlsx" else "csv"
    return f"{when:%Y%m%d_%H%M}_模拟数据_{TITLES[table]}_{span}{suffix}.{ending}"


def _encoding(table: str, slot: int, rows: float) -> str:
    if table == MACRO:
        return "xlsx"
    if table in (EVENTS, AIR, FULLS, CALLS, URBAN):
        return "gb18030" if slot % 4 == 1 else "utf-8-sig"
    if rows <= SHEET_ROWS and (slot % 5 != 4 if table in MOSTLY_SHEETS else slot % 8 == 3):
        return "xlsx"
    return "utf-8-sig" if table == ORDERS and slot % 3 == 0 else "gb18030"
