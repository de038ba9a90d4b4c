from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_a_day_is_as_told_last_and_what_cannot_be_is_left_out(given):
    """Of the 4th more hung up in the queue than were in it; an hour is the longest wait that can be."""
    sent = given("""
        bronze.hotline__call_day
        stat_date  | inbound_calls | agent_calls | answered_calls | answered_in_15s | abandoned_calls | mean_wait_seconds | _received_at     | _receipt
        2026-03-03 | 2000          | 1600        | 1500           | 1400            | 90              | 6.4               | 2026-04-01T06:00 | r1
        2026-03-03 | 2001          | 1601        | 1501           | 1401            | 100             |                   | 2026-04-02T06:00 | r2
        2026-03-04 | 2000          | 1600        | 1500           | 1400            | 101             | 3600              | 2026-04-01T06:00 | r1
        2026-04-02 | 2000          | 1600        | 1500           | 1400            | 0               | 3600.01           | 2026-04-01T06:00 | r1
    """)  # noqa: E501
    assert_same(
        transform(CONTRACTS["silver.hotline_day"], {"bronze.hotline__call_day": sent}),
        given("""
            silver.hotline_day
            stat_date  | inbound_calls | agent_calls | answered_calls | answered_in_15s | abandoned_calls | mean_wait_seconds | quality_flags
            2026-03-03 | 2001          | 1601        | 1501           | 1401            | 100             |                   | []
            2026-03-04 | 2000          | 1600        | 1500           | 1400            |                 | 3600.00           | calls_do_not_add_up
            2026-04-02 | 2000          | 1600        | 1500           | 1400            | 0               |                   | later_than_receipt,out_of_range
        """),  # noqa: E501
    )
