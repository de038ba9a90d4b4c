"""Each order bears its case's name as its town, so that the cube tells the cases apart."""

from pyspark.sql import functions as F

from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.governance__work_order_due_daily"


def closing(facts):
    return counted(TABLE, facts).where("stage = '结案'")


def expected(given, picture):
    return given(picture).withColumn("stage", F.lit("结案")).drop("row_count")


def test_an_order_is_due_on_the_earlier_of_its_close_and_its_deadline_and_known_to_be_done_when_it_is(given):
    orders = given("""
        silver.work_order
        town_code            | final_deadline_at   | closed_at           | rework_times
        on the second        | 2026-03-05T17:30:00 | 2026-03-05T17:30:00 | 0
        a second late        | 2026-03-05T17:30:00 | 2026-03-05T17:30:01 | 0
        at midnight          | 2026-02-28T23:59:59 | 2026-03-01T00:00:00 | 0
        early, with rework   | 2026-03-05T17:30:00 | 2026-03-03T09:00:00 | 2
        still open           | 2026-03-05T17:30:00 |                     | 1
        without a deadline   |                     | 2026-03-03T09:00:00 | 0
    """)
    assert_same(
        closing(orders),
        expected(given, """
        gold.governance__work_order_due_daily
        town_code            | due_date   | change_date | due_count | done_count | done_on_time_count | suspended_count | rework_order_count
        on the second        | 2026-03-05 | 2026-03-05  | 1         | 1          | 1                  | 0               | 0
        a second late        | 2026-03-05 | 2026-03-05  | 1         | 1          | 0                  | 0               | 0
        at midnight          | 2026-02-28 | 2026-02-28  | 1         | 0          | 0                  | 0               | 0
        at midnight          | 2026-02-28 | 2026-03-01  | 0         | 1          | 0                  | 0               | 0
        early, with rework   | 2026-03-03 | 2026-03-03  | 1         | 1          | 1                  | 0               | 1
        still open           | 2026-03-05 | 2026-03-05  | 1         | 0          | 0                  | 0               | 1
        """),  # noqa: E501
    )  # fmt: skip


def test_a_cancelled_order_is_due_until_the_day_of_its_cancellation(given):
    orders = given("""
        silver.work_order
        town_code            | final_deadline_at | closed_at        | cancelled_at     | not_filed_at     | rework_times
        before               | 2026-03-05T17:30  |                  | 2026-03-04T10:00 |                  | 0
        on the day           | 2026-03-05T17:30  |                  | 2026-03-05T23:59 |                  | 0
        after                | 2026-03-05T17:30  |                  | 2026-03-07T10:00 |                  | 1
        after a late close   | 2026-03-05T17:30  | 2026-03-06T10:00 | 2026-03-07T10:00 |                  | 0
        after an early close | 2026-03-05T17:30  | 2026-03-04T10:00 | 2026-03-07T10:00 |                  | 0
        closed afterwards    | 2026-03-05T17:30  | 2026-03-08T10:00 | 2026-03-07T10:00 |                  | 0
        not filed            | 2026-03-05T17:30  |                  |                  | 2026-03-02T10:00 | 0
    """)
    assert_same(
        closing(orders),
        expected(given, """
        gold.governance__work_order_due_daily
        town_code            | due_date   | change_date | due_count | done_count | done_on_time_count | suspended_count | rework_order_count
        after                | 2026-03-05 | 2026-03-05  | 1         | 0          | 0                  | 0               | 1
        after                | 2026-03-05 | 2026-03-07  | -1        | 0          | 0                  | 0               | -1
        after a late close   | 2026-03-05 | 2026-03-05  | 1         | 0          | 0                  | 0               | 0
        after a late close   | 2026-03-05 | 2026-03-06  | 0         | 1          | 0                  | 0               | 0
        after a late close   | 2026-03-05 | 2026-03-07  | -1        | -1         | 0                  | 0               | 0
        after an early close | 2026-03-04 | 2026-03-04  | 1         | 1          | 1                  | 0               | 0
        after an early close | 2026-03-04 | 2026-03-07  | -1        | -1         | -1                 | 0               | 0
        closed afterwards    | 2026-03-05 | 2026-03-05  | 1         | 0          | 0                  | 0               | 0
        closed afterwards    | 2026-03-05 | 2026-03-07  | -1        | 0          | 0                  | 0               | 0
        """),  # noqa: E501
    )  # fmt: skip


