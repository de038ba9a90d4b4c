"""silver.work_order. All pictures are built together, once: building costs seconds, comparing does not.

2 March 2026 is a Monday; a working day is worked from 08:30 to 12:00 and from 14:00 to 17:30.
"""

from functools import reduce

import pytest

from citybrain import identity
from tests.jobs.city import built_orders
from tests.tables import CONTRACTS, draw

ORDERS, EVENTS = [], []


def orders(picture):
    ORDERS.append("bronze.centre__work_order" + picture)


def events(picture):
    EVENTS.append("bronze.centre__work_order_event" + picture)


@pytest.fixture(scope="module")
def built(spark, tmp_path_factory):
    """The rows of the table by work_order_id."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(tmp_path_factory.mktemp("home")))
        identity.ensure_key()
        delivered, steps = (reduce(lambda a, b: a.unionAll(b), (draw(spark, p) for p in ps)) for ps in (ORDERS, EVENTS))
        found = built_orders(spark, delivered, steps).collect()
    orders = {row.work_order_id: row for row in found}
    assert len(orders) == len(found)
    return orders


@pytest.fixture
def told(built, given):
    """Compares the drawn columns (all, if ``columns`` says so) of the drawn orders."""

    def compare(picture, columns=None):
        columns = columns or [cell.strip() for cell in picture.strip().splitlines()[0].split("|")]
        expected = given("silver.work_order" + picture).select("work_order_id", *columns).collect()
        for row in expected:
            assert [built[row[0]][c] for c in columns] == [row[c] for c in columns], row[0]

    return compare


# The whole story.

orders("""
    work_order_id    | source_system | channel | reported_at      | request_title            | request_text                  | request_type | reporter_phone | _received_at     | updated_at
    NH20260302000001 | 12345热线     | 电话    | 2026-03-02T09:05 | 松岗中心小学附近沙井盖缺损 | 来电13800138000反映沙井盖缺损 | 投诉         | 13800138000    | 2026-03-02T12:00 | 2026-03-02T11:00
""")  # noqa: E501
orders("""
    work_order_id    | source_system | channel | reported_at      | accepted_at      | request_title            | request_text                  | request_type | reporter_phone | _received_at     | updated_at       | major_category_code | minor_category_code | object_kind | urgency | town_code | lon      | lat     | crs      | handling_unit | limit_type | limit_value | deadline_at      | work_order_status | closed_at        | resolution | satisfaction
    NH20260302000001 | 12345热线     | 电话    | 2026-03-02T09:05 | 2026-03-02T09:10 | 松岗中心小学附近沙井盖缺损 | 来电13800138000反映沙井盖缺损 | 投诉         | 13800138000    | 2026-03-04T12:00 | 2026-03-04T08:00 | 01                  | 0101                | 部件        | 一般    | 440605124 | 113.0021 | 23.1303 | CGCS2000 | D03           | work_hour  | 14          | 2026-03-04T09:10 | 已结案            | 2026-03-03T11:30 | 已解决     | 非常满意
""")  # noqa: E501
events("""
    work_order_id    | event_no | step | event_unit | arrived_at       | finished_at      | _received_at
    NH20260302000001 | 1        | 采集 | D01        | 2026-03-02T09:05 | 2026-03-02T09:05 | 2026-03-04T12:00
    NH20260302000001 | 2        | 受理 | D01        | 2026-03-02T09:10 | 2026-03-02T09:10 | 2026-03-04T12:00
    NH20260302000001 | 3        | 立案 | D01        | 2026-03-02T09:20 | 2026-03-02T09:20 | 2026-03-04T12:00
    NH20260302000001 | 4        | 派遣 | D01        | 2026-03-02T09:30 | 2026-03-02T09:30 | 2026-03-04T12:00
    NH20260302000001 | 5        | 签收 | D03        | 2026-03-02T09:30 | 2026-03-02T10:00 | 2026-03-04T12:00
    NH20260302000001 | 6        | 处置 | D03        | 2026-03-02T10:00 | 2026-03-03T09:30 | 2026-03-04T12:00
    NH20260302000001 | 7        | 反馈 | D03        | 2026-03-03T09:30 | 2026-03-03T09:40 | 2026-03-04T12:00
    NH20260302000001 | 8        | 核查 | D01        | 2026-03-03T09:40 | 2026-03-03T11:00 | 2026-03-04T12:00
    NH20260302000001 | 9        | 结案 | D01        | 2026-03-03T11:30 | 2026-03-03T11:30 | 2026-03-04T12:00
    NH20260302000001 | 10       | 评价 | D01        | 2026-03-03T17:00 | 2026-03-03T17:00 | 2026-03-04T12:00
