import pytest

from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same

TABLE = CONTRACTS["silver.work_order_same_event"]


@pytest.mark.dirt("X23")
def test_the_same_cover_told_by_three_channels_is_one_event_and_what_is_far_late_or_of_one_source_is_not(given):
    """0.0001 degrees are some ten metres."""
    orders = given("""
        silver.work_order
        work_order_id | source_system | minor_category_code | reported_at      | lon      | lat
        first         | 12345热线     | 0101                | 2026-03-02T09:00 | 113.1500 | 23.0500
        second        | 网格系统      | 0101                | 2026-03-02T09:30 | 113.1501 | 23.0499
        third         | 区长直通车    | 0101                | 2026-03-02T10:59 | 113.1502 | 23.0500
        same source   | 12345热线     | 0101                | 2026-03-02T09:10 | 113.1500 | 23.0500
        far           | 网格系统      | 0101                | 2026-03-02T09:30 | 113.1504 | 23.0500
        too late      | 网格系统      | 0101                | 2026-03-02T13:00 | 113.1500 | 23.0500
        other matter  | 网格系统      | 0102                | 2026-03-02T09:30 | 113.1500 | 23.0500
        nowhere       | 网格系统      | 0101                | 2026-03-02T09:30 |          |
    """)
    assert_same(
        transform(TABLE, {"silver.work_order": orders}),
        given("""
            silver.work_order_same_event
            work_order_id | same_as | distance_metres | seconds_after
            second        | first   | 15.1            | 1800
            third         | first   | 20.4            | 7140
        """),
        "work_order_id",
        "same_as",
        "distance_metres",
        "seconds_after",
    )
