"""Working time: clocks, deadlines and stop-clocks as Column expressions, from one calendar and one office day.

Every function works on ``silver.calendar_day``, in which each day stands once and none is missing. Two numbers carry
all the arithmetic:

* the *workday ordinal* of a day: how many working days there are up to and including it;
* the *work clock* of an instant: how many working seconds have passed since the calendar's first day. The working
  time between two instants is the difference of their clocks.

Days are Shanghai's, whatever the session's time zone is. A result that the calendar cannot give is null, never an
error; where ``provisional`` names a column, it is true for results that rest on a provisional day or on one beyond the
calendar. (Provisional days are the calendar's last ones, so the day of the result decides.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add, or_

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

ColumnOrName = Column | str
SHANGHAI = 8 * 3600  # seconds ahead of UTC, without summer time since 1991; calendars begin in 2018
DAY = 86_400
HOUR_LIMITS, DAY_LIMITS = ("urgent_hour", "work_hour"), ("work_day", "natural_day")
ROLLS = ("none", "next")


@dataclass(frozen=True)
class OfficeHours:
    """When a working day is worked: spans in seconds after midnight, in order and apart."""

    spans: tuple[tuple[int, int], ...]

    @property
    def seconds(self) -> int:
        """Working seconds of one working day."""
        return sum(end - begin for begin, end in self.spans)

    @property
    def close(self) -> int:
        """The second of the day at which work ends."""
        return self.spans[-1][1]

    def worked(self, second: Column) -> Column:
        """Seconds worked on a working day by this second of it."""
        spans = [F.greatest(F.least(second, F.lit(end)) - begin, F.lit(0)) for begin, end in self.spans]
        return reduce(add, spans)

    def second_at(self, worked: Column) -> Column:
        """The first second of a working day by which so much has been worked; the inverse of ``worked``."""
        second, before = F.lit(None).cast("bigint"), self.seconds
        for begin, end in reversed(self.spans):
            before -= end - begin
            second = F.when(worked <= before + end - begin, worked - before + begin).otherwise(second)
        return second


OFFICE_HOURS = OfficeHours(((8 * 3600 + 1800, 12 * 3600), (14 * 3600, 17 * 3600 + 1800)))  # 25 200 s a working day


def calendar_columns(days: DataFrame, hours: OfficeHours = OFFICE_HOURS) -> DataFrame:
    """Adds ``workday_ordinal`` and ``work_seconds_before`` to days with ``calendar_date`` and ``is_workday``."""
    so_far = Window.orderBy("calendar_date").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    workday = F.col("is_workday").cast("bigint")
    return days.withColumn("workday_ordinal", F.sum(workday).over(so_far)).withColumn(
        "work_seconds_before", (F.col("workday_ordinal") - workday) * F.lit(hours.seconds)
    )


def shanghai_date(instant: ColumnOrName) -> Column:
    """The day in Shanghai on which an instant falls."""
    return F.date_from_unix_date(_floor_div(_shanghai_seconds(instant), DAY).cast("int"))


def shanghai_instant(day: ColumnOrName, second: Column | int) -> Column:
    """The instant of a second of a day in Shanghai; second 0 is midnight, at which the day begins."""
    return F.timestamp_seconds(F.unix_date(_column(day)).cast("bigint") * DAY + second - SHANGHAI)


def with_work_clock(
    df: DataFrame,
    calendar: DataFrame,
    columns: Mapping[str, str],
    *,
    provisional: str | None = None,
    hours: OfficeHours = OFFICE_HOURS,
) -> DataFrame:
    """Adds work clocks (bigint): ``columns`` maps a column of instants to the name of its clock.

    ``with_work_clock(orders, calendar, {"dispatched_at": "dispatched_clock", "disposed_at": "disposed_clock"})``
    """
    unsure = []
    for place, (instant, clock) in enumerate(columns.items()):
        day = f"__day{place}"
        df = _with_day(df, calendar, shanghai_date(instant), day).withColumn(clock, _clock(instant, day, hours))
        unsure.append(_unsure(F.col(instant), F.col(f"{day}.is_provisional")))
    if provisional:
        df = df.withColumn(provisional, reduce(or_, unsure))
    return df.drop(*(f"__day{place}" for place in range(len(columns))))


def with_workdays(df: DataFrame, calendar: DataFrame, columns: Mapping[str, str]) -> DataFrame:
    """Adds workday ordinals (bigint): ``columns`` maps a column of dates to the name of its ordinal.

    The working days from one day (not counted) to another (counted) are the difference of their ordinals.
    """
    for day, ordinal in columns.items():
        df = _with_day(df, calendar, F.col(day), "__day").withColumn(ordinal, F.col("__day.workday_ordinal"))
    return df.drop("__day")


def at_work_clock(
    df: DataFrame,
    calendar: DataFrame,
    clock: ColumnOrName,
    out: str,
    *,
    provisional: str | None = None,
    hours: OfficeHours = OFFICE_HOURS,
) -> DataFrame:
    """Adds the first instant at which the work clock shows ``clock``: 17:30 of a day, not 08:30 of the next.

    Null at 0, which the clock shows before any work is done, and beyond the calendar.
    """
    df = _with_workday(df, calendar, _clock_ordinal(_column(clock), hours), "__at")
    df = df.withColumn(out, _instant_at(_column(clock), "__at", hours))
    if provisional:
        df = df.withColumn(provisional, _unsure(_column(clock), F.col("__at.is_provisional")))
    return df.drop("__at")


def add_workdays(df: DataFrame, calendar: DataFrame, start: ColumnOrName, n: ColumnOrName, out: str) -> DataFrame:
    """Adds the date of the nth working day (n ≥ 1) after the date ``start``, which does not count."""
    df = _with_day(df, calendar, _column(start), "__day")
    df = _with_workday(df, calendar, F.col("__day.workday_ordinal") + _at_least_one(n), "__at")
    return df.withColumn(out, F.col("__at.calendar_date")).drop("__day", "__at")


def deadline(
    df: DataFrame,
    calendar: DataFrame,
    *,
    start: ColumnOrName,
    limit_type: ColumnOrName,
    limit_value: ColumnOrName,
    roll: ColumnOrName,
    out: str,
    provisional: str | None = None,
    hours: OfficeHours = OFFICE_HOURS,
) -> DataFrame:
    """Adds the deadline of a limit that runs from the instant ``start``; a limit below 1 is none.

    Hours run at once: ``urgent_hour`` round the clock, ``work_hour`` by the work clock. Days do not count the day of
    the start: ``work_day`` ends with office hours on the nth working day; ``natural_day`` at 23:59:59 of the nth day
    or, with roll ``next``, of the first working day from then on. Unknown types and rolls stop the query.
    """
    began, value = _column(start), _at_least_one(limit_value)
    kind, rolls = _known(limit_type, HOUR_LIMITS + DAY_LIMITS), _known(roll, ROLLS) == "next"
    is_natural, last_day = kind == "natural_day", F.date_add(shanghai_date(began), value.cast("int"))
    df = _with_day(df, calendar, F.when(is_natural, last_day).otherwise(shanghai_date(began)), "__day")
    clock = _clock(began, "__day", hours) + value * 3600
    ordinal, is_workday = F.col("__day.workday_ordinal"), F.col("__day.is_workday")
    df = _with_workday(
        df,
        calendar,
        F.when(kind == "work_hour", _clock_ordinal(clock, hours))
        .when(kind == "work_day", ordinal + value)
        .when(is_natural & rolls & ~is_workday, ordinal + 1),
        "__at",
    )
    workday = F.col("__at.calendar_date")
    df = df.withColumn(
        out,
        F.when(kind == "urgent_hour", F.timestamp_seconds(F.unix_seconds(began) + value * 3600))
        .when(kind == "work_hour", _instant_at(clock, "__at", hours))
        .when(kind == "work_day", shanghai_instant(workday, hours.close))
        .when(is_natural & F.when(rolls, is_workday).otherwise(~rolls), shanghai_instant(last_day, DAY - 1))
        .when(is_natural & rolls, shanghai_instant(workday, DAY - 1)),
    )
    if provisional:
        asks = value.isNotNull() & ((kind == "work_hour") | (kind == "work_day") | (is_natural & rolls))
        rests_on = F.when(is_natural & is_workday, F.col("__day.is_provisional")).otherwise(
            F.col("__at.is_provisional")
        )
        df = df.withColumn(provisional, F.coalesce(asks, F.lit(False)) & _unsure(began, rests_on))
    return df.drop("__day", "__at")


def push_deadline(
    df: DataFrame,
    calendar: DataFrame,
    *,
    deadline: ColumnOrName,
    limit_type: ColumnOrName,
    natural_seconds: ColumnOrName,
    work_seconds: ColumnOrName,
    out: str,
    hours: OfficeHours = OFFICE_HOURS,
) -> DataFrame:
    """Adds the deadline moved on by the time for which the clock stood still.

    Limits in working time move by working seconds, the others, and a deadline without a type, by natural seconds.
    """
    due, natural, work = _column(deadline), _column(natural_seconds), _column(work_seconds)
    working = F.coalesce(_known(limit_type, HOUR_LIMITS + DAY_LIMITS).isin("work_hour", "work_day"), F.lit(False))
    df = _with_day(df, calendar, shanghai_date(due), "__day")
    clock = _clock(due, "__day", hours) + work
    df = _with_workday(df, calendar, _clock_ordinal(clock, hours), "__at")
    moved = (
        F.when(working & (work > 0), _instant_at(clock, "__at", hours))
        .when(~working & (natural > 0), F.timestamp_micros(F.unix_micros(due) + natural * 1_000_000))
        .otherwise(due)
    )
    return df.withColumn(out, moved).drop("__day", "__at")


def _column(column: ColumnOrName) -> Column:
    return F.col(column) if isinstance(column, str) else column


def _floor_div(number: Column, by: int) -> Column:
    """Whole division downwards in exact arithmetic (a quotient of doubles may round up just below a day's end)."""
    return ((number - F.pmod(number, F.lit(by))) / by).cast("bigint")


def _shanghai_seconds(instant: ColumnOrName) -> Column:
    return F.unix_seconds(_column(instant)) + SHANGHAI


def _with_day(df: DataFrame, calendar: DataFrame, day: Column, name: str) -> DataFrame:
    """Adds the calendar's row of a date as the struct ``name``; null beyond the calendar."""
    rows = calendar.select(F.col("calendar_date").alias(f"{name}_key"), _row(name))
    return df.join(F.broadcast(rows), day == F.col(f"{name}_key"), "left").drop(f"{name}_key")


def _with_workday(df: DataFrame, calendar: DataFrame, ordinal: Column, name: str) -> DataFrame:
    """Adds the calendar's row of the working day with this ordinal as the struct ``name``; null beyond the calendar."""
    rows = calendar.where("is_workday").select(F.col("workday_ordinal").alias(f"{name}_key"), _row(name))
    return df.join(F.broadcast(rows), ordinal == F.col(f"{name}_key"), "left").drop(f"{name}_key")


def _row(name: str) -> Column:
    return F.struct("calendar_date", "is_workday", "is_provisional", "workday_ordinal").alias(name)


def _clock(instant: ColumnOrName, day: str, hours: OfficeHours) -> Column:
    """The work clock of an instant whose day has been looked up as the struct ``day``."""
    ordinal, second = F.col(f"{day}.workday_ordinal"), F.pmod(_shanghai_seconds(instant), F.lit(DAY))
    whole_days = F.lit(hours.seconds) * ordinal  # of which today's is not over if it is a working day
    return F.when(F.col(f"{day}.is_workday"), whole_days - hours.seconds + hours.worked(second)).otherwise(whole_days)


def _clock_ordinal(clock: Column, hours: OfficeHours) -> Column:
    """The ordinal of the working day on which the clock first shows this; null where it never does."""
    return F.when(clock > 0, _floor_div(clock - 1, hours.seconds) + 1)


def _instant_at(clock: Column, day: str, hours: OfficeHours) -> Column:
    worked = clock - (F.col(f"{day}.workday_ordinal") - 1) * F.lit(hours.seconds)
    return shanghai_instant(F.col(f"{day}.calendar_date"), hours.second_at(worked))


def _at_least_one(number: ColumnOrName) -> Column:
    return F.when(_column(number) >= 1, _column(number))


def _known(column: ColumnOrName, values: tuple[str, ...]) -> Column:
    """The value, or an error that ends the query: contracts let no other in, so one that gets here is our mistake."""
    value = _column(column)
    message = F.concat(value, F.lit(f" is none of {', '.join(values)}"))
    return F.when(value.isNull() | value.isin(*values), value).otherwise(F.raise_error(message))


def _unsure(asked: Column, is_provisional: Column) -> Column:
    """Something was asked, and the day it rests on is provisional or not in the calendar."""
    return asked.isNotNull() & F.coalesce(is_provisional, F.lit(True))