""")


def test_the_story_of_a_cover_near_the_school_of_songgang_from_report_to_evaluation(told):
    """GV17: 松岗 lies in 狮山镇; a cover is a component, 部件, of the public facilities. Every column is drawn."""
    every_column = [name for name in CONTRACTS["silver.work_order"].names if name != "phone_pseudonym"]
    told("""
        work_order_id    | source_system | channel | request_title              | request_text               | redaction_count | request_type | major_category_code | minor_category_code | object_kind | urgency | town_code | village_code | lon      | lat     | handling_unit | work_order_status | resolution | satisfaction | reported_at      | accepted_at      | filed_at         | dispatched_at    | disposed_at      | checked_at       | closed_at        | deadline_at      | final_deadline_at | deadline_basis | suspended_natural_seconds | suspended_work_seconds | handling_natural_seconds | handling_work_seconds | rework_times | bounce_times | extension_times | updated_at       | quality_flags
        NH20260302000001 | 12345热线     | 电话    | 松岗中心小学附近沙井盖缺损 | 来电〔电话〕反映沙井盖缺损 | 1               | 投诉         | 01                  | 0101                | 部件        | 一般    | 440605124 | 440605124099 | 113.0021 | 23.1303 | D03           | 已结案            | 已解决     | 非常满意     | 2026-03-02T09:05 | 2026-03-02T09:10 | 2026-03-02T09:20 | 2026-03-02T09:30 | 2026-03-03T09:30 | 2026-03-03T11:00 | 2026-03-03T11:30 | 2026-03-04T09:10 | 2026-03-04T09:10  | 来源给定       | 0                         | 0                      | 86400                    | 25200                 | 0            | 0            | 0               | 2026-03-04T08:00 | village_from_point
    """, every_column)  # noqa: E501  # fmt: skip


# Deadlines.

orders("""
    work_order_id    | accepted_at      | channel | request_type | major_category_code | urgency | limit_type | deadline_at      | reported_at
    given            | 2026-03-02T09:00 | 电话    | 投诉         | 02                  | 特急    | work_day   | 2026-03-09T17:30 | 2026-03-02T09:00
    by default       | 2026-03-02T09:00 |         |              |                     |         |            |                  | 2026-03-02T09:00
    by the old rule  | 2021-12-31T09:00 |         |              |                     |         |            |                  | 2021-12-31T09:00
    by category      | 2026-03-02T09:00 | 电话    | 投诉         | 02                  | 一般    | urgent_hour |                 | 2026-03-02T09:00
    by urgency       | 2026-03-02T09:00 | 电话    | 咨询         | 02                  | 特急    |            |                  | 2026-03-02T09:00
    by both          | 2026-03-02T09:00 | 电话    | 投诉         | 01                  | 特急    |            |                  | 2026-03-02T09:00
    category is more | 2026-03-02T09:00 | 电话    | 咨询         | 03                  | 一般    |            |                  | 2026-03-02T09:00
    natural, rolled  | 2026-03-06T09:00 | 电话    | 建议         |                     |         |            |                  | 2026-03-06T09:00
    unknown words    | 2026-03-02T09:00 | 传真    | 表扬         | 98                  | 加急    | 小时       |                  | 2026-03-02T09:00
    not accepted     |                  | 电话    | 投诉         | 02                  | 一般    |            |                  | 2026-03-02T09:00
