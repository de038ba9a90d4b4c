from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same

TABLE = CONTRACTS["silver.macro_month"]


def test_the_last_delivery_stands_in_one_unit_and_a_growth_needs_no_level(given):
    delivered = given("""
        bronze.economy__monthly
        macro_indicator | macro_unit | stat_year | stat_month | month_level | ytd_level | ytd_growth | _received_at     | _receipt
        规上工业增加值  | 亿元       | 2021      | 7          | 126.16      | 930.6     | 5.4        | 2021-08-18T09:00 | r1
        规上工业增加值  | 亿元       | 2021      | 7          | 126.16      | 930.66    | 5.5        | 2021-08-25T09:00 | r2
        固定资产投资    |            | 2021      | 7          |             |           | -14.3      | 2021-08-18T09:00 | r1
        税收总额        | 万元       | 2021      | 7          |             | 3098100   |            | 2021-08-18T09:00 | r1
        工业投资        |            | 2020      | 2          |             | 12.5      | 34.1       | 2020-03-18T09:00 | r0
        景气指数        | 亿元       | 2021      | 7          | 5           | 4         |            | 2021-08-18T09:00 | r1
    """)  # noqa: E501
    built = transform(TABLE, {"bronze.economy__monthly": delivered})
    assert_same(
        built,
        given("""
            silver.macro_month
            macro_indicator | stat_year | stat_month | stat_date  | month_level  | ytd_level    | ytd_growth | quality_flags
            规上工业增加值  | 2021      | 7          | 2021-07-31 | 126.16000000 | 930.66000000 | 5.50       | []
            固定资产投资    | 2021      | 7          | 2021-07-31 |              |              | -14.30     | []
            税收总额        | 2021      | 7          | 2021-07-31 |              | 309.81000000 |            | []
            工业投资        | 2020      | 2          | 2020-02-29 |              |              | 34.10      | unknown_unit
            景气指数        | 2021      | 7          | 2021-07-31 | 5.00000000   | 4.00000000   |            | month_beyond_ytd,unknown_indicator
        """).drop("month_growth"),  # noqa: E501
        *("macro_indicator", "stat_year", "stat_month", "stat_date", "month_level", "ytd_level", "ytd_growth"),
        "quality_flags",
    )
