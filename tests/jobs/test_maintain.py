"""Upkeep changes no row, wakes nobody, and takes from no consumer what it has still to read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from citybrain import contracts, engine, lake
from citybrain import maintain as upkeep
from citybrain.maintain import maintain
from citybrain.runner import state
from citybrain.runner.build import Stage, build
from citybrain.runner.plan import plan
from citybrain.runner.publish import publish
from tests.jobs.lakehouse import assert_equal_to_a_full_build, content, deliver, withdraw

CONTRACTS = contracts.load()
ORDERS, ORDER, FLOW = "bronze.centre__work_order", "silver.work_order", "gold.governance__work_order_flow_daily"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, spark):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    return tmp_path


def order(n: int, status: str = "处置中", day: int = 1) -> dict[str, object]:
    reported = datetime(2026, 3, 1, 1, tzinfo=UTC) + timedelta(days=n)
    changed = {"work_order_status": status, "updated_at": datetime(2026, 4, day, tzinfo=UTC)}
    return {"work_order_id": f"NH{n:014d}", "reported_at": reported, "town_code": "440605011", **changed}


def bring_up_to_date(spark, *tables: str) -> list[str]:
    """Build and publish without checks; the extents."""
    extents = []
    for table in tables or (ORDER, FLOW):
        intended = plan(CONTRACTS[table])
        extents.append(intended.extent)
        if intended.extent != "nothing":
            stage = build(spark, intended, f"run-{table}-{intended.sequence}")
            publish(spark, CONTRACTS[table], stage)
    return extents


def files(table: str) -> int:
    return len(list(Path(lake.table_uri(table)).glob("*.parquet")))


def test_a_consumer_that_lags_finds_all_it_needs_and_compaction_is_no_change(spark):
    for n in range(12):
        deliver(ORDERS, [order(n)], f"R{n}", nth=n)
    bring_up_to_date(spark)
    deliver(ORDERS, [order(0, "已结案", day=2), order(20)], "R20", nth=20)
    withdraw(ORDERS, "R3")  # both not yet consumed
    before = content(ORDERS)
    (done,) = maintain([ORDERS], keep_days=0)
    assert (done.status, done.files_after, done.deleted) == ("maintained", 1, 0)  # what the consumer needs stays
    assert content(ORDERS) == before
    assert bring_up_to_date(spark) == ["changes", "changes"]
    assert_equal_to_a_full_build(spark, ORDER, FLOW)

    (done,) = maintain([ORDERS], keep_days=0)
    assert done.deleted > 12  # now nobody needs the small files, nor the images of the withdrawn row
    assert files(ORDERS) == 1
    assert [plan(CONTRACTS[t]).extent for t in (ORDER, FLOW)] == ["nothing", "nothing"]
    assert plan(CONTRACTS[ORDER]).consumed[ORDERS] == state.pin(ORDERS)
    deliver(ORDERS, [order(21)], "R21", nth=21)
    assert bring_up_to_date(spark) == ["changes", "changes"]
    assert_equal_to_a_full_build(spark, ORDER, FLOW)


def test_optimize_carries_the_state_forward_and_wakes_no_reader(spark, monkeypatch):
    monkeypatch.setattr(upkeep, "MANY", 2)
    for n in range(3):
        deliver(ORDERS, [order(n), order(n + 10, day=n + 1)], f"R{n}", nth=n)
        bring_up_to_date(spark)
    held = {table: (state.state(table), content(table), state.pin(table)) for table in (ORDER, FLOW)}
    for done in maintain([ORDER, FLOW], keep_days=0):
        assert (done.status, done.files_after) == ("maintained", 1), done
        assert done.deleted > 0
    for table, (was, rows, pin) in held.items():
        assert state.pin(table).version > pin.version
        assert "citybrain" in DeltaTable(lake.table_uri(table)).history(1)[0]["userMetadata"]
        assert (state.state(table), content(table)) == (was, rows)
    assert [plan(CONTRACTS[t]).extent for t in (ORDER, FLOW)] == ["nothing", "nothing"]
    deliver(ORDERS, [order(1, "已结案", day=9)], "R9", nth=9)
    assert bring_up_to_date(spark) == ["changes", "changes"]
    assert_equal_to_a_full_build(spark, ORDER, FLOW)
    assert state.state(ORDER).sequence == held[ORDER][0].sequence + 1


def test_a_large_table_is_put_in_order_and_its_rows_are_looked_for_and_marked(spark, monkeypatch):
    monkeypatch.setattr(state, "LARGE", 1)
    looked_for, look = [], engine.rows_among
    monkeypatch.setattr(engine, "rows_among", lambda *asked: looked_for.append(asked[3]) or look(*asked))
    replaced, replace = [], engine.replace
    monkeypatch.setattr(engine, "replace", lambda *given: replaced.append(given[4]) or replace(*given))
    deliver(ORDERS, [order(n) for n in range(40)], "R0")
    bring_up_to_date(spark)
    for done in maintain([ORDER, FLOW], keep_days=0):
        assert done.status == "maintained"
    in_order, at = DeltaTable(lake.table_uri(ORDER)).file_uris(), state.pin(ORDER).version
    assert [row["work_order_id"] for row in engine.read(spark, lake.table_uri(ORDER), at).collect()] == [
        f"NH{n:014d}" for n in range(40)
    ]
    days = DeltaTable(lake.table_uri(FLOW)).file_uris()
    assert [plan(CONTRACTS[t]).extent for t in (ORDER, FLOW)] == ["nothing", "nothing"]
    for day, numbers in enumerate(((3, 50), (3, 4, 39), (51,)), 2):
        deliver(ORDERS, [order(n, "已结案", day=day) for n in numbers], f"R{day}", nth=day)
        assert bring_up_to_date(spark) == ["changes", "changes"]
        assert set(in_order) < set(DeltaTable(lake.table_uri(ORDER)).file_uris())  # not one was written anew
        assert set(days) < set(DeltaTable(lake.table_uri(FLOW)).file_uris())
    withdraw(ORDERS, "R2")
    assert bring_up_to_date(spark) == ["changes", "changes"]
    assert set(looked_for) == set(replaced) == {"work_order_id", "stat_date"}
    assert len(content(ORDER)) == 41  # 50 is gone, and 3 stands as the third day has it
    assert_equal_to_a_full_build(spark, ORDER, FLOW)
    maintain([ORDER, FLOW], keep_days=0)
    assert_equal_to_a_full_build(spark, ORDER, FLOW)


def test_a_large_table_whose_upkeep_broke_off_is_put_in_order_the_next_time(spark, monkeypatch):
    monkeypatch.setattr(state, "LARGE", 1)
    deliver(ORDERS, [order(n) for n in reversed(range(40))], "R0")
    bring_up_to_date(spark, ORDER)
    for step in ("sort", "mark_rows"):
        with monkeypatch.context() as broken:
            broken.setattr(engine, step, lambda *_: 1 / 0)
            assert [done.status for done in maintain([ORDER])] == ["failed"]
    sorted_, sort = [], engine.sort
    monkeypatch.setattr(engine, "sort", lambda *asked: sorted_.append(asked[2]) or sort(*asked))
    for _ in range(2):
        assert maintain([ORDER])[0].ok
    assert sorted_ == ["work_order_id"]


def test_a_note_about_a_table_outlives_its_compaction(spark, monkeypatch):
    """What made no difference, or was blocked, is not looked at again because files were rewritten."""
    monkeypatch.setattr(upkeep, "MANY", 1)
    deliver(ORDERS, [order(1)], "R1")
    bring_up_to_date(spark, ORDER)
    deliver(ORDERS, [order(1)], "R2", nth=2)
    intended = plan(CONTRACTS[ORDER])
    state.note_idle(ORDER, intended.target, intended.inputs, intended.fingerprint)
    assert plan(CONTRACTS[ORDER]).extent == "nothing"
    engine.optimize(spark, lake.table_uri(ORDER), state.state(ORDER).to_json())
    maintain([ORDERS], keep_days=0)
    assert plan(CONTRACTS[ORDER]).extent == "nothing"
    deliver(ORDERS, [order(2)], "R3", nth=3)
    waiting = plan(CONTRACTS[ORDER])
    state.note_blocked(ORDER, waiting.target, waiting.inputs, waiting.fingerprint, "a rule")
    maintain([ORDERS], keep_days=0)
    assert plan(CONTRACTS[ORDER]).blocked == "a rule"


def test_nothing_is_deleted_for_a_consumer_more_than_a_week_behind(spark, monkeypatch):
    monkeypatch.setattr(upkeep, "MANY", 2)
    deliver(ORDERS, [order(1)], "R1")
    bring_up_to_date(spark, ORDER)
    deliver(ORDERS, [order(2)], "R2", nth=2)
    for age, hours in ((timedelta(days=6), 145), (timedelta(days=7), None), (timedelta(days=31), 0)):
        monkeypatch.setattr(upkeep, "_age", lambda *_, age=age: age)
        assert upkeep.retention(ORDERS, 0) == hours
    monkeypatch.setattr(upkeep, "_age", lambda *_: timedelta(days=8))
    (done,) = maintain([ORDERS], keep_days=0)
    assert (done.files_after, done.deleted, done.reason[:15]) == (1, 0, "nothing deleted")


def test_a_stage_that_waits_for_its_check_keeps_its_files_and_one_that_nobody_waits_for_goes(spark, monkeypatch):
    monkeypatch.setattr(upkeep, "MANY", 2)
    for n in range(2):
        deliver(ORDERS, [order(n)], f"R{n}", nth=n)
        bring_up_to_date(spark, ORDER)
    left = Path(lake.lake_uri()) / "_stage" / ORDER / "killed"
    left.mkdir(parents=True)
    deliver(ORDERS, [order(1, "已结案", day=9)], "R9", nth=9)
    stage = build(spark, plan(CONTRACTS[ORDER]), "waiting")
    maintain([ORDER], keep_days=0)
    assert not left.exists()
    assert Stage.load(ORDER) == stage
    rows = engine.read(spark, lake.table_uri(ORDER), stage.target.version).count()
    assert rows == 2
    publish(spark, CONTRACTS[ORDER], stage)
    assert_equal_to_a_full_build(spark, ORDER)


def test_a_stranger_s_commits_do_not_hide_the_state(spark):
    deliver(ORDERS, [order(1)], "R1")
    bring_up_to_date(spark, ORDER)
    was = state.state(ORDER)
    for n in range(7):
        spark.sql(f"ALTER TABLE delta.`{lake.table_uri(ORDER)}` SET TBLPROPERTIES ('test.n' = '{n}')")
    assert state.state(ORDER) == was


def test_an_unknown_table_is_named():
    with pytest.raises(contracts.ContractError, match=r"silver\.nowhere"):
        maintain(["silver.nowhere"])