""")  # noqa: E501


def test_a_missing_deadline_is_that_of_the_most_specific_rule_in_force_on_the_day_of_acceptance(told):
    told("""
        work_order_id    | deadline_at         | final_deadline_at   | deadline_basis
        given            | 2026-03-09T17:30    | 2026-03-09T17:30    | 来源给定
        by default       | 2026-03-09T17:30    | 2026-03-09T17:30    | 按规则计算
        by the old rule  | 2022-01-12T17:30    | 2022-01-12T17:30    | 按规则计算
        by category      | 2026-03-05T17:30    | 2026-03-05T17:30    | 按规则计算
        by urgency       | 2026-03-02T13:00    | 2026-03-02T13:00    | 按规则计算
        by both          | 2026-03-02T11:00    | 2026-03-02T11:00    | 按规则计算
        category is more | 2026-03-04T09:00    | 2026-03-04T09:00    | 按规则计算
        natural, rolled  | 2026-03-23T23:59:59 | 2026-03-23T23:59:59 | 按规则计算
        unknown words    | 2026-03-09T17:30    | 2026-03-09T17:30    | 按规则计算
        not accepted     |                     |                     | 无
    """)


orders("""
    work_order_id       | deadline_at      | limit_type | reported_at
    in time             | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
    asked at the end    | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
    extended twice      | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
    second one too late | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
    never asked         | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
    no new deadline     | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
    asked, not granted  | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
    then suspended      | 2026-03-05T17:30 | work_day   | 2026-03-02T09:00
""")
events("""
    work_order_id       | event_no | step     | finished_at      | new_deadline_at
    in time             | 1        | 延期申请 | 2026-03-05T17:29 |
    in time             | 2        | 延期批准 | 2026-03-06T10:00 | 2026-03-10T17:30
    asked at the end    | 1        | 延期申请 | 2026-03-05T17:30 |
    asked at the end    | 2        | 延期批准 | 2026-03-05T17:31 | 2026-03-10T17:30
    extended twice      | 4        | 延期批准 | 2026-03-09T11:00 | 2026-03-12T17:30
    extended twice      | 1        | 延期申请 | 2026-03-04T10:00 |
    extended twice      | 2        | 延期批准 | 2026-03-04T11:00 | 2026-03-10T17:30
    extended twice      | 3        | 延期申请 | 2026-03-09T10:00 |
    second one too late | 1        | 延期申请 | 2026-03-04T10:00 |
    second one too late | 2        | 延期批准 | 2026-03-04T11:00 | 2026-03-10T17:30
    second one too late | 3        | 延期申请 | 2026-03-10T17:31 |
    second one too late | 4        | 延期批准 | 2026-03-11T11:00 | 2026-03-12T17:30
    never asked         | 1        | 延期批准 | 2026-03-04T11:00 | 2026-03-10T17:30
    no new deadline     | 1        | 延期申请 | 2026-03-04T10:00 |
    no new deadline     | 2        | 延期批准 | 2026-03-04T11:00 |
    asked, not granted  | 1        | 延期申请 | 2026-03-04T10:00 |
    then suspended      | 1        | 延期申请 | 2026-03-04T10:00 |
    then suspended      | 2        | 延期批准 | 2026-03-04T11:00 | 2026-03-10T17:30
    then suspended      | 3        | 挂账     | 2026-03-06T08:30 |
    then suspended      | 4        | 恢复     | 2026-03-06T12:00 |
""")


def test_an_extension_counts_if_it_was_asked_for_before_the_deadline_of_that_time(told):
    told("""
        work_order_id       | deadline_at      | final_deadline_at | deadline_basis | extension_times
        in time             | 2026-03-05T17:30 | 2026-03-10T17:30  | 已延期         | 1
        asked at the end    | 2026-03-05T17:30 | 2026-03-05T17:30  | 来源给定       | 0
        extended twice      | 2026-03-05T17:30 | 2026-03-12T17:30  | 已延期         | 2
        second one too late | 2026-03-05T17:30 | 2026-03-10T17:30  | 已延期         | 1
        never asked         | 2026-03-05T17:30 | 2026-03-10T17:30  | 已延期         | 1
        no new deadline     | 2026-03-05T17:30 | 2026-03-05T17:30  | 已延期         | 1
        asked, not granted  | 2026-03-05T17:30 | 2026-03-05T17:30  | 来源给定       | 0
        then suspended      | 2026-03-05T17:30 | 2026-03-11T12:00  | 已延期         | 1
    """)


orders("""
    work_order_id      | deadline_at         | limit_type  | closed_at        | reported_at
    in working time    | 2026-03-05T17:30    | work_day    |                  | 2026-03-02T09:00
    in natural time    | 2026-03-05T23:59:59 | natural_day |                  | 2026-03-02T09:00
    over a weekend     | 2026-03-09T17:30    | work_hour   |                  | 2026-03-02T09:00
    overlapping        | 2026-03-05T17:30    | work_day    |                  | 2026-03-02T09:00
    still suspended    | 2026-03-05T17:30    | work_day    |                  | 2026-03-02T09:00
    after the deadline | 2026-03-05T17:30    | work_day    |                  | 2026-03-02T09:00
    resumed of nothing | 2026-03-05T17:30    | work_day    |                  | 2026-03-02T09:00
    sent twice         | 2026-03-05T17:30    | work_day    |                  | 2026-03-02T09:00
    closed unresumed   | 2026-03-05T17:30    | work_day    | 2026-03-04T10:00 | 2026-03-02T09:00
