from tests.jobs.city import counted
from tests.tables import assert_same

TABLE = "gold.governance__hotline_daily"


def test_a_day_s_calls_are_those_of_the_day(given):
    days = given("""
        silver.hotline_day
        stat_date  | inbound_calls | agent_calls | answered_calls | answered_in_15s | abandoned_calls
        2026-03-03 | 2001          | 1601        | 1501           | 1401            | 100
        2026-03-04 | 2000          | 1600        | 1500           | 1400            |
    """)
    assert_same(
        counted(TABLE, days),
        given("""
            gold.governance__hotline_daily
            stat_date  | inbound_count | agent_count | answered_count | answered_in_15s_count
            2026-03-03 | 2001          | 1601        | 1501           | 1401
            2026-03-04 | 2000          | 1600        | 1500           | 1400
        """).drop("row_count"),
    )
