"""Working time against a plain table of every working minute since 2018, on random cases that Spark gets in one go."""

import csv
import random
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from citybrain import intervals as stop_clock
from citybrain import working_time as wt
from citybrain.silver.calendar_day import calendar_day

SHANGHAI = ZoneInfo("Asia/Shanghai")
CODES = Path(__file__).parents[2] / "schemas" / "codes"
DAYS = {
    date.fromisoformat(row["日期"]): SimpleNamespace(
        kind=row["类别"], works=row["是否工作日"] == "是", provisional=row["是否暂定"] == "是"
    )
    for row in csv.DictReader((CODES / "calendar_day.csv").open(encoding="utf-8"))
}
DELICATE_DAYS = [date.fromisoformat(d) for d in ("2026-10-10", "2026-09-30", "2026-02-28", "2024-02-29", "2026-12-31")]
DELICATE_TIMES = [
    time.fromisoformat(t)
    for t in ("00:00", "08:29:59", "08:30", "12:00", "12:47", "14:00", "17:30", "17:30:01", "23:59:59")
]
TYPES = ("urgent_hour", "work_hour", "work_day", "natural_day")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


# The reference: every working minute, one by one, and days counted on the fingers.


def office_minutes(day):
    for hour, minute, until in ((8, 30, time(12)), (14, 0, time(17, 30))):
        moment = datetime.combine(day, time(hour, minute))
        while moment.time() < until:
            yield moment
            moment += timedelta(minutes=1)


WORKING_MINUTES = [minute for day, row in DAYS.items() if row.works for minute in office_minutes(day)]


def reference_clock(instant):
    moment = instant.astimezone(SHANGHAI).replace(tzinfo=None)
    begun = bisect_right(WORKING_MINUTES, moment)
    into_last = (moment - WORKING_MINUTES[begun - 1]).total_seconds() if begun else 0
    return (begun - 1) * 60 + int(min(into_last, 60)) if begun else 0


def reference_at_clock(clock):
    minute, second = divmod(clock - 1, 60)
    return WORKING_MINUTES[minute].replace(tzinfo=SHANGHAI) + timedelta(seconds=second + 1)


def reference_workday(day, n):
    while n:
        day += timedelta(days=1)
        n -= DAYS[day].works
    return day


def reference_deadline(start, kind, value, roll):
    if kind == "urgent_hour":
        return start + timedelta(hours=value)
    if kind == "work_hour":
        return reference_at_clock(reference_clock(start) + value * 3600)
    day = start.astimezone(SHANGHAI).date()
    if kind == "work_day":
        return datetime.combine(reference_workday(day, value), time(17, 30), SHANGHAI)
    day += timedelta(days=value)
    while roll == "next" and not DAYS[day].works:
        day += timedelta(days=1)
    return datetime.combine(day, time(23, 59, 59), SHANGHAI)


def random_cases(count):
    dice = random.Random(20260921)
    for number in range(count):
        day = dice.choice(DELICATE_DAYS) if number % 4 == 0 else date(2018, 1, 1) + timedelta(dice.randrange(3450))
        moment = dice.choice(DELICATE_TIMES) if number % 3 == 0 else time(dice.randrange(24), dice.randrange(60), 7)
        start = datetime.combine(day, moment, SHANGHAI)
        end = start + timedelta(seconds=dice.randrange(40 * 86_400) if number % 5 else dice.randrange(7200))
        kind = TYPES[number % 4]
        yield (number, start, end, day, kind, dice.randint(1, 40), dice.choice(wt.ROLLS), dice.randrange(1, 10**7))


@pytest.fixture(scope="module")
def calendar(spark):
    rows = [(day, row.kind, row.works, "通知", row.provisional, "receipt") for day, row in DAYS.items()]
    schema = (
        "calendar_date date, day_kind string, is_workday boolean, basis string, is_provisional boolean, _receipt string"
    )
    return calendar_day(spark.createDataFrame(rows, schema)).cache()


