from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.governance__handling_hours_daily"


def test_a_duration_falls_in_the_bin_of_the_hour_that_it_fills_or_begins(given):
    orders = given("""
        silver.work_order
        town_code | disposed_at         | handling_natural_seconds | handling_work_seconds
        at once   | 2026-03-01T23:59:59 | 0                        | 0
        an hour   | 2026-03-02T00:00:00 | 3600                     | 1
        and more  | 2026-03-02T10:00:00 | 3601                     |
        never     |                     |                          |
    """)
    assert_same(
        counted(TABLE, orders),
        given("""
            gold.governance__handling_hours_daily
            stat_date  | clock    | hours_bin | town_code | handled_count | handling_seconds
            2026-03-01 | 自然时间 | 1         | at once   | 1             | 0
            2026-03-01 | 工作时间 | 1         | at once   | 1             | 0
            2026-03-02 | 自然时间 | 1         | an hour   | 1             | 3600
            2026-03-02 | 工作时间 | 1         | an hour   | 1             | 1
            2026-03-02 | 自然时间 | 2         | and more  | 1             | 3601
        """).drop("row_count"),
    )
