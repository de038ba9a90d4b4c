"""What may befall a table between two builds: its feed is gone, it was made anew, a row moves to another partition."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from citybrain import lake
from citybrain.runner import run
from citybrain.runner.build import build
from citybrain.runner.plan import plan
from citybrain.runner.publish import publish
from tests.jobs.lakehouse import CONTRACTS, content, deliver, withdraw

BRONZE, SILVER = "bronze.centre__work_order_event", "silver.work_order_event"
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, spark):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))


def step(order: str, **more: Any) -> dict[str, Any]:
    return {"work_order_id": order, "event_no": 1, "step": "受理", "arrived_at": START, **more}


def without_feed() -> None:
    """What was committed while the feed was off is in no feed."""
    table = DeltaTable(lake.table_uri(BRONZE))
    table.alter.set_table_properties({"delta.enableChangeDataFeed": "false"})
    deliver(BRONZE, [step("NH3")], "R3", nth=3)
    table.alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    withdraw(BRONZE, "R1")


def without_its_files() -> None:
    deliver(BRONZE, [step("NH3")], "R3", nth=3)
    withdraw(BRONZE, "R1")
    shutil.rmtree(Path(lake.table_uri(BRONZE)) / "_change_data")


def made_anew() -> None:
    shutil.rmtree(lake.table_uri(BRONZE))
    deliver(BRONZE, [step("NH2")], "R2", nth=2)
    deliver(BRONZE, [step("NH3")], "R3", nth=3)


@pytest.mark.parametrize("befalls", [without_feed, without_its_files, made_anew])
def test_where_changes_cannot_be_followed_everything_is_compared_and_differences_are_published(befalls):
    deliver(BRONZE, [step("NH1")], "R1", nth=1)
    deliver(BRONZE, [step("NH2")], "R2", nth=2)
    run([SILVER])
    befalls()
    (result,) = run([SILVER])
    assert (result.status, result.extent, result.rows) == ("published", "full", {"insert": 1, "update": 0, "delete": 1})
    assert [row[0] for row in content(SILVER)] == ["NH2", "NH3"]
    assert [result.status for result in run([SILVER])] == ["unchanged"]


def test_a_row_that_moves_to_another_partition_leaves_the_old_one(spark):
    order = CONTRACTS["silver.work_order"].model_copy(update={"partition": ("town_code",)})
    towns = [{"town_code": f"44060501{i}", "town_name": f"镇{i}", "valid_from": date(2003, 1, 1)} for i in (1, 2)]
    deliver("bronze.reference__town", towns, "T")
    run(["silver.town"])

    def refresh(name: str) -> str:
        intended = plan(order)
        publish(spark, order, build(spark, intended, name))
        return intended.extent

    def sent(n: int, town: int) -> dict[str, Any]:
        moments = {"reported_at": START, "accepted_at": START, "updated_at": START.replace(month=3 + town)}
        return {"work_order_id": f"NH{20260301000000 + n}", "town_code": f"44060501{town}", **moments}

    deliver("bronze.centre__work_order", [sent(1, 1), sent(2, 1)], "R1", nth=1)
    refresh("first")
    deliver("bronze.centre__work_order", [sent(1, 2)], "R2", nth=2)
    assert refresh("second") == "changes"
    names = order.names
    held = [(row[names.index("work_order_id")], row[names.index("town_code")]) for row in content(order.table)]
    assert held == [("NH20260301000001", "440605012"), ("NH20260301000002", "440605011")]
    folders = {values["town_code"] for values in DeltaTable(lake.table_uri(order.table)).partitions()}
    assert folders == {"440605011", "440605012"}
