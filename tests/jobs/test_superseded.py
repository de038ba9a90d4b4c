"""One full of the register delivered twice for one date: the one that came last stands, until it is taken back."""

from __future__ import annotations

from datetime import date

import pytest

from tests.jobs.lakehouse import build_and_publish, content, deliver, withdraw
from tests.lake import rows_of

FULLS = "bronze.market__entity_full"
TABLES = ["silver.market_full", "silver.market_entity", "silver.market_unmatched"]
JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


def full(day: date, **status: str) -> list[dict[str, object]]:
    """A full that holds the entities named, each in a state that was approved on its day."""
    approved = {"存续": date(2020, 1, 1), "注销": day}
    return [
        {"snapshot_date": day, "uscc": name, "entity_name": name, "founded_date": date(2020, 1, 1),
         "approved_date": approved[state], "entity_status": state, "exit_date": day if state == "注销" else None}
        for name, state in status.items()
    ]  # fmt: skip


def standing() -> dict[str, tuple[object, ...]]:
    rows = rows_of("silver.market_entity")
    return {row["uscc"]: (row["entity_status"], row["left_date"], row["left_how"]) for row in rows}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "parts"))
    return tmp_path


def test_the_later_of_two_fulls_of_one_date_stands_and_after_its_withdrawal_the_earlier(spark, home, monkeypatch):
    """The wrong one tells that one entity was struck off that is not, and holds one that is not of the district."""
    stays = ("存续", None, None)
    deliver(FULLS, full(JANUARY, stays="存续", wronged="存续"), "R1", 1)
    deliver(FULLS, full(FEBRUARY, stays="存续", wronged="注销", foreign="存续"), "R2", 2)
    build_and_publish(spark, TABLES)
    wrong = {"stays": stays, "wronged": ("注销", FEBRUARY, "注销"), "foreign": stays}
    assert standing() == wrong

    deliver(FULLS, full(FEBRUARY, stays="存续", wronged="存续"), "R3", 3)
    build_and_publish(spark, TABLES)
    assert standing() == {"stays": stays, "wronged": stays}
    assert [(row["receipt"], row["entity_count"]) for row in rows_of("silver.market_full")] == [("R1", 2), ("R3", 2)]

    in_parts = {table: content(table) for table in TABLES}
    (home / "whole" / "lake").mkdir(parents=True)
    (home / "whole" / "lake" / "bronze").symlink_to(home / "parts" / "lake" / "bronze")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("CITYBRAIN_HOME", str(home / "whole"))
        build_and_publish(spark, TABLES)
        assert {table: content(table) for table in TABLES} == in_parts

    withdraw(FULLS, "R3")
    build_and_publish(spark, TABLES)
    assert standing() == wrong


def test_a_full_of_another_date_supersedes_nothing(spark, home):
    deliver(FULLS, full(JANUARY, stays="存续", gone="存续"), "R1", 1)
    deliver(FULLS, full(FEBRUARY, stays="存续"), "R2", 2)
    build_and_publish(spark, TABLES)
    assert standing() == {"stays": ("存续", None, None), "gone": ("存续", FEBRUARY, "迁出")}