""")
events("""
    work_order_id      | event_no | step | event_unit | arrived_at       | finished_at
    in working time    | 1        | 挂账 |            |                  | 2026-03-03T12:00
    in working time    | 2        | 恢复 |            |                  | 2026-03-04T08:30
    in natural time    | 1        | 挂账 |            |                  | 2026-03-03T12:00
    in natural time    | 2        | 恢复 |            |                  | 2026-03-04T08:30
    over a weekend     | 1        | 挂账 |            |                  | 2026-03-06T17:30
    over a weekend     | 2        | 恢复 |            |                  | 2026-03-09T08:30
    overlapping        | 1        | 挂账 | D03        |                  | 2026-03-03T09:00
    overlapping        | 2        | 挂账 | D01        |                  | 2026-03-03T10:00
    overlapping        | 3        | 恢复 | D03        |                  | 2026-03-03T11:00
    overlapping        | 4        | 恢复 | D01        |                  | 2026-03-03T12:00
    still suspended    | 1        | 挂账 |            |                  | 2026-03-03T09:00
    still suspended    | 2        | 恢复 |            |                  | 2026-03-03T10:00
    still suspended    | 3        | 挂账 |            |                  | 2026-03-04T09:00
    after the deadline | 1        | 挂账 |            |                  | 2026-03-05T17:30
    after the deadline | 2        | 恢复 |            |                  | 2026-03-06T12:00
    resumed of nothing | 1        | 恢复 |            |                  | 2026-03-03T09:00
    resumed of nothing | 2        | 挂账 |            |                  | 2026-03-03T10:00
    resumed of nothing | 3        | 恢复 |            |                  | 2026-03-03T11:00
    sent twice         | 1        | 挂账 | D03        | 2026-03-03T09:00 | 2026-03-03T09:00
    sent twice         | 2        | 挂账 | D03        | 2026-03-03T09:00 | 2026-03-03T09:00
    sent twice         | 3        | 恢复 | D03        | 2026-03-03T10:00 | 2026-03-03T10:00
    closed unresumed   | 1        | 挂账 |            |                  | 2026-03-03T09:00