@pytest.fixture(scope="module")
def cases(spark, calendar):
    """Every function of the module applied to every case, in one Spark job."""
    df = spark.createDataFrame(
        list(random_cases(400)),
        "id int, start timestamp, end timestamp, day date, kind string, value bigint, roll string, clock bigint",
    )
    df = wt.with_work_clock(df, calendar, {"start": "start_clock", "end": "end_clock"})
    df = wt.with_workdays(df, calendar, {"day": "ordinal"})
    df = wt.at_work_clock(df, calendar, "clock", "at_clock")
    df = wt.at_work_clock(df, calendar, "end_clock", "end_again")
    df = wt.add_workdays(df, calendar, "day", "value", "workday")
    df = wt.deadline(
        df,
        calendar,
        start="start",
        limit_type="kind",
        limit_value="value",
        roll="roll",
        out="due",
        provisional="unsure",
    )
    stood = F.pmod(F.col("clock"), F.lit(200_000))
    df = df.withColumn("stood", stood).withColumn("stood_work", F.floor(stood / 3).cast("bigint"))
    df = wt.push_deadline(
        df,
        calendar,
        deadline="due",
        limit_type="kind",
        natural_seconds="stood",
        work_seconds="stood_work",
        out="pushed",
    )
    found = [row.asDict() for row in df.collect()]
    assert len(found) == 400  # no join has multiplied or lost a row
    return [SimpleNamespace(**{k: shanghai(v) for k, v in row.items()}) for row in found]


def shanghai(value):
    return value.astimezone(SHANGHAI) if isinstance(value, datetime) else value


def test_the_work_clock_counts_every_working_second_once(cases):
    for case in cases:
        assert case.start_clock == reference_clock(case.start), case.start
        assert case.end_clock == reference_clock(case.end), case.end


def test_the_clock_is_found_again_at_the_first_instant_that_shows_it(cases):
    for case in cases:
        assert case.at_clock == reference_at_clock(case.clock)
        assert case.end_again <= case.end
        assert reference_clock(case.end_again) == case.end_clock


def test_workdays_are_counted_from_the_next_day_on(cases):
    for case in cases:
        assert case.workday == reference_workday(case.day, case.value)
        assert case.ordinal == sum(row.works for day, row in DAYS.items() if day <= case.day)


def test_each_kind_of_limit_has_its_deadline(cases):
    for case in cases:
        expected = reference_deadline(case.start, case.kind, case.value, case.roll)
        assert case.due == expected, (case.start, case.kind, case.value, case.roll)


def test_a_deadline_is_provisional_when_the_day_it_rests_on_is(cases):
    for case in cases:
        by_calendar = case.kind in ("work_hour", "work_day") or (case.kind == "natural_day" and case.roll == "next")
        assert case.unsure == (by_calendar and case.due.date().year == 2027)
    assert any(case.unsure for case in cases)


def test_a_stopped_clock_moves_the_deadline_in_the_time_of_its_limit(cases):
    for case in cases:
        if case.kind in ("work_hour", "work_day") and case.stood_work:
            assert case.pushed == reference_at_clock(reference_clock(case.due) + case.stood_work)
        elif case.kind not in ("work_hour", "work_day"):
            assert case.pushed == case.due + timedelta(seconds=case.stood)


# Pictures of the rules.


@pytest.fixture
def deadline_of(spark, calendar):
    def ask(*asked):
        df = spark.createDataFrame(
            [(number, at(start), *rest) for number, (start, *rest) in enumerate(asked)],
            "id int, start timestamp, kind string, value bigint, roll string",
        )
        df = wt.deadline(
            df,
            calendar,
            start="start",
            limit_type="kind",
            limit_value="value",
            roll="roll",
            out="due",
            provisional="unsure",
        )
        found = df.orderBy("id").collect()
        return [(row.due and f"{row.due.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}", row.unsure) for row in found]

    return ask


def test_pictures_of_deadlines(deadline_of):
    assert deadline_of(
        ("2026-10-09T16:30", "work_hour", 2, "none"),  # the Saturday after the holiday is worked
        ("2026-10-09T16:30", "work_day", 1, "none"),
        ("2026-10-10T10:00", "work_day", 1, "none"),  # and then comes Sunday
        ("2026-09-30T09:00", "natural_day", 1, "next"),  # National Day: on to the 8th
        ("2026-09-30T09:00", "natural_day", 1, "none"),
        ("2026-03-02T11:30", "work_hour", 1, "none"),  # over lunch
        ("2026-03-02T08:30", "work_hour", 7, "none"),  # a whole day ends at its end, not on the next morning
        ("2026-03-02T23:59:59", "urgent_hour", 1, "none"),
        ("2026-01-31T00:00", "natural_day", 28, "none"),  # month end, from midnight
    ) == [
        ("2026-10-10 09:30:00", False),
        ("2026-10-10 17:30:00", False),
        ("2026-10-12 17:30:00", False),
        ("2026-10-08 23:59:59", False),
        ("2026-10-01 23:59:59", False),
        ("2026-03-02 14:30:00", False),
        ("2026-03-02 17:30:00", False),
        ("2026-03-03 00:59:59", False),
        ("2026-02-28 23:59:59", False),
    ]


