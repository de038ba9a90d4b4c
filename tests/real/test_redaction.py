# ruff: noqa: T201  (the rates are printed: `pytest -s`)
"""How many personal numbers stand in 2,816 real messages and the answers to them, and that none of them is left.

schemas/README.md tells the rates.
"""

from __future__ import annotations

import pytest
import python_calamine as calamine
from pyspark.sql import functions as F

from citybrain.redaction import KINDS, redacted, redactions

pytestmark = [pytest.mark.real, pytest.mark.slow]
FOUND = {
    "message": {"id": 0, "card": 0, "phone": 4, "plate": 1},
    "reply": {"id": 0, "card": 0, "phone": 188, "plate": 1},
}
PLANTED = "，联系13800138000，证件110101199003070011，卡6222020200112233445，车粤E12345。"


@pytest.fixture(scope="module")
def messages(spark, shared):
    file = shared / "petitions/wenzheng_messages_with_replies.xlsx"
    rows = calamine.CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()[1:]
    return spark.createDataFrame([(f"{row[2]}\n{row[4]}", str(row[5])) for row in rows], "message string, reply string")


def counted(frame, column) -> dict[str, int]:
    found = frame.select(redactions(column).alias("r")).agg(*(F.sum(f"r.{kind}").alias(kind) for kind in KINDS))
    return found.first().asDict()


def test_the_rates_of_real_messages_and_none_is_left(messages):
    total = messages.count()
    assert total == 2816
    for column, expected in FOUND.items():
        found = counted(messages, column)
        print(f"\n{column}, per 1,000:", {kind: round(1000 * count / total, 1) for kind, count in found.items()})
        assert found == expected
        assert counted(messages.select(redacted(column).alias(column)), column) == dict.fromkeys(KINDS, 0)


def test_numbers_planted_in_real_messages_are_all_found(messages):
    planted = messages.select(F.concat("message", F.lit(PLANTED)).alias("message"))
    before, after = counted(messages, "message"), counted(planted, "message")
    assert {kind: after[kind] - before[kind] for kind in KINDS} == dict.fromkeys(KINDS, messages.count())
    assert planted.filter(redacted("message").rlike("13800138000|110101199003070011|6222020200112233445")).isEmpty()