""")


def test_a_deadline_moves_on_by_the_time_suspended_before_it_in_the_time_that_it_is_counted_in(told):
    told("""
        work_order_id      | final_deadline_at   | suspended_natural_seconds | suspended_work_seconds | suspensions
        in working time    | 2026-03-06T12:00    | 73800                     | 12600                  | 2026-03-03T12:00/2026-03-04T08:30
        in natural time    | 2026-03-06T20:29:59 | 73800                     | 12600                  | 2026-03-03T12:00/2026-03-04T08:30
        over a weekend     | 2026-03-09T17:30    | 226800                    | 0                      | 2026-03-06T17:30/2026-03-09T08:30
        overlapping        | 2026-03-06T11:30    | 10800                     | 10800                  | 2026-03-03T09:00/2026-03-03T12:00
        still suspended    | 2026-03-06T09:30    | 3600                      | 3600                   | 2026-03-03T09:00/2026-03-03T10:00,2026-03-04T09:00/
        after the deadline | 2026-03-05T17:30    | 0                         | 0                      | 2026-03-05T17:30/2026-03-06T12:00
        resumed of nothing | 2026-03-06T09:30    | 3600                      | 3600                   | 2026-03-03T10:00/2026-03-03T11:00
        sent twice         | 2026-03-06T09:30    | 3600                      | 3600                   | 2026-03-03T09:00/2026-03-03T10:00
        closed unresumed   | 2026-03-05T17:30    | 0                         | 0                      | 2026-03-03T09:00/
    """)  # noqa: E501


# Moments and durations.

orders("""
    work_order_id     | reported_at      | accepted_at      | closed_at        | work_order_status | updated_at
    reworked          | 2026-03-02T09:00 | 2026-03-02T09:01 |                  | 待核查            | 2026-03-06T09:00
    sent round        | 2026-03-02T09:00 |                  |                  | 处置中            | 2026-03-06T09:00
    without events    | 2026-03-02T09:00 | 2026-03-02T09:01 | 2026-03-03T10:00 | 已结案            | 2026-03-06T09:00
    refused           | 2026-03-02T09:00 | 2026-03-02T09:01 |                  | 不予立案          | 2026-03-06T09:00
    cancelled         | 2026-03-02T09:00 | 2026-03-02T09:01 |                  | 已作废            | 2026-03-06T09:00
    cancelled in both | 2026-03-02T09:00 | 2026-03-02T09:01 |                  | 已作废            | 2026-03-06T09:00
""")
events("""
    work_order_id     | event_no | step     | arrived_at       | finished_at
    reworked          | 1        | 受理     | 2026-03-02T09:00 | 2026-03-02T09:02
    reworked          | 2        | 受理     | 2026-03-02T09:00 | 2026-03-02T09:03
    reworked          | 3        | 立案     | 2026-03-02T09:05 |
    reworked          | 4        | 派遣     |                  | 2026-03-02T09:30
    reworked          | 5        | 处置     |                  | 2026-03-03T09:00
    reworked          | 6        | 核查     |                  | 2026-03-03T10:00
    reworked          | 7        | 返工     |                  | 2026-03-03T10:30
    reworked          | 8        | 处置     |                  | 2026-03-04T09:30
    reworked          | 9        | 核查     |                  | 2026-03-04T11:00
    reworked          | 10       | 返工     |                  | 2026-03-04T11:30
    reworked          | 11       | 处置     | 2026-03-05T09:00 |
    sent round        | 1        | 受理     |                  | 2026-03-02T09:02
    sent round        | 2        | 派遣     |                  | 2026-03-02T09:30
    sent round        | 3        | 退回     |                  | 2026-03-02T10:00
    sent round        | 4        | 派遣     |                  | 2026-03-02T10:30
    sent round        | 5        | 退回     |                  | 2026-03-02T11:00
    cancelled in both | 1        | 作废     |                  | 2026-03-04T09:00
    cancelled in both | 2        | 作废     |                  | 2026-03-05T09:00
    of no order       | 1        | 受理     |                  | 2026-03-05T09:00
