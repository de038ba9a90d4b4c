"""The judge itself: one wrong number, one missed cell, one false alarm is enough."""

from collections import Counter

import pytest

from citybrain import verify
from citybrain.verify import Report, Tally
from citybrain.verify.findings import Finding

CELL = Finding("centre__work_order", "a.csv", 17, "结案时间", "X12", "quarantine")
OTHER = CELL._replace(row=18)


def test_a_missed_cell_and_a_false_alarm_are_both_told_with_their_place():
    tally = verify.judge_dirt(seen=Counter([OTHER]), truth=Counter([CELL]))["X12"]
    assert (tally.expected, tally.right, tally.false) == (1, 0, 1)
    assert tally.wrong == [
        "没有发现：a.csv 第 17 行 “结案时间” X12（quarantine）",
        "多报：a.csv 第 18 行 “结案时间” X12（quarantine）",
    ]


def test_what_was_reported_twice_is_one_too_many():
    tally = verify.judge_dirt(seen=Counter([CELL, CELL]), truth=Counter([CELL]))["X12"]
    assert (tally.right, tally.false) == (1, 1)


@pytest.mark.parametrize(
    ("value", "truth", "same"),
    [
        (1.0, "1", True),
        (1.0004, "1", True),
        (1.002, "1", False),
        (None, "", True),
        (None, "0", False),
        (0.0, "", False),
    ],
)
def test_nothing_is_not_zero(value, truth, same):
    assert verify.agree(value, truth, verify.TOLERANCE) is same


DELIVERED = """table,file,rows_delivered,rows_good,rows_bad,rows_set_aside,repeats_of
case,a.csv,5,3,1,1,
case,b.csv,5,3,1,1,a.csv
"""
COUNTS = {"delivered": 5, "accepted": 3, "quarantined": 1, "set_aside": 1}


@pytest.mark.parametrize(
    ("counted", "is_right"),
    [
        ({("case", "a.csv"): COUNTS}, True),
        ({}, False),
        ({("case", "a.csv"): COUNTS | {"accepted": 4, "quarantined": 0}}, False),
        ({("case", "a.csv"): COUNTS | {"delivered": 6}}, False),
    ],
    ids=["as delivered", "not loaded", "one row in the wrong place", "one row too many"],
)
def test_a_receipt_is_judged_row_for_row_and_must_be_there(counted, is_right, tmp_path):
    (tmp_path / "deliveries.csv").write_text(DELIVERED, "utf-8")
    tally = verify.judge_receipts(counted, tmp_path)
    assert (tally.expected, tally.right, not tally.wrong) == (1, int(is_right), is_right)


def right(count=1, **more):
    return Tally(expected=count, right=count, **more)


@pytest.mark.parametrize(
    ("report", "good"),
    [
        (Report({"X12": right()}, right(), {"WO08 rate": right()}, []), True),
        (Report({"X12": right()}, right(), {}, []), False),
        (Report({"X12": right(false=1, wrong=["多报"])}, right(), {"WO08 rate": right()}, []), False),
        (Report({"X12": right()}, Tally(expected=2, right=1), {"WO08 rate": right()}, []), False),
        (Report({"X12": right()}, right(), {"WO08 rate": right()}, ["silver.town: failed"]), False),
    ],
    ids=["all agrees", "no figure was judged", "a false alarm", "a receipt is missing", "a table failed"],
)
def test_one_difference_is_enough(report, good):
    assert report.good is good
    assert verify.text(report).endswith("全部一致") is good
