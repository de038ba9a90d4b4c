import pytest

from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def built(events):
    return transform(CONTRACTS["silver.work_order_event"], {"bronze.centre__work_order_event": events})


def test_a_step_sent_again_stands_once_as_sent_last(given):
    events = given("""
        bronze.centre__work_order_event
        work_order_id | event_no | step | event_unit | arrived_at       | finished_at      | _receipt | _row | _received_at
        NH1           | 1        | 派遣 | D01        | 2026-03-02T09:00 | 2026-03-02T09:00 | r1       | 2    | 2026-03-02T10:00
        NH1           | 2        | 处置 | D03        | 2026-03-02T09:05 |                  | r1       | 3    | 2026-03-02T10:00
        NH1           | 2        | 处置 | D03        | 2026-03-02T09:05 | 2026-03-02T15:00 | r2       | 2    | 2026-03-02T16:00
    """)  # noqa: E501
    assert_same(
        built(events),
        given("""
            silver.work_order_event
            work_order_id | event_no | step | event_unit | happened_at      | arrived_at       | finished_at      | redaction_count | quality_flags
            NH1           | 1        | 派遣 | D01        | 2026-03-02T09:00 | 2026-03-02T09:00 | 2026-03-02T09:00 | 0               | []
            NH1           | 2        | 处置 | D03        | 2026-03-02T15:00 | 2026-03-02T09:05 | 2026-03-02T15:00 | 0               | []
        """),  # noqa: E501
    )


def test_of_two_rows_of_one_receipt_the_later_one_stands_whatever_their_order(given):
    drawn = """
        bronze.centre__work_order_event
        work_order_id | event_no | step | finished_at      | _receipt | _load | _row | _received_at
        NH1           | 1        | 签收 | 2026-03-02T09:00 | r1       | 2     | 2    | 2026-03-02T10:00
        NH1           | 1        | 签收 | 2026-03-02T09:30 | r1       | 1     | 3    | 2026-03-02T10:00
        NH1           | 1        | 签收 | 2026-03-02T09:10 | r0       | 1     | 9    | 2026-03-02T10:00
    """
    name, header, *rows = drawn.strip().splitlines()
    expected = given("""
        silver.work_order_event
        work_order_id | event_no | step | happened_at      | finished_at      | redaction_count | quality_flags
        NH1           | 1        | 签收 | 2026-03-02T09:30 | 2026-03-02T09:30 | 0               | []
    """)
    for order in (rows, rows[::-1]):
        assert_same(built(given("\n".join([name, header, *order]))), expected)


@pytest.mark.dirt("X25")
def test_one_event_under_two_numbers_is_one_event_the_finished_one(given):
    events = given("""
        bronze.centre__work_order_event
        work_order_id | event_no | step | event_unit | arrived_at       | finished_at      | _received_at
        NH1           | 3        | 处置 | D03        | 2026-03-02T09:05 |                  | 2026-03-03T10:00
        NH1           | 5        | 处置 | D03        | 2026-03-02T09:05 | 2026-03-02T15:00 | 2026-03-03T10:00
        NH1           | 6        | 处置 | D03        | 2026-03-02T09:05 | 2026-03-02T15:10 | 2026-03-03T10:00
        NH1           | 7        | 处置 | D04        | 2026-03-02T09:05 |                  | 2026-03-03T10:00
        NH2           | 3        | 返工 |            |                  | 2026-03-02T09:05 | 2026-03-03T10:00
        NH2           | 4        | 返工 |            |                  | 2026-03-02T11:05 | 2026-03-03T10:00
        NH2           | 5        | 返工 |            |                  | 2026-03-02T11:05 | 2026-03-03T10:00
    """)
    assert_same(
        built(events),
        given("""
            silver.work_order_event
            work_order_id | event_no | step | event_unit | happened_at      | arrived_at       | finished_at      | redaction_count | quality_flags
            NH1           | 5        | 处置 | D03        | 2026-03-02T15:00 | 2026-03-02T09:05 | 2026-03-02T15:00 | 0               | repeated_event
            NH1           | 7        | 处置 | D04        | 2026-03-02T09:05 | 2026-03-02T09:05 |                  | 0               | []
            NH2           | 3        | 返工 |            | 2026-03-02T09:05 |                  | 2026-03-02T09:05 | 0               | []
            NH2           | 4        | 返工 |            | 2026-03-02T11:05 |                  | 2026-03-02T11:05 | 0               | repeated_event
        """),  # noqa: E501
    )


@pytest.mark.dirt("X26")
def test_a_step_that_was_left_behind_is_told_from_one_that_is_still_open(given):
    """The disposal after the rework is open; the signature was never marked finished though the disposal was."""
    events = given("""
        bronze.centre__work_order_event
        work_order_id | event_no | step | arrived_at       | finished_at      | _received_at
        NH1           | 1        | 签收 | 2026-03-02T09:00 |                  | 2026-03-04T10:00
        NH1           | 2        | 处置 | 2026-03-02T09:00 | 2026-03-02T11:00 | 2026-03-04T10:00
        NH1           | 3        | 核查 | 2026-03-02T11:00 | 2026-03-02T12:00 | 2026-03-04T10:00
        NH1           | 4        | 返工 | 2026-03-02T12:00 | 2026-03-02T12:00 | 2026-03-04T10:00
        NH1           | 5        | 处置 | 2026-03-02T13:00 |                  | 2026-03-04T10:00
        NH1           | 6        | 督办 | 2026-03-03T13:00 | 2026-03-03T13:00 | 2026-03-04T10:00
    """)
    flagged = {
        row.event_no for row in built(events).where("array_contains(quality_flags, 'unfinished_step')").collect()
    }
    assert flagged == {1}


def test_times_that_cannot_be_are_flagged_and_opinions_redacted(given):
    events = given("""
        bronze.centre__work_order_event
        work_order_id | event_no | step | arrived_at       | finished_at      | opinion              | _received_at
        NH1           | 1        | 签收 | 2026-03-02T09:00 | 2026-03-02T08:59 | 已联系13800138000 | 2026-03-02T10:00
        NH1           | 2        | 反馈 | 2026-03-02T09:00 | 2026-03-02T10:00 |                      | 2026-03-02T10:00
        NH1           | 3        | 核查 | 2026-03-02T09:00 | 2026-03-02T10:01 | 已办2件              | 2026-03-02T10:00
    """)
    assert_same(
        built(events),
        given("""
            silver.work_order_event
            event_no | opinion        | redaction_count | quality_flags
            1        | 已联系〔电话〕 | 1               | time_order_violation
            2        |                | 0               | []
            3        | 已办2件        | 0               | later_than_receipt
        """),
        *("event_no", "opinion", "redaction_count", "quality_flags"),
    )
