"""The runner on real tables: differences only, any cutting of a history into increments equals one full build."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from citybrain import contracts, engine, lake
from citybrain.cli import app
from citybrain.contracts import ContractError
from citybrain.runner import run, sources, state
from citybrain.runner.build import Stage, build
from citybrain.runner.lag import look
from citybrain.runner.plan import plan
from citybrain.runner.publish import StaleStageError, publish
from tests.jobs.lakehouse import build_and_publish, content, deliver, withdraw
from tests.lake import rows_of

CONTRACTS = contracts.load()
TOWNS = [{"town_code": f"44060501{i}", "town_name": f"镇{i}", "valid_from": date(2003, 1, 1)} for i in range(3)]
FOLLOWERS = ["silver.work_order_event", "silver.work_order", "gold.governance__work_order_flow_daily",
             "gold.governance__work_order_due_daily", "gold.governance__work_order_state_daily",
             "gold.governance__handling_hours_daily"]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, spark):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    return tmp_path


def statuses(*tables: str, **options: Any) -> list[str]:
    return [r.status for r in run(tables, **options)]


def test_a_second_run_changes_nothing_and_needs_no_spark():
    deliver("bronze.reference__town", TOWNS, "R1")
    assert statuses("silver.town") == ["published"]
    before = state.pin("silver.town")
    assert statuses("silver.town") == ["unchanged"]
    assert plan(CONTRACTS["silver.town"]).extent == "nothing"
    assert state.pin("silver.town") == before


def test_a_build_by_itself_that_finds_no_difference_leaves_nothing_to_publish():
    deliver("bronze.reference__town", TOWNS, "R1")
    assert statuses("silver.town") == ["published"]
    before = state.pin("silver.town")
    deliver("bronze.reference__town", TOWNS, "R2", nth=1)
    said = CliRunner().invoke(app, ["build", "silver.town"])
    assert (said.exit_code, "no difference" in said.output) == (0, True)
    assert Stage.load("silver.town") is None
    assert (state.pin("silver.town"), plan(CONTRACTS["silver.town"]).extent) == (before, "nothing")


def test_a_first_build_without_a_row_makes_the_empty_table():
    bronze, silver = "bronze.centre__work_order_event", "silver.work_order_event"
    deliver(bronze, [], "R1")
    assert statuses(silver) == ["published"]
    assert (content(silver), plan(CONTRACTS[silver]).extent) == ([], "nothing")
    deliver(bronze, [{"work_order_id": "NH1", "event_no": 1, "step": "受理", "arrived_at": START}], "R2", nth=1)
    assert statuses(silver) == ["published"]
    assert len(content(silver)) == 1


def test_a_new_snapshot_publishes_only_its_differences():
    deliver("bronze.reference__town", TOWNS, "R1")
    run(["silver.town"])
    renamed = [{**TOWNS[0], "town_name": "新名"}, TOWNS[1]]
    deliver("bronze.reference__town", renamed, "R2", nth=1)
    (result,) = run(["silver.town"])
    assert result.rows == {"insert": 0, "update": 1, "delete": 1}
    assert [row[1] for row in content("silver.town")] == ["新名", "镇1"]


def test_a_snapshot_of_which_some_rows_were_read_anew_is_still_whole():
    deliver("bronze.reference__town", [TOWNS[0], {**TOWNS[1], "_load": 2}], "R1")
    run(["silver.town"])
    assert len(content("silver.town")) == 2


def test_a_delivery_that_says_nothing_new_is_looked_at_once_and_wakes_nobody():
    deliver("bronze.reference__town", TOWNS, "R1")
    run(["silver.town"])
    deliver("bronze.reference__town", TOWNS, "R2", nth=1)
    before = state.pin("silver.town")
    (result,) = run(["silver.town"])
    assert (result.status, result.reason) == ("unchanged", "no difference")
    assert state.pin("silver.town") == before
    assert plan(CONTRACTS["silver.town"]).extent == "nothing"


def test_a_blocking_rule_leaves_the_table_as_it_was_and_skips_what_lies_below():
    deliver("bronze.reference__village", [_village("1"), _village("2")], "R1")
    assert statuses("silver.village") == ["published"]
    before = content("silver.village")
    deliver("bronze.reference__village", [_village("1"), {**_village("1"), "village_name": "同码"}], "R2", nth=1)
    results = {r.table: r for r in run(["silver.village", "gold.reference__area"])}
    assert results["silver.village"].status == "blocked"
    assert "key_unique" in results["silver.village"].reason
    assert results["gold.reference__area"].status == "skipped"
    assert content("silver.village") == before


def test_a_blocked_table_is_seen_but_not_built_again_until_an_input_or_a_rule_changes(monkeypatch):
    deliver("bronze.reference__village", [_village("1"), _village("1")], "R1")
    (first,) = run(["silver.village"])
    checked = content_of_checks()
    assert look().blocked == {"silver.village": first.reason}
    assert "silver.village" not in look().tables
    again, below = run(["silver.village", "gold.reference__area"])
    assert (again.status, again.reason) == ("blocked", first.reason)
    assert below.status != "skipped"  # what stands still is no reason to keep those below waiting
    assert content_of_checks() == checked  # it was not built, or it would have been checked again
    with monkeypatch.context() as changed:
        changed.setattr("citybrain.runner.plan.fingerprint", lambda _: "other rules")
        assert "silver.village" in look().tables
    deliver("bronze.reference__village", [_village("1")], "R2", nth=1)
    assert "silver.village" in look().tables
    assert statuses("silver.village") == ["published"]
    assert look().blocked == {}


def content_of_checks() -> int:
    return sum(row["table"] == "silver.village" for row in rows_of("ops.check_result"))


def test_what_is_published_by_hand_is_told_to_its_readers_and_nothing_else(monkeypatch):
    told: list[list[str]] = []
    monkeypatch.setattr("citybrain.hints.published", lambda tables: told.append(list(tables)))
    deliver("bronze.reference__town", TOWNS, "R1")
    for _ in range(2):
        assert CliRunner().invoke(app, ["run", "silver.town", "silver.village"]).exit_code == 0
    assert told == [["silver.town"], []]


def test_the_same_stage_publishes_once_and_a_stale_one_is_refused(spark):
    contract = CONTRACTS["silver.town"]
    deliver("bronze.reference__town", TOWNS[:1], "R1")
    first = build(spark, plan(contract), "run-1")
    publish(spark, contract, first)
    after = state.pin("silver.town")
    assert publish(spark, contract, first) == after.version
    deliver("bronze.reference__town", TOWNS, "R2", nth=1)
    old = build(spark, plan(contract), "run-2")
    newer = build(spark, plan(contract), "run-3")
    assert Stage.load("silver.town") == newer
    publish(spark, contract, newer)
    with pytest.raises(StaleStageError):
        publish(spark, contract, old)
    assert len(content("silver.town")) == 3


def test_an_unknown_table_is_named():
    with pytest.raises(ContractError, match=r"silver\.nowhere"):
        run(["silver.nowhere"])


def test_delta_s_silence_about_a_step_that_it_took_before_is_not_taken_for_a_publish(spark):
    """Somebody committed under the step's number, by Delta's own rules: our commit is passed over without a word."""
    contract = CONTRACTS["silver.town"]
    deliver("bronze.reference__town", TOWNS, "R1")
    stage = build(spark, plan(contract), "run-1")
    uri, rows = lake.table_uri(contract.table), spark.read.parquet(stage.uri).select(*contract.names)
    engine.create(spark, uri, contract)
    with engine.commit(spark, "{}", f"citybrain:{contract.table}", stage.state.sequence):
        engine.insert(spark, uri, rows.limit(1))
    with pytest.raises(RuntimeError, match="Delta did not commit run run-1"):
        publish(spark, contract, stage)
    assert len(content(contract.table)) == 1
    assert Stage.load(contract.table) == stage


def test_another_formula_leads_to_a_full_build_that_publishes_only_the_rows_that_differ(home, monkeypatch):
    deliver("bronze.reference__town", TOWNS, "R1")
    run(["silver.town"])
    package = shutil.copytree(sources.PACKAGE / "silver", home / "package/silver").parent
    monkeypatch.setattr(sources, "PACKAGE", package)
    formula = (
        (package / "silver/town.sql")
        .read_text("utf-8")
        .replace("town_name,", "replace(town_name, '1', '一') AS town_name,")
    )
    (package / "silver/town.sql").write_text(f"{formula} WHERE town_name <> '镇2'", "utf-8")
    (result,) = run(["silver.town"])
    assert (result.extent, result.reason) == ("full", "contract, rules or transform changed")
    assert result.rows == {"insert": 0, "update": 1, "delete": 1}
    assert [row[1] for row in content("silver.town")] == ["镇0", "镇一"]


SERVICES = ["silver.town", "silver.service_case", "silver.service_rating"]


def case(number: str, town: str, hour: int) -> dict[str, Any]:
    moment = datetime(2026, 3, 2, hour, tzinfo=UTC)
    return {"case_id": number, "item_code": "A", "accepted_at": moment, "town_code": town, "updated_at": moment}


@pytest.fixture
def rated(spark):
    """Two cases of two towns, each with a rating, and a rating of a case that is not known."""
    deliver("bronze.reference__town", TOWNS, "T1")
    deliver("bronze.services__case", [case("B0", "440605010", 1), case("B1", "440605011", 1)], "C1")
    ratings = [{"rating_id": f"P{i}", "case_id": f"B{i}", "rated_at": START} for i in range(3)]
    deliver("bronze.services__rating", ratings, "R1")
    build_and_publish(spark, SERVICES)
    assert towns_of_ratings() == {"P0": "440605010", "P1": "440605011", "P2": None}


def towns_of_ratings() -> dict[str, str | None]:
    return {row["rating_id"]: row["town_code"] for row in rows_of("silver.service_rating")}


def test_what_moves_in_a_lookup_is_followed_through_its_key(spark, rated):
    deliver("bronze.services__case", [case("B1", "440605012", 2), case("B2", "440605012", 2)], "C2", nth=1)
    published = build_and_publish(spark, SERVICES)
    stage = published["silver.service_rating"]
    assert (stage.extent, stage.reason) == ("changes", "changed: silver.service_case")
    assert stage.counts == {"insert": 0, "update": 2, "delete": 0}
    assert towns_of_ratings() == {"P0": "440605010", "P1": "440605012", "P2": "440605012"}


def test_a_lookup_that_changes_leads_to_a_full_build_that_publishes_only_the_rows_that_differ(spark, rated):
    """A town gets another name, which no case bears; then one was none any more when its case was accepted."""
    town, cases, ratings = SERVICES
    deliver("bronze.reference__town", [{**TOWNS[0], "town_name": "新名"}, *TOWNS[1:]], "T2", nth=1)
    build_and_publish(spark, [town])
    assert (plan(CONTRACTS[cases]).extent, plan(CONTRACTS[cases]).reason) == ("full", f"lookup {town} changed")
    assert build_and_publish(spark, SERVICES) == {}
    ended = [TOWNS[0], {**TOWNS[1], "valid_to": date(2020, 1, 1)}, TOWNS[2]]
    deliver("bronze.reference__town", ended, "T3", nth=2)
    published = build_and_publish(spark, SERVICES)
    assert {table: stage.extent for table, stage in published.items()} == {
        town: "full",
        cases: "full",
        ratings: "changes",
    }
    assert [published[table].counts for table in (cases, ratings)] == [{"insert": 0, "update": 1, "delete": 0}] * 2
    assert towns_of_ratings() == {"P0": "440605010", "P1": None, "P2": None}


def _village(number: str) -> dict[str, Any]:
    return {"village_code": f"44060501100{number}", "village_name": f"村{number}", "town_code": "440605011",
            "village_kind": "居委会", "has_village_brain": True, "valid_from": date(2018, 1, 1)}  # fmt: skip


# -- histories ---------------------------------------------------------------------------------------------------------

START = datetime(2026, 3, 1, tzinfo=UTC)
STEPS = ["受理", "立案", "派遣", "处置", "返工", "处置", "核查", "结案", "作废", "挂账", "恢复", "延期申请", "延期批准"]
moments = st.integers(0, 24 * 40).map(lambda hours: START + timedelta(hours=hours))
orders = st.fixed_dictionaries(
    {
        "work_order_id": st.integers(1, 6).map(lambda n: f"NH{20260301000000 + n}"),
        "town_code": st.sampled_from(["440605010", "440605011", "440605999", None]),
        "source_system": st.sampled_from(["12345热线", "网格系统"]),
        "reported_at": moments,
        "accepted_at": st.none() | moments,
        "deadline_at": st.none() | moments,
        "closed_at": st.none() | moments,
        "updated_at": moments,
    }
)
events = st.fixed_dictionaries(
    {
        "work_order_id": st.integers(1, 6).map(lambda n: f"NH{20260301000000 + n}"),
        "event_no": st.integers(1, 12),
        "step": st.sampled_from(STEPS),
        "event_unit": st.sampled_from(["D01", "D02"]),
        "arrived_at": moments,
        "finished_at": st.none() | moments,
        "new_deadline_at": st.none() | moments,
    }
)
deliveries = st.lists(
    st.tuples(st.lists(orders, max_size=6), st.lists(events, max_size=14), st.booleans()), min_size=4, max_size=5
)


def play(spark, history: list[Any], run_after: set[int]) -> dict[str, list[tuple[Any, ...]]]:
    """Delivers the history step by step (a flag withdraws the delivery before), running after the chosen steps."""
    deliver("bronze.reference__town", TOWNS, "T")
    for i, (some_orders, some_events, takes_back) in enumerate(history):
        deliver("bronze.centre__work_order", some_orders, f"O{i}", nth=i)
        deliver("bronze.centre__work_order_event", some_events, f"E{i}", nth=i)
        if takes_back and i:
            withdraw("bronze.centre__work_order", f"O{i - 1}")
            withdraw("bronze.centre__work_order_event", f"E{i - 1}")
        if i in run_after:
            build_and_publish(spark, ["silver.town", *FOLLOWERS])
    return {table: content(table) if state.pin(table).id else [] for table in FOLLOWERS}


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(history=deliveries, cut=st.integers(0, 2))
def test_any_cutting_of_a_history_into_increments_equals_one_full_build(
    spark, tmp_path_factory, history, cut, monkeypatch
):
    last = len(history) - 1
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path_factory.mktemp("cut")))
    in_parts = play(spark, history, run_after={cut, last})
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path_factory.mktemp("whole")))
    at_once = play(spark, history, run_after={last})
    assert in_parts == at_once
    assert lake.home().exists()
