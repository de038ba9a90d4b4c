from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.services__case_due_daily"


def test_a_case_is_due_on_the_earlier_of_its_end_and_the_promised_day_and_judged_when_it_ends(given):
    cases = given("""
        silver.service_case
        town_code | finished_case_at | promised_date | used_work_days | promised_work_days
        early     | 2026-03-03T10:00 | 2026-03-06    | 1              | 4.0000
        on time   | 2026-03-06T23:59 | 2026-03-06    | 4              | 4.0000
        saturday  | 2026-03-07T10:00 | 2026-03-06    | 4              | 4.0000
        late      | 2026-03-09T00:00 | 2026-03-06    | 5              | 4.0000
        5/7 more  | 2026-03-04T10:00 | 2026-03-06    | 2              | 2.8571
        open      |                  | 2026-03-31    |                | 20.0000
        timeless  | 2026-03-09T00:00 |               | 5              |
        backwards | 2026-03-03T10:00 | 2026-03-06    |                | 4.0000
    """)
    assert_same(
        counted(TABLE, cases),
        given("""
            gold.services__case_due_daily
            due_date   | change_date | town_code | due_count | early_count | on_time_count
            2026-03-03 | 2026-03-03  | early     | 1         | 1           | 1
            2026-03-06 | 2026-03-06  | on time   | 1         | 0           | 1
            2026-03-06 | 2026-03-06  | saturday  | 1         | 0           | 0
            2026-03-06 | 2026-03-07  | saturday  | 0         | 0           | 1
            2026-03-06 | 2026-03-06  | late      | 1         | 0           | 0
            2026-03-06 | 2026-03-09  | late      | 0         | 0           | 0
            2026-03-04 | 2026-03-04  | 5/7 more  | 1         | 1           | 1
            2026-03-31 | 2026-03-31  | open      | 1         | 0           | 0
            2026-03-03 | 2026-03-03  | backwards | 1         | 0           | 0
        """).drop("row_count"),
    )
