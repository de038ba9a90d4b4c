from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.services__rating_daily"


def test_what_the_system_rates_by_default_is_good_but_not_active(given):
    ratings = given("""
        silver.service_rating
        town_code | rating_stars | is_default_rating | rated_at         | rectify_status
        440605011 | 5            | true              | 2026-03-02T23:59 | 无需整改
        440605011 | 3            | false             | 2026-03-02T00:00 | 无需整改
        440605011 | 2            | false             | 2026-03-02T10:00 | 已整改
        440605011 | 1            | false             | 2026-03-02T10:00 | 整改中
        440605011 |              | false             | 2026-03-02T10:00 | 已整改
                  | 4            | false             | 2026-03-03T00:00 |
    """)
    assert_same(
        counted(TABLE, ratings),
        given("""
            gold.services__rating_daily
            stat_date  | town_code | rating_count | good_rating_count | active_count | active_good_count | bad_rating_count | rectified_count
            2026-03-02 | 440605011 | 4            | 2                 | 3            | 1                 | 2                | 1
            2026-03-03 |           | 1            | 1                 | 1            | 1                 | 0                | 0
        """).drop("row_count"),  # noqa: E501
    )
