import pytest

from tests.jobs.city import built_orders, home  # noqa: F401
from tests.tables import assert_same

EVENTS = "bronze.centre__work_order_event"
NO_EVENTS = EVENTS + "\nwork_order_id\n"


def test_the_story_of_a_cover_at_songgang_from_report_to_evaluation(given, spark):
    """GV17: a broken cover near the primary school of 松岗, in 狮山镇, a component of the public facilities."""
    orders = given("""
        bronze.centre__work_order
        work_order_id    | source_system | channel | reported_at      | accepted_at      | request_title                | request_text                    | request_type | major_category_code | minor_category_code | object_kind | urgency | town_code | village_code | lon      | lat     | crs      | handling_unit | limit_type | limit_value | deadline_at      | work_order_status | closed_at        | resolution | satisfaction | reporter_phone | updated_at       | _received_at
        NH20260302000001 | 12345热线     | 电话    | 2026-03-02T09:05 | 2026-03-02T09:10 | 松岗中心小学附近沙井盖缺损   | 来电13800138000反映沙井盖缺损   | 投诉         | 01                  | 0101                | 部件        | 一般    | 440605124 |              | 113.0021 | 23.1303 | CGCS2000 | D03           | work_hour  | 14          | 2026-03-04T09:10 | 处置中            |                  |            |              | 13800138000    | 2026-03-02T11:00 | 2026-03-02T12:00
        NH20260302000001 | 12345热线     | 电话    | 2026-03-02T09:05 | 2026-03-02T09:10 | 松岗中心小学附近沙井盖缺损   | 来电13800138000反映沙井盖缺损   | 投诉         | 01                  | 0101                | 部件        | 一般    | 440605124 |              | 113.0021 | 23.1303 | CGCS2000 | D03           | work_hour  | 14          | 2026-03-04T09:10 | 已结案            | 2026-03-03T11:30 | 已解决     | 非常满意     | 13800138000    | 2026-03-04T08:00 | 2026-03-04T12:00
    """)
    events = given(
        EVENTS
        + """
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
        """
    )
    order = built_orders(spark, orders, events).drop("phone_pseudonym")
    assert_same(
        order,
        given("""
            silver.work_order
            work_order_id    | source_system | channel | request_title              | request_text                 | request_type | major_category_code | minor_category_code | object_kind | urgency | town_code | lon      | lat     | handling_unit | work_order_status | reported_at      | accepted_at      | filed_at         | dispatched_at    | disposed_at      | checked_at       | closed_at        | deadline_at      | final_deadline_at | deadline_basis | suspended_natural_seconds | suspended_work_seconds | handling_natural_seconds | handling_work_seconds | rework_times | bounce_times | extension_times | resolution | satisfaction | redaction_count | updated_at       | quality_flags
            NH20260302000001 | 12345热线     | 电话    | 松岗中心小学附近沙井盖缺损 | 来电〔电话〕反映沙井盖缺损   | 投诉         | 01                  | 0101                | 部件        | 一般    | 440605124 | 113.0021 | 23.1303 | D03           | 已结案            | 2026-03-02T09:05 | 2026-03-02T09:10 | 2026-03-02T09:20 | 2026-03-02T09:30 | 2026-03-03T09:30 | 2026-03-03T11:00 | 2026-03-03T11:30 | 2026-03-04T09:10 | 2026-03-04T09:10  | 来源给定       | 0                         | 0                      | 86400                    | 25200                 | 0            | 0            | 0               | 已解决     | 非常满意     | 1               | 2026-03-04T08:00 | []
        """).drop("phone_pseudonym"),
    )
