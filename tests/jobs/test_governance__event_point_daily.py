from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.governance__event_point_daily"


def test_points_of_a_day_add_up_on_a_grid_and_implausible_ones_do_not_count(given):
    orders = given("""
        silver.work_order
        town_code | major_category_code | reported_at      | lon      | lat       | quality_flags
        440605124 | 01                  | 2026-03-01T00:00 | 113.0021 | 23.1303   | []
        440605124 | 01                  | 2026-03-01T23:59 | 113.0024 | 23.1295   | swapped_coordinates
        440605124 | 01                  | 2026-03-02T00:00 | 113.0025 | 23.1305   | []
        440605124 | 01                  | 2026-03-01T10:00 |          |           | zero_coordinates
        440605124 | 01                  | 2026-03-01T10:00 | 121.4737 | 31.2304   | out_of_district
        440605124 | 01                  | 2026-03-01T10:00 | 113.0021 | 23.1303   | foreign_crs,unmatched_village
    """)
    assert_same(
        counted(TABLE, orders),
        given("""
            gold.governance__event_point_daily
            stat_date  | lon     | lat    | town_code | major_category_code | event_count
            2026-03-01 | 113.002 | 23.130 | 440605124 | 01                  | 2
            2026-03-02 | 113.003 | 23.131 | 440605124 | 01                  | 1
        """).drop("row_count"),
    )