def test_a_due_order_is_suspended_while_its_clock_stands_still_and_it_is_neither_done_nor_cancelled(given):
    orders = given("""
        silver.work_order
        town_code             | final_deadline_at | closed_at        | cancelled_at     | suspensions
        suspended, not yet on | 2026-03-05T17:30  |                  |                  | 2026-03-04T10:00/
        resumed before        | 2026-03-05T17:30  |                  |                  | 2026-03-03T10:00/2026-03-04T10:00
        resumed on the day    | 2026-03-05T17:30  |                  |                  | 2026-03-03T10:00/2026-03-05T10:00
        late, twice           | 2026-03-05T17:30  |                  |                  | 2026-03-06T10:00/2026-03-08T10:00,2026-03-09T10:00/
        closed while so       | 2026-03-05T17:30  | 2026-03-09T10:00 |                  | 2026-03-06T10:00/
        cancelled while so    | 2026-03-05T17:30  |                  | 2026-03-09T10:00 | 2026-03-01T10:00/
        after the close       | 2026-03-05T17:30  | 2026-03-05T10:00 |                  | 2026-03-06T10:00/2026-03-08T10:00
    """)  # noqa: E501
    assert_same(
        closing(orders).where("suspended_count <> 0").select("town_code", "due_date", "change_date", "suspended_count"),
        expected(given, """
        gold.governance__work_order_due_daily
        town_code             | due_date   | change_date | suspended_count
        suspended, not yet on | 2026-03-05 | 2026-03-05  | 1
        late, twice           | 2026-03-05 | 2026-03-06  | 1
        late, twice           | 2026-03-05 | 2026-03-08  | -1
        late, twice           | 2026-03-05 | 2026-03-09  | 1
        closed while so       | 2026-03-05 | 2026-03-06  | 1
        closed while so       | 2026-03-05 | 2026-03-09  | -1
        cancelled while so    | 2026-03-05 | 2026-03-05  | 1
        cancelled while so    | 2026-03-05 | 2026-03-09  | -1
        """).select("town_code", "due_date", "change_date", "suspended_count"),
    )  # fmt: skip


def test_disposal_and_close_are_two_stages_and_a_close_without_a_disposal_counts_as_one(given):
    orders = given("""
        silver.work_order
        town_code       | handling_unit | major_category_code | final_deadline_at | disposed_at      | closed_at
        both            | D03           | 01                  | 2026-03-05T17:30  | 2026-03-05T10:00 | 2026-03-06T10:00
        disposed only   | D03           | 01                  | 2026-03-05T17:30  | 2026-03-06T10:00 |
        closed directly |               |                     | 2026-03-05T17:30  |                  | 2026-03-02T10:00
    """)
    assert_same(
        counted(TABLE, orders),
        given("""
            gold.governance__work_order_due_daily
            stage | due_date   | change_date | town_code       | major_category_code | handling_unit | due_count | done_count | done_on_time_count | suspended_count | rework_order_count
            处置  | 2026-03-05 | 2026-03-05  | both            | 01                  | D03           | 1         | 1          | 1                  | 0               | 0
            结案  | 2026-03-05 | 2026-03-05  | both            | 01                  | D03           | 1         | 0          | 0                  | 0               | 0
            结案  | 2026-03-05 | 2026-03-06  | both            | 01                  | D03           | 0         | 1          | 0                  | 0               | 0
            处置  | 2026-03-05 | 2026-03-05  | disposed only   | 01                  | D03           | 1         | 0          | 0                  | 0               | 0
            处置  | 2026-03-05 | 2026-03-06  | disposed only   | 01                  | D03           | 0         | 1          | 0                  | 0               | 0
            结案  | 2026-03-05 | 2026-03-05  | disposed only   | 01                  | D03           | 1         | 0          | 0                  | 0               | 0
            处置  | 2026-03-02 | 2026-03-02  | closed directly |                     |               | 1         | 1          | 1                  | 0               | 0
            结案  | 2026-03-02 | 2026-03-02  | closed directly |                     |               | 1         | 1          | 1                  | 0               | 0
        """).drop("row_count"),  # noqa: E501
    )
