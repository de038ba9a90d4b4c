from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same

TABLE = CONTRACTS["gold.economy__macro_monthly"]
KEY = ("stat_date", "macro_indicator")


def test_a_figure_stands_beside_its_last_year_and_its_last_month_where_there_are_any(given):
    months = given("""
        silver.macro_month
        macro_indicator | stat_year | stat_month | stat_date  | ytd_level | ytd_growth
        规上工业增加值  | 2020      | 7          | 2020-07-31 | 800       |
        规上工业增加值  | 2021      | 6          | 2021-06-30 | 804.5     | 7.1
        规上工业增加值  | 2021      | 7          | 2021-07-31 | 930.66    | 5.5
        固定资产投资    | 2021      | 7          | 2021-07-31 |           | -14.3
    """)
    assert_same(
        transform(TABLE, {"silver.macro_month": months}),
        given("""
            gold.economy__macro_monthly
            stat_date  | macro_indicator | ytd_level    | level_count | ytd_growth | growth_count | ytd_growth_change | growth_change_count | ytd_level_compared | ytd_level_year_ago | published_count
            2020-07-31 | 规上工业增加值  | 800.00000000 | 1           |            | 0            |                   | 0                   |                    |                    | 1
            2021-06-30 | 规上工业增加值  | 804.50000000 | 1           | 7.10       | 1            |                   | 0                   |                    |                    | 1
            2021-07-31 | 规上工业增加值  | 930.66000000 | 1           | 5.50       | 1            | -1.60             | 1                   | 930.66000000       | 800.00000000       | 1
            2021-07-31 | 固定资产投资    |              | 0           | -14.30     | 1            |                   | 0                   |                    |                    | 1
        """),  # noqa: E501
    )


def test_a_part_that_is_more_than_its_whole_is_no_share(given):  # GV9: 税收总额 309.81 given as 税收收入
    months = given("""
        silver.macro_month
        macro_indicator    | stat_year | stat_month | stat_date  | ytd_level
        规上工业增加值     | 2021      | 7          | 2021-07-31 | 930.66
        先进制造业增加值   | 2021      | 7          | 2021-07-31 | 414.06
        高技术制造业增加值 | 2021      | 6          | 2021-06-30 | 80
        一般公共预算收入   | 2021      | 7          | 2021-07-31 | 151.75
        税收收入           | 2021      | 7          | 2021-07-31 | 309.81
        税收总额           | 2021      | 7          | 2021-07-31 | 309.81
    """)
    built = transform(TABLE, {"silver.macro_month": months})
    assert_same(
        built.where("part_level IS NOT NULL OR whole_level IS NOT NULL"),
        given("""
            gold.economy__macro_monthly
            stat_date  | macro_indicator  | part_level   | whole_level
            2021-07-31 | 先进制造业增加值 | 414.06000000 | 930.66000000
        """),
        *KEY,
        "part_level",
        "whole_level",
    )
