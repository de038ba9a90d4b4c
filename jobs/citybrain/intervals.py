"""Stop-clock intervals: union, clipping and length of arrays of intervals, by higher-order functions alone.

An interval is a struct with ``begin`` and ``end`` (instants) and, where working time is asked for, ``begin_clock`` and
``end_clock`` (work clocks of the two, see ``citybrain.working_time``). The clock never runs backwards, so the working
time of a union is had by carrying the clocks along.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F


def merged_intervals(intervals: Column, *, clocked: bool = False) -> Column:
    """The union of the intervals as disjoint intervals in order of time; adjoining ones become one.

    Intervals that are open, empty or reversed do not count. A null array has no intervals.
    """
    fields = ("begin", "end", "begin_clock", "end_clock") if clocked else ("begin", "end")
    plain = F.transform(intervals, lambda i: F.struct(*(i[name].alias(name) for name in fields)))
    closed = F.array_sort(F.filter(plain, lambda i: i["begin"] < i["end"]))
    none = F.slice(closed, 1, 0)  # empty, and of the right type

    def joined(last: Column, following: Column) -> Column:
        """The last interval, reaching to the end of the following one where that is later."""
        further = following["end"] > last["end"]
        kept = [
            F.when(further & F.lit(name.startswith("end")), following[name]).otherwise(last[name]) for name in fields
        ]
        return F.struct(*(value.alias(name) for name, value in zip(fields, kept, strict=True)))

    def step(done: Column, following: Column) -> Column:
        last = F.get(done, F.size(done) - 1)
        apart = F.concat(done, F.array(following))
        together = F.concat(F.slice(done, 1, F.size(done) - 1), F.array(joined(last, following)))
        return F.when(following["begin"] <= last["end"], together).otherwise(apart)

    return F.coalesce(F.aggregate(closed, none, step), F.filter(plain, lambda _: F.lit(False)), F.array())


def begun_before(intervals: Column, limit: Column) -> Column:
    """The intervals that began before an instant, each in its full length."""
    return F.filter(intervals, lambda i: i["begin"] < limit)


def within(
    intervals: Column, begin: Column, end: Column, begin_clock: Column | None = None, end_clock: Column | None = None
) -> Column:
    """The parts of the intervals between two instants (of clocked ones, with their clocks); null is no bound."""

    def clipped(i: Column) -> Column:
        early, late = i["begin"] < begin, i["end"] > end
        parts = {"begin": F.when(early, begin), "end": F.when(late, end)}
        if begin_clock is not None and end_clock is not None:
            parts |= {"begin_clock": F.when(early, begin_clock), "end_clock": F.when(late, end_clock)}
        return F.struct(*(value.otherwise(i[name]).alias(name) for name, value in parts.items()))

    return F.filter(F.transform(intervals, clipped), lambda i: i["begin"] < i["end"])


def natural_seconds(intervals: Column) -> Column:
    """The total length of disjoint intervals in seconds (bigint)."""
    return _total(intervals, lambda i: F.unix_seconds(i["end"]) - F.unix_seconds(i["begin"]))


def working_seconds(intervals: Column) -> Column:
    """The total working time of disjoint, clocked intervals in seconds; null if a clock is unknown."""
    return _total(intervals, lambda i: i["end_clock"] - i["begin_clock"])


def merged_seconds(intervals: Column) -> Column:
    """The length of the union of any intervals in seconds."""
    return natural_seconds(merged_intervals(intervals))


def _total(intervals: Column, length: Callable[[Column], Column]) -> Column:
    return F.aggregate(intervals, F.lit(0).cast("bigint"), lambda total, i: total + length(i))