def test_gv16b_next_year_is_provisional_and_what_lies_beyond_is_null(deadline_of):
    assert DAYS[date(2026, 10, 10)].works
    assert deadline_of(
        ("2026-12-31T10:00", "work_day", 2, "none"),  # to 4 January 2027
        ("2027-12-31T10:00", "work_day", 1, "none"),
        ("2027-12-31T10:00", "work_hour", 9, "none"),
        ("2027-12-31T10:00", "natural_day", 1, "next"),
        ("2027-12-31T10:00", "natural_day", 1, "none"),  # asks no calendar
        ("2027-12-31T10:00", "urgent_hour", 24, "none"),
        ("2030-01-01T10:00", "work_hour", 1, "none"),
        ("2010-01-01T10:00", "work_day", 1, "none"),
    ) == [
        ("2027-01-04 17:30:00", True),
        (None, True),
        (None, True),
        (None, True),
        ("2028-01-01 23:59:59", False),
        ("2028-01-01 10:00:00", False),
        (None, True),
        (None, True),
    ]


def test_what_is_unknown_has_no_deadline_and_is_not_provisional(deadline_of):
    assert (
        deadline_of(
            ("2026-03-02T10:00", None, 1, "none"),
            ("2026-03-02T10:00", "work_day", None, "none"),
            ("2026-03-02T10:00", "work_day", 0, "none"),
            ("2026-03-02T10:00", "natural_day", 3, None),
        )
        == [(None, False)] * 4
    )


@pytest.mark.parametrize(("kind", "roll"), [("month", "none"), ("natural_day", "previous")])
def test_an_unknown_type_or_roll_is_refused(deadline_of, kind, roll):
    with pytest.raises(PySparkException, match="is none of"):
        deadline_of(("2026-03-02T10:00", kind, 1, roll))


def test_days_are_those_of_shanghai_in_any_session_zone(spark, calendar):
    zone = spark.conf.get("spark.sql.session.timeZone")
    late = datetime(2026, 10, 9, 16, 30, tzinfo=UTC)  # half past midnight on the 10th in Shanghai
    df = spark.createDataFrame([(late,)], "t timestamp")
    df = wt.with_work_clock(df.withColumn("d", wt.shanghai_date("t")), calendar, {"t": "clock"})
    df = wt.at_work_clock(df, calendar, F.col("clock") + 3600, "later").select(
        "d", "clock", F.unix_seconds("later"), F.unix_seconds(wt.shanghai_instant("d", 0))
    )
    try:
        found = []
        for name in ("Asia/Shanghai", "UTC", "America/Los_Angeles"):
            spark.conf.set("spark.sql.session.timeZone", name)
            found.append(tuple(df.collect()[0]))
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)
    nine_thirty, midnight = (int(at(f"2026-10-10T{t}").timestamp()) for t in ("09:30", "00:00"))
    assert found == [(date(2026, 10, 10), reference_clock(late), nine_thirty, midnight)] * 3


def test_other_office_hours_give_another_clock(spark, calendar):
    early_shift = wt.OfficeHours(((6 * 3600, 14 * 3600),))
    df = spark.createDataFrame([(at("2026-03-02T13:00"), at("2026-03-03T07:00"))], "a timestamp, b timestamp")
    df = wt.with_work_clock(df, calendar, {"a": "a_clock", "b": "b_clock"}, hours=early_shift)
    df = wt.at_work_clock(df, calendar, F.col("b_clock"), "again", hours=early_shift)
    row = df.collect()[0]
    assert (row.b_clock - row.a_clock, shanghai(row.again)) == (2 * 3600, at("2026-03-03T07:00"))


def test_the_calendar_table_counts_days_and_seconds(calendar):
    rows = {row.calendar_date: row for row in calendar.collect()}
    assert calendar.columns == [
        "calendar_date", "day_kind", "is_workday", "is_provisional", "workday_ordinal", "work_seconds_before"
    ]  # fmt: skip
    assert (rows[date(2018, 1, 1)].workday_ordinal, rows[date(2018, 1, 1)].work_seconds_before) == (0, 0)
    assert (rows[date(2018, 1, 2)].workday_ordinal, rows[date(2018, 1, 2)].work_seconds_before) == (1, 0)
    assert (rows[date(2018, 1, 3)].workday_ordinal, rows[date(2018, 1, 3)].work_seconds_before) == (2, 25_200)


