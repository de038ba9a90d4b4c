from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.services__case_daily"


def test_cases_count_on_the_day_of_acceptance_and_of_the_end_and_limits_only_where_both_are_known(given):
    cases = given("""
        silver.service_case
        town_code | service_channel | accepted_at      | finished_case_at | promised_work_days | statutory_work_days
        440605011 | 窗口            | 2026-02-28T23:59 | 2026-03-01T00:00 | 1.0000             | 15.0000
        440605011 | 窗口            | 2026-03-01T09:00 |                  | 10.7143            | 20.0000
        440605011 | 窗口            | 2026-03-01T09:00 |                  | 2.0000             |
        440605011 | 窗口            | 2026-03-01T09:00 |                  |                    | 20.0000
        440605011 | 窗口            | 2026-03-01T09:00 |                  | 1.0000             | 0.0000
                  | 网上            | 2026-03-01T09:00 | 2026-03-01T10:00 |                    |
    """)
    assert_same(
        counted(TABLE, cases),
        given("""
            gold.services__case_daily
            stat_date  | town_code | service_channel | received_count | finished_count | promised_days_sum | statutory_days_sum
            2026-02-28 | 440605011 | 窗口            | 1              | 0              | 1.0000            | 15.0000
            2026-03-01 | 440605011 | 窗口            | 4              | 1              | 10.7143           | 20.0000
            2026-03-01 |           | 网上            | 1              | 1              | 0.0000            | 0.0000
        """).drop("row_count"),  # noqa: E501
    )