""")


def test_moments_are_those_of_the_events_and_else_the_orders_own(told, built):
    told("""
        work_order_id     | accepted_at      | filed_at         | not_filed_at     | dispatched_at    | disposed_at      | checked_at       | closed_at        | cancelled_at     | rework_times | bounce_times | quality_flags
        reworked          | 2026-03-02T09:02 | 2026-03-02T09:05 |                  | 2026-03-02T09:30 | 2026-03-04T09:30 | 2026-03-04T11:00 |                  |                  | 2            | 0            | unmatched_town
        sent round        | 2026-03-02T09:02 |                  |                  | 2026-03-02T09:30 |                  |                  |                  |                  | 0            | 2            | unmatched_town
        without events    | 2026-03-02T09:01 |                  |                  |                  |                  |                  | 2026-03-03T10:00 |                  | 0            | 0            | no_events,unmatched_town
        refused           | 2026-03-02T09:01 |                  | 2026-03-06T09:00 |                  |                  |                  |                  |                  | 0            | 0            | moment_from_status,no_events,unmatched_town
        cancelled         | 2026-03-02T09:01 |                  |                  |                  |                  |                  |                  | 2026-03-06T09:00 | 0            | 0            | moment_from_status,no_events,unmatched_town
        cancelled in both | 2026-03-02T09:01 |                  |                  |                  |                  |                  |                  | 2026-03-04T09:00 | 0            | 0            | unmatched_town
    """)  # noqa: E501
    assert "of no order" not in built


orders("""
    work_order_id      | reported_at      | accepted_at      | closed_at        | _received_at
    plain              | 2026-03-02T09:00 |                  |                  | 2026-04-01T00:00
    suspended          | 2026-03-02T09:00 |                  |                  | 2026-04-01T00:00
    suspended at first | 2026-03-02T09:00 |                  |                  | 2026-04-01T00:00
    at once            | 2026-03-02T09:00 |                  |                  | 2026-04-01T00:00
    disposed backwards | 2026-03-02T09:00 |                  |                  | 2026-04-01T00:00
    closed backwards   | 2026-03-02T09:00 |                  | 2026-03-02T08:59 | 2026-04-01T00:00
    closed in future   | 2026-03-02T09:00 |                  | 2026-04-01T00:01 | 2026-04-01T00:00
    event in future    | 2026-03-02T09:00 |                  |                  | 2026-04-01T00:00
    never disposed     | 2026-03-02T09:00 |                  |                  | 2026-04-01T00:00
""")
events("""
    work_order_id      | event_no | step | finished_at      | _received_at
    plain              | 1        | 派遣 | 2026-03-06T17:00 | 2026-04-01T00:00
    plain              | 2        | 处置 | 2026-03-09T09:00 | 2026-04-01T00:00
    suspended          | 1        | 派遣 | 2026-03-02T09:30 | 2026-04-01T00:00
    suspended          | 2        | 挂账 | 2026-03-02T17:00 | 2026-04-01T00:00
    suspended          | 3        | 恢复 | 2026-03-03T09:00 | 2026-04-01T00:00
    suspended          | 4        | 处置 | 2026-03-03T09:30 | 2026-04-01T00:00
    suspended at first | 1        | 挂账 | 2026-03-02T09:00 | 2026-04-01T00:00
    suspended at first | 2        | 派遣 | 2026-03-02T09:30 | 2026-04-01T00:00
    suspended at first | 3        | 恢复 | 2026-03-02T10:00 | 2026-04-01T00:00
    suspended at first | 4        | 处置 | 2026-03-02T11:00 | 2026-04-01T00:00
    at once            | 1        | 派遣 | 2026-03-02T09:30 | 2026-04-01T00:00
    at once            | 2        | 处置 | 2026-03-02T09:30 | 2026-04-01T00:00
    disposed backwards | 1        | 派遣 | 2026-03-02T09:30 | 2026-04-01T00:00
    disposed backwards | 2        | 处置 | 2026-03-02T09:29 | 2026-04-01T00:00
    closed backwards   | 1        | 派遣 | 2026-03-02T09:30 | 2026-04-01T00:00
    closed backwards   | 2        | 处置 | 2026-03-02T09:40 | 2026-04-01T00:00
    event in future    | 1        | 派遣 | 2026-03-02T09:30 | 2026-04-01T00:00
    event in future    | 2        | 处置 | 2026-03-02T09:40 | 2026-04-01T00:00
    event in future    | 3        | 评价 | 2026-03-12T09:40 | 2026-03-12T09:39
    never disposed     | 1        | 派遣 | 2026-03-02T09:30 | 2026-04-01T00:00