def test_null_instants_have_no_clock_and_raise_no_doubt(spark, calendar):
    df = spark.createDataFrame([(None,), (at("2031-01-01T00:00"),)], "t timestamp")
    df = wt.with_work_clock(df, calendar, {"t": "clock"}, provisional="unsure")
    assert sorted((row.t is not None, row.clock, row.unsure) for row in df.collect()) == [
        (False, None, False),
        (True, None, True),
    ]


# Stop-clocks.

INTERVAL = "struct<begin:timestamp,end:timestamp,begin_clock:bigint,end_clock:bigint>"
DAY0 = at("2026-09-28T00:00")


def covered_minutes(pairs):
    return {minute for begin, end in pairs if end is not None for minute in range(begin, end)}


def moments(*minutes):
    return [None if minute is None else DAY0 + timedelta(minutes=minute) for minute in minutes]


def clocks(*minutes):
    return [None if moment is None else reference_clock(moment) for moment in moments(*minutes)]


@pytest.fixture(scope="module")
def unions(spark):
    """Random pauses in minutes after DAY0; some are empty, reversed, open or touch; a few orders have none."""
    dice = random.Random(7)
    cases = []
    for number in range(200):
        pairs = []
        for _ in range(dice.randrange(6)):
            begin = dice.randrange(20_000)
            pairs.append((begin, None if dice.random() < 0.1 else begin + dice.randrange(-50, 6000)))
        if pairs and pairs[0][1] and pairs[0][1] > pairs[0][0]:
            pairs.append((pairs[0][1], pairs[0][1] + 60))
        cases.append((number, pairs, dice.randrange(20_000)))
    rows = [
        (n, [(*moments(a, b), *clocks(a, b)) for a, b in pairs], *moments(cut, cut + 5000), *clocks(cut, cut + 5000))
        for n, pairs, cut in cases
    ]
    df = spark.createDataFrame(
        rows, f"id int, pauses array<{INTERVAL}>, cut timestamp, until timestamp, cut_clock bigint, until_clock bigint"
    )
    df = df.withColumn("merged", stop_clock.merged_intervals(F.col("pauses"), clocked=True))
    df = df.withColumn("natural", stop_clock.natural_seconds(F.col("merged")))
    df = df.withColumn("plain", stop_clock.merged_seconds(F.col("pauses")))
    df = df.withColumn("working", stop_clock.working_seconds(F.col("merged")))
    df = df.withColumn("before", stop_clock.begun_before(F.col("merged"), F.col("cut")))
    part = stop_clock.within(*(F.col(c) for c in ("merged", "cut", "until", "cut_clock", "until_clock")))
    df = df.withColumn("part_natural", stop_clock.natural_seconds(part))
    df = df.withColumn("part_working", stop_clock.working_seconds(part))
    found = {row.id: row for row in df.collect()}
    return [(pairs, cut, found[number]) for number, pairs, cut in cases]


def works(minute):
    moment = (DAY0 + timedelta(minutes=minute)).replace(tzinfo=None)
    place = bisect_left(WORKING_MINUTES, moment)
    return WORKING_MINUTES[place] == moment


def test_overlapping_pauses_are_counted_once_in_natural_and_in_working_time(unions):
    for pairs, _, row in unions:
        covered = covered_minutes(pairs)
        assert row.natural == row.plain == 60 * len(covered)
        assert row.working == 60 * sum(map(works, covered))


def test_merged_pauses_are_apart_and_in_order(unions):
    for pairs, _, row in unions:
        merged = [(i.begin, i.end) for i in row.merged]
        assert all(earlier[1] < later[0] for earlier, later in pairwise(merged))
        minutes = [int((t.astimezone(UTC) - DAY0).total_seconds() / 60) for i in merged for t in i]
        assert covered_minutes(zip(minutes[::2], minutes[1::2], strict=True)) == covered_minutes(pairs)


def test_pauses_are_cut_to_a_window_and_chosen_by_their_beginning(unions):
    for pairs, cut, row in unions:
        inside = covered_minutes(pairs) & set(range(cut, cut + 5000))
        assert (row.part_natural, row.part_working) == (60 * len(inside), 60 * sum(map(works, inside)))
        assert row.before == [i for i in row.merged if i.begin < row.cut]


def test_no_pauses_at_all_take_no_time(spark):
    df = spark.createDataFrame([(None,), ([],)], "pauses array<struct<begin:timestamp,end:timestamp>>")
    merged = stop_clock.merged_intervals(F.col("pauses"))
    found = df.select(merged.alias("merged"), stop_clock.merged_seconds(F.col("pauses")).alias("seconds")).collect()
    assert [(row.merged, row.seconds) for row in found] == [([], 0), ([], 0)]
