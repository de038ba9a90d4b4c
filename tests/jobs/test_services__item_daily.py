from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.services__item_daily"


def test_items_with_both_limits_count_from_the_day_on_which_they_were_first_seen(given):
    """GV13: 135 working days reduced to 10."""
    items = given("""
        silver.service_item
        item_code | first_seen_date | promised_work_days | statutory_work_days
        A         | 2026-03-01      | 10.0000            | 135.0000
        B         | 2026-03-01      | 5.0000             | 20.0000
        C         | 2026-03-01      | 5.0000             |
        D         | 2026-03-01      |                    | 20.0000
        E         | 2026-03-01      | 5.0000             | 0.0000
        F         | 2026-03-02      | 6.0000             | 135.0000
    """)
    assert_same(
        counted(TABLE, items),
        given("""
            gold.services__item_daily
            change_date | item_count | promised_days_sum | statutory_days_sum | ratio_sum
            2026-03-01  | 2          | 15.0000           | 155.0000           | 0.32407407
            2026-03-02  | 1          | 6.0000            | 135.0000           | 0.04444444
        """).drop("row_count"),
    )