""")


def test_handling_lasts_from_dispatch_to_disposal_without_suspensions_unless_times_are_out_of_order(told):
    told("""
        work_order_id      | handling_natural_seconds | handling_work_seconds | quality_flags
        plain              | 230400                   | 3600                  | unmatched_town
        suspended          | 28800                    | 21600                 | unmatched_town
        suspended at first | 3600                     | 3600                  | unmatched_town
        at once            | 0                        | 0                     | unmatched_town
        disposed backwards |                          |                       | time_order_violation,unmatched_town
        closed backwards   |                          |                       | time_order_violation,unmatched_town
        closed in future   |                          |                       | no_events,time_order_violation,unmatched_town
        event in future    |                          |                       | time_order_violation,unmatched_town
        never disposed     |                          |                       | unmatched_town
    """)  # noqa: E501


# Places, categories, persons, versions.

orders("""
    work_order_id    | reported_at      | town_code | village_code | lon       | lat       | crs      | minor_category_code | major_category_code | object_kind
    by town          | 2026-03-02T09:00 | 440605124 |              | 113.002   | 23.130    | CGCS2000 | 0101                |                     |
    by village       | 2026-03-02T09:00 | 440605999 | 440605011001 | 23.130    | 113.002   |          | 0101                | 02                  | 事件
    by expired town  | 2026-03-02T09:00 | 440605012 | 440605011001 | 0         | 0         |          | 9999                | 02                  |
    while valid      | 2012-12-31T23:59 | 440605012 |              | 0         | 23.130    |          |                     | 98                  |
    no longer valid  | 2013-01-01T00:00 | 440605012 |              | 113.002   |           |          |                     | 02                  |
    nowhere          | 2026-03-02T09:00 |           | 440605999999 | 121.4737  | 31.2304   |          |                     |                     |
    of another town  | 2026-03-02T09:00 | 440605124 | 440605011001 | 113.007277018 | 23.127323829 | GCJ-02 |                     |                     |
    by point         | 2026-03-02T09:00 |           |              | 113.1560  | 23.0590   |          |                     |                     |
    point elsewhere  | 2026-03-02T09:00 | 440605124 |              | 113.1560  | 23.0590   |          |                     |                     |
    on a border      | 2026-03-02T09:00 | 440605011 |              | 113.1506  | 23.0599   |          |                     |                     |
    by plane         | 2026-03-02T09:00 | 440605011 | 440605011001 | 2551321.030728 | 38413506.449247 | CGCS2000-GK38 |              |                     |
    of unknown plane | 2026-03-02T09:00 | 440605011 | 440605011001 | 53145.39  | 13542.25  | 佛山2000 |                     |                     |
    on the corner    | 2026-03-02T09:00 | 440605124 |              | 112.83    | 23.32     | WGS84    |                     |                     |
""")  # noqa: E501


def test_an_order_lies_in_its_town_if_that_is_valid_and_else_in_that_of_its_village(told):
    told("""
        work_order_id    | town_code | village_code | lon       | lat     | quality_flags
        by town          | 440605124 | 440605124099 | 113.002   | 23.130  | no_events,village_from_point
        by village       | 440605011 | 440605011001 | 113.002   | 23.130  | invalid_town_code,major_of_another_minor,no_events,swapped_coordinates
        by expired town  | 440605011 | 440605011001 |           |         | invalid_town_code,no_events,unmatched_category,zero_coordinates
        while valid      | 440605012 |              |           |         | no_events,unmatched_category,zero_coordinates
        no longer valid  |           |              |           |         | incomplete_coordinates,invalid_town_code,no_events,unmatched_town
        nowhere          |           |              | 121.4737  | 31.2304 | no_events,out_of_district,unmatched_town,unmatched_village
        on the corner    | 440605124 |              | 112.83    | 23.32   | no_events
    """)  # noqa: E501


orders("""
    work_order_id      | reported_at      | town_code | lon     | lat    | address
    by address         | 2026-03-02T09:00 |           |         |        | 松岗中心小学附近
    by two names       | 2026-03-02T09:00 | 440605999 |         |        | 大沥镇盐步广场
    by a dated name    | 2012-12-31T23:59 |           |         |        | 罗村大道
    after that         | 2013-01-01T00:00 |           |         |        | 罗村大道
    between two towns  | 2026-03-02T09:00 |           |         |        | 桂城与大沥交界处
    outside            | 2026-03-02T09:00 |           |         |        | 禅城区祖庙路，近桂城
    no name            | 2026-03-02T09:00 |           |         |        | 中心小学附近
    code against name  | 2026-03-02T09:00 | 440605011 |         |        | 大沥广场
    point against name | 2026-03-02T09:00 |           | 113.156 | 23.059 | 大沥广场
