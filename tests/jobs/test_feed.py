"""What a publish changed stays beside its table: who follows the table reads it there, or else has Delta tell it."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from citybrain import engine, lake
from citybrain import maintain as upkeep
from citybrain.maintain import maintain
from citybrain.runner import feed, state
from tests.jobs.lakehouse import (
    CONTRACTS,
    assert_equal_to_a_full_build,
    build_and_publish,
    deliver,
    order,
    withdraw,
)

ORDERS, ORDER, FLOW = "bronze.centre__work_order", "silver.work_order", "gold.governance__work_order_flow_daily"


@pytest.fixture(autouse=True)
def asked(tmp_path, monkeypatch, spark) -> list[str]:
    """A lake with its first orders; the tables whose changes Delta has to tell."""
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    deliver(ORDERS, [order(n) for n in range(1, 7)], "R0")
    build_and_publish(spark, [ORDER, FLOW])
    tables, changes = [], engine.changes
    monkeypatch.setattr(engine, "changes", lambda spark, uri, *of: tables.append(uri) or changes(spark, uri, *of))
    return tables


def days_pass(spark, *tables: str) -> None:
    """Orders are corrected, added and taken back, in three publishes."""
    deliver(ORDERS, [order(1, 20, day=2), order(2, 21, day=2), order(9)], "R1", nth=1)
    build_and_publish(spark, [*tables])
    deliver(ORDERS, [order(2, 22, day=3), order(10)], "R2", nth=2)
    build_and_publish(spark, [*tables])
    withdraw(ORDERS, "R1")
    build_and_publish(spark, [*tables])


def delta_tells(asked: list[str], table: str) -> bool:
    return lake.table_uri(table) in asked


def kept(table: str) -> list[Path]:
    return sorted((Path(lake.lake_uri()) / "_feed" / table).glob("*"))


@pytest.mark.parametrize("large", [2_000_000, 1])
def test_the_images_kept_are_those_that_delta_tells(spark, asked, monkeypatch, large):
    monkeypatch.setattr(state, "LARGE", large)
    before = state.pin(ORDER)
    days_pass(spark, ORDER)
    now = state.pin(ORDER)

    def counted(images) -> Counter[tuple[Any, ...]]:
        rows = [row.asDict() for row in images.select(*CONTRACTS[ORDER].names, "_change_type").collect()]
        return Counter((row.pop("_change_type") in engine.NEW_IMAGES, *map(str, row.values())) for row in rows)

    ours = counted(feed.images(spark, CONTRACTS[ORDER], before, now))
    assert not delta_tells(asked, ORDER)
    assert sum(ours.values()) == 4 + 1 + 2 + 1 + 2 + 1  # a corrected order has two images, a new or deleted one has one
    assert ours == counted(engine.changes(spark, lake.table_uri(ORDER), before.version, now.version))


def test_a_follower_reads_what_was_published_across_upkeep(spark, asked, monkeypatch):
    monkeypatch.setattr(upkeep, "MANY", 2)
    days_pass(spark, ORDER)
    deliver(ORDERS, [order(11)], "R3", nth=3)
    build_and_publish(spark, [ORDER])
    assert maintain([ORDER])[0].status == "maintained"
    deliver(ORDERS, [order(3, 23, day=5)], "R4", nth=4)
    assert build_and_publish(spark, [ORDER, FLOW])[FLOW].extent == "changes"
    assert delta_tells(asked, ORDERS)
    assert not delta_tells(asked, ORDER)
    assert_equal_to_a_full_build(spark, FLOW)


def lost() -> None:
    shutil.rmtree(kept(ORDER)[-1])


def a_stranger() -> None:
    DeltaTable(lake.table_uri(ORDER)).delete(f"work_order_id = 'NH{5:014d}'")


@pytest.mark.parametrize("befalls", [lost, a_stranger])
def test_of_what_was_not_kept_delta_tells(spark, asked, befalls):
    days_pass(spark, ORDER)
    befalls()
    assert build_and_publish(spark, [FLOW])[FLOW].extent == "changes"
    assert delta_tells(asked, ORDER)
    assert_equal_to_a_full_build(spark, FLOW)


def test_a_stranger_s_commit_between_build_and_publish_is_not_passed_by(spark, asked, monkeypatch):
    """The stage knows nothing of it: what was published is not what was staged."""
    create = engine.create
    monkeypatch.setattr(engine, "create", lambda *given: (create(*given), a_stranger()))
    deliver(ORDERS, [order(5, 20, day=2)], "R1", nth=1)
    build_and_publish(spark, [ORDER, FLOW])
    assert kept(ORDER) == []
    assert delta_tells(asked, ORDER)


def test_what_was_published_is_let_go_when_everybody_has_read_it(spark):
    days_pass(spark, ORDER)
    assert (len(kept(ORDER)), kept(FLOW)) == (3, [])  # nobody follows the cube row by row
    maintain([ORDER], keep_days=0)
    assert len(kept(ORDER)) == 3
    build_and_publish(spark, [FLOW])
    maintain([ORDER], keep_days=1)
    assert len(kept(ORDER)) == 3
    maintain([ORDER], keep_days=0)
    assert kept(ORDER) == []
    assert_equal_to_a_full_build(spark, FLOW)
