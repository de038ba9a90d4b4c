"""Who owes what by which working day: periods, holidays, what carries a period, what was known when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest

from citybrain import contracts
from citybrain.clock import SHANGHAI
from citybrain.contracts.model import Due
from citybrain.duties import digest, register
from citybrain.duties.arrivals import Arrival
from citybrain.duties.owed import Evidence, duties
from citybrain.duties.periods import holding
from citybrain.duties.workdays import Workdays, workdays
from tests.duties.conftest import CASE, cases
from tests.ingest.pictures import flat
from tests.lake import rows_of

DECLARED = contracts.load()
MACRO = "bronze.economy__monthly"


def declared(every: str, **due: object) -> contracts.Contract:
    contract = DECLARED[CASE]
    delivery = contract.delivery.model_copy(update={"every": every, "due": Due(**due)})
    return contract.model_copy(update={"delivery": delivery})


def came(*moments: str, status: str = "loaded") -> list[Arrival]:
    empty = Arrival("", CASE, "x.csv", status, datetime.now(SHANGHAI), 1, 1, 0, None, (), None)
    instants = [datetime.fromisoformat(m).replace(tzinfo=SHANGHAI) for m in moments]
    return [replace(empty, receipt=f"R{n}", received_at=instant) for n, instant in enumerate(instants, 1)]


def drawn(contract: contracts.Contract, arrivals: Sequence[Arrival], as_of: str, **more: object) -> str:
    found = duties(contract, Evidence(arrivals, **more), workdays(), date.fromisoformat(as_of))
    lines = [f"{d.period} | {d.due} | {d.status} | {d.days_late} | {d.receipt or ''}".rstrip() for d in found]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("day", "count", "then"),
    [
        ("2026-09-30", 1, "2026-10-08"),  # over the National Day holiday
        ("2026-10-09", 1, "2026-10-10"),  # a Saturday that is worked
        ("2026-03-06", 0, "2026-03-06"),
        ("2026-03-07", 0, "2026-03-09"),
        ("2026-03-06", 3, "2026-03-11"),
        ("2031-01-03", 1, "2031-01-06"),  # beyond the list: Monday to Friday
    ],
)
def test_working_days_are_those_of_the_calendar(day, count, then):
    assert str(workdays().after(date.fromisoformat(day), count)) == then


def test_between_is_the_inverse_of_after():
    calendar = workdays()
    for day in (date(2026, 1, n) for n in range(1, 32)):
        for count in range(1, 25):
            assert calendar.between(day, calendar.after(day, count)) == count


@pytest.mark.parametrize(
    ("every", "day", "first", "last", "label"),
    [
        ("week", "2026-03-01", "2026-02-23", "2026-03-01", "2026-02-23至03-01"),
        ("month", "2026-12-31", "2026-12-01", "2026-12-31", "2026年12月"),
        ("quarter", "2026-11-24", "2026-10-01", "2026-12-31", "2026年第4季度"),
        ("hour", "2026-03-01", "2026-03-01", "2026-03-01", "2026-03-01"),
    ],
)
def test_a_day_lies_in_one_period_of_each_cadence(every, day, first, last, label):
    period = holding(every, date.fromisoformat(day))
    assert (str(period.first), str(period.last), period.label) == (first, last, label)


def test_a_daily_table_is_carried_by_the_first_delivery_after_each_day():
    """2026-03-07 and -08 are a weekend: Friday, Saturday and Sunday are due on Monday."""
    contract = declared("day")
    arrivals = came("2026-03-05 17:00", "2026-03-06 08:30", "2026-03-10 09:00")
    assert drawn(contract, arrivals, "2026-03-10") == flat("""
        2026-03-05 | 2026-03-06 | met      | 0 | R2
        2026-03-06 | 2026-03-09 | met_late | 1 | R3
        2026-03-07 | 2026-03-09 | met_late | 1 | R3
        2026-03-08 | 2026-03-09 | met_late | 1 | R3
        2026-03-09 | 2026-03-10 | met      | 0 | R3
    """)


def test_the_due_day_itself_is_not_late_and_is_known_as_of_any_day():
    contract, arrivals = declared("month", workdays=5), came("2026-02-10 10:00", "2026-03-12 10:00")
    january = "2026年1月 | 2026-02-06 | met_late | 2 | R1\n"
    february = "2026年2月 | 2026-03-06 |"
    assert drawn(contract, arrivals, "2026-03-06").splitlines()[-1] == f"{february} due | 0 |"
    assert drawn(contract, arrivals, "2026-03-09").splitlines()[-1] == f"{february} late | 1 |"
    assert drawn(contract, arrivals, "2026-03-31").splitlines()[-1] == f"{february} met_late | 4 | R2"
    assert january.strip().split(" | ")[0] not in drawn(contract, arrivals, "2026-03-06")  # before the first delivery


def test_natural_days_and_months_that_owe_nothing():
    contract = declared("month", days=10, except_months=[1])
    assert drawn(contract, came("2025-11-03 09:00"), "2026-03-20") == flat("""
        2025年11月 | 2025-12-10 | late | 67 |
        2025年12月 | 2026-01-10 | late | 46 |
        2026年2月  | 2026-03-10 | late | 8  |
    """)


def test_of_a_table_that_never_came_the_last_period_is_owed():
    assert drawn(declared("month"), [], "2026-03-20") == "2026年2月 | 2026-03-06 | late | 10 |"


def test_where_rows_say_their_period_only_they_carry_it():
    contract = declared("month", workdays=5)
    january, february = holding("month", date(2026, 1, 1)), holding("month", date(2026, 2, 1))
    arrivals = came("2026-01-31 18:00", "2026-03-03 09:00")
    assert drawn(contract, arrivals, "2026-03-20", periods={january: ["R1", "R2"]}) == flat("""
        2026年1月 | 2026-02-06 | met  | 0  | R1
        2026年2月 | 2026-03-06 | late | 10 |
    """)
    assert "met | 0 | R2" in drawn(contract, arrivals, "2026-03-20", periods={january: ["R1"], february: ["R2"]})


def test_a_refused_delivery_is_none_and_an_idle_pull_is_one():
    contract = declared("day")
    vain = came("2026-03-04 09:00", status="refused")
    (first, _) = duties(contract, Evidence([*came("2026-03-03 09:00"), *vain]), workdays(), date(2026, 3, 5))
    assert (first.status, first.refused) == ("due" if first.due >= date(2026, 3, 5) else "late", "R1")
    looked = [datetime(2026, 3, 4, 9, tzinfo=SHANGHAI)]
    assert (
        drawn(contract, came("2026-03-03 09:00"), "2026-03-05", looked=looked).splitlines()[0].split(" | ")[2] == "met"
    )


def test_a_day_off_of_the_site_moves_the_due_day():
    day_off = Workdays({date(2026, 3, 6): False})
    (duty,) = duties(declared("month", workdays=5), Evidence([]), day_off, date(2026, 3, 9))
    assert str(duty.due) == "2026-03-09"


def test_the_register_reads_receipts_and_rows_and_the_reminders_are_kept_once(received, home):
    received("2026-03-05 09:00", CASE, cases("NB1 | 2026-03-04 08:00:00"))
    report = """
        指标         | 单位 | 年份 | 月份 | 累计
        地区生产总值 | 亿元 | 2025 | 11   | 100
    """
    assert received("2025-12-18 09:00", MACRO, report).counts["accepted"] == 1
    found = {(d.table, d.period): d for d in register.register(date(2026, 3, 9))}
    assert found[(CASE, "2026-03-05")].status == "late"
    assert found[(MACRO, "2025年11月")].status == "met"
    assert found[(MACRO, "2025年12月")].status == "late"
    assert (MACRO, "2026年1月") not in found
    told = digest.digest(date(2026, 3, 9))
    for _ in range(2):
        path = digest.keep(told)
    kept = rows_of("ops.reminder")
    assert {(r["table"], r["period"]) for r in kept} == {(d.table, d.period) for d in told.late}
    assert len(kept) == len(told.late)
    assert "政务服务办件：2026-03-05未报，应于 2026-03-06 前报送，已逾期 1 个工作日" in path.read_text("utf-8")


def test_a_pull_that_found_nothing_new_is_seen_in_the_register(received):
    from datetime import timedelta

    from citybrain.duties.register import today
    from citybrain.pull.steps import Recorder

    received(f"{today() - timedelta(days=3)} 09:00", CASE, cases("NB1 | 2026-03-04 08:00:00"))
    assert "met" not in {d.status for d in register.register() if d.table == CASE}
    recorder = Recorder(CASE, "api")
    with recorder.step("load") as facts:
        facts.status = "unchanged"
    recorder.flush()
    last = [d for d in register.register() if d.table == CASE][-1]
    assert (last.status, last.receipt, last.came is not None) == ("met", None, True)