""")


@pytest.mark.dirt("X11")
def test_an_order_without_codes_and_point_lies_in_the_one_town_that_its_address_names_on_that_day(told):
    told("""
        work_order_id      | town_code | quality_flags
        by address         | 440605124 | no_events,town_from_address
        by two names       | 440605125 | invalid_town_code,no_events,town_from_address
        by a dated name    | 440605012 | no_events,town_from_address
        after that         | 440605124 | no_events,town_from_address
        between two towns  |           | no_events,unmatched_town
        outside            |           | no_events,unmatched_town
        no name            |           | no_events,unmatched_town
        code against name  | 440605011 | no_events
        point against name | 440605011 | no_events,village_from_point
    """)


@pytest.mark.dirt("X20")
def test_an_order_without_a_village_lies_in_that_of_its_point_unless_its_town_is_another(told):
    told("""
        work_order_id    | town_code | village_code | quality_flags
        by point         | 440605011 | 440605011001 | no_events,village_from_point
        point elsewhere  | 440605124 |              | no_events
        on a border      | 440605011 | 440605011001 | no_events,on_border,village_from_point
    """)


@pytest.mark.dirt("X20")
def test_a_point_of_another_system_is_told_in_cgcs2000_with_the_method(built):
    found = {
        name: (row.lon and round(row.lon, 6), row.lat and round(row.lat, 6), row.coordinate_method, row.quality_flags)
        for name, row in built.items()
        if name in ("of another town", "by plane", "of unknown plane", "by village")
    }
    assert found == {
        "of another town": (
            113.002,
            23.13,
            "GCJ-02 迭代反算",
            ["converted_coordinates", "no_events", "village_of_another_town"],
        ),
        "by plane": (
            113.156,
            23.059,
            "经纬度对调；国家2000三度带第38带 高斯反算",
            ["converted_coordinates", "no_events", "swapped_coordinates"],
        ),
        "of unknown plane": (None, None, None, ["no_events", "unknown_crs"]),
        "by village": (
            113.002,
            23.13,
            "经纬度对调",
            ["invalid_town_code", "major_of_another_minor", "no_events", "swapped_coordinates"],
        ),
    }


def test_the_minor_category_says_the_major_one_and_a_code_without_entry_is_none(told):
    told("""
        work_order_id    | minor_category_code | major_category_code | object_kind
        by town          | 0101                | 01                  | 部件
        by village       | 0101                | 01                  | 事件
        by expired town  | 9999                | 02                  |
        while valid      |                     |                     |
        no longer valid  |                     | 02                  |
    """)


orders("""
    work_order_id | reported_at      | work_order_status | updated_at       | _receipt | _row | _received_at     | reporter_phone | reporter_id_card   | request_title
    corrected     | 2026-03-02T09:00 | 已结案            | 2026-03-04T08:00 | r1       | 2    | 2026-03-05T00:00 | 13800138000    | 11010519491231002X | 联系人13800138000
    corrected     | 2026-03-02T09:00 | 处置中            | 2026-03-03T08:00 | r2       | 2    | 2026-03-06T00:00 |                |                    |
    corrected     | 2026-03-02T09:00 | 已立案            |                  | r3       | 2    | 2026-03-07T00:00 |                |                    |
    masked        | 2026-03-02T09:00 | 已立案            | 2026-03-03T08:00 | r4       | 3    | 2026-03-07T00:00 | 138****8000    |                    | 身份证11010519491231002X
    masked        | 2026-03-02T09:00 | 已结案            | 2026-03-03T08:00 | r4       | 4    | 2026-03-07T00:00 | 138****8000    |                    | 身份证11010519491231002X
""")  # noqa: E501


def test_the_highest_version_stands_whenever_it_arrived_and_names_nobody(told, built):
    told("""
        work_order_id | work_order_status | request_title   | redaction_count
        corrected     | 已结案            | 联系人〔电话〕  | 1
        masked        | 已结案            | 身份证〔证件〕  | 1
    """)
    caller = built["NH20260302000001"].phone_pseudonym
    corrected, masked = built["corrected"], built["masked"]
    assert len(caller) == 32
    assert corrected.phone_pseudonym == caller
    assert corrected.reporter_pseudonym not in (None, caller)
    assert (masked.phone_pseudonym, masked.reporter_pseudonym) == (None, None)
