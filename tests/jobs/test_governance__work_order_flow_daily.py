from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.governance__work_order_flow_daily"


def test_each_step_counts_on_its_own_shanghai_day_and_what_has_no_town_counts_without_one(given):
    orders = given("""
        silver.work_order
        work_order_id | town_code | major_category_code | source_system | reported_at         | accepted_at         | filed_at         | dispatched_at    | disposed_at      | closed_at
        NH1           | 440605124 | 01                  | 网格系统      | 2026-02-28T23:59:59 | 2026-03-01T00:00:00 | 2026-03-01T09:00 | 2026-03-01T10:00 | 2026-03-02T09:00 | 2026-03-02T10:00
        NH2           | 440605124 | 01                  | 网格系统      | 2026-03-01T07:59:59 | 2026-03-01T08:00:00 |                  |                  |                  |
        NH3           |           |                     |               | 2026-03-01T12:00:00 |                     |                  |                  |                  |
    """)  # noqa: E501
    assert_same(
        counted(TABLE, orders),
        given("""
            gold.governance__work_order_flow_daily
            stat_date  | town_code | major_category_code | source_system | reported_count | accepted_count | filed_count | dispatched_count | disposed_count | closed_count
            2026-02-28 | 440605124 | 01                  | 网格系统      | 1              | 0              | 0           | 0                | 0              | 0
            2026-03-01 | 440605124 | 01                  | 网格系统      | 1              | 2              | 1           | 1                | 0              | 0
            2026-03-02 | 440605124 | 01                  | 网格系统      | 0              | 0              | 0           | 0                | 1              | 1
            2026-03-01 |           |                     |               | 1              | 0              | 0           | 0                | 0              | 0
        """).drop("row_count"),  # noqa: E501
    )
