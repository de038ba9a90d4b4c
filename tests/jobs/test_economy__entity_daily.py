from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.economy__entity_daily"


def test_an_entity_adds_on_the_day_it_enters_and_takes_away_on_the_day_it_leaves(given):
    entities = given("""
        silver.market_entity
        uscc | town_code | entity_kind | industry_section | entered_date | entered_how | left_date  | left_how
        a    | 440605124 | 企业        | C                | 2025-12-31   | 期初        |            |
        b    | 440605124 | 企业        | C                | 2025-12-31   | 期初        | 2026-01-20 | 吊销
        c    | 440605124 | 企业        | C                | 2026-01-20   | 新设        | 2026-01-20 | 注销
        d    |           | 个体工商户  |                  | 2026-01-20   | 迁入        | 2026-01-31 | 迁出
        e    | 440605124 | 企业        | C                |              |             |            |
    """)
    assert_same(
        counted(TABLE, entities),
        given("""
            gold.economy__entity_daily
            change_date | town_code | entity_kind | industry_section | entity_change | new_count | exit_count | moved_in_count | moved_out_count
            2025-12-31  | 440605124 | 企业        | C                | 2             | 0         | 0          | 0              | 0
            2026-01-20  | 440605124 | 企业        | C                | -1            | 1         | 2          | 0              | 0
            2026-01-20  |           | 个体工商户  |                  | 1             | 0         | 0          | 1              | 0
            2026-01-31  |           | 个体工商户  |                  | -1            | 0         | 0          | 0              | 1
        """).drop("row_count"),  # noqa: E501
    )
