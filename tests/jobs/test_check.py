"""A refresh is judged by what it changes as if all had been looked at; what nobody vouches for is looked at whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from citybrain import lake
from citybrain.contracts import Rule
from citybrain.runner import shares, state
from citybrain.runner.build import Stage, build
from citybrain.runner.check import check
from citybrain.runner.plan import plan
from citybrain.runner.publish import publish
from citybrain.runner.reading import read_target
from citybrain.runner.run import new_run
from citybrain.runner.state import State
from tests.jobs.lakehouse import CONTRACTS, build_and_publish, deliver, withdraw
from tests.tables import draw

DUE = CONTRACTS["gold.governance__work_order_due_daily"]
EVENT = CONTRACTS["silver.work_order_event"]
ARRIVED = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = "stage | due_date | change_date | due_count | done_count | done_on_time_count | suspended_count"
COLUMNS = f"{DUE.table}\n{COLUMNS} | rework_order_count | row_count\n"
TWO_DUE = "处置 | 2026-03-02 | 2026-03-02 | 2 | 0 | 0 | 0 | 0 | 2\n"
IMPOSSIBLE = "处置 | 2026-03-05 | 2026-03-04 | 0 | 1 | 0 | 0 | 0 | 1\n"  # changed before it was due, done but not due


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, spark):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))


def staged(spark: SparkSession, rows: str, extent: str = "changes", rules: str = "rules") -> Stage:
    """A difference that inserts the rows, as a build of the cube by these rules would leave it."""
    last = state.state(DUE.table)
    step = State(new_run(), last.sequence + 1 if last else 1, rules)
    stage = Stage(
        DUE.table, step, state.pin(DUE.table), {"insert": len(rows.splitlines()), "update": 0, "delete": 0}, extent, ""
    )
    draw(spark, COLUMNS + rows).withColumn("_change", F.lit("insert")).write.parquet(stage.uri)
    return stage


def broken(spark: SparkSession, stage: Stage) -> list[str]:
    return sorted(finding.rule for finding in check(spark, DUE, stage) if finding.blocks)


def test_rows_that_hang_together_are_judged_with_those_that_did_not_change(spark):
    publish(spark, DUE, staged(spark, TWO_DUE))
    assert broken(spark, staged(spark, "处置 | 2026-03-02 | 2026-03-03 | 0 | 2 | 1 | 0 | 0 | 2\n")) == []
    assert broken(spark, staged(spark, "处置 | 2026-03-02 | 2026-03-04 | 0 | 3 | 1 | 0 | 0 | 3\n")) == [
        "impossible_count"
    ]
    assert broken(spark, staged(spark, IMPOSSIBLE)) == ["change_before_due", "impossible_count"]


def test_what_stands_is_judged_again_only_after_a_stranger_by_new_rules_or_in_full(spark):
    publish(spark, DUE, staged(spark, IMPOSSIBLE + TWO_DUE.replace("02", "01")))  # unjudged
    both = ["change_before_due", "impossible_count"]
    assert broken(spark, staged(spark, TWO_DUE)) == []
    assert broken(spark, staged(spark, TWO_DUE.replace("02", "06"), extent="full")) == both
    assert broken(spark, staged(spark, TWO_DUE.replace("02", "07"), rules="others")) == both
    DeltaTable(lake.table_uri(DUE.table)).delete("due_count = 2")
    assert broken(spark, staged(spark, TWO_DUE.replace("02", "08"))) == both


@pytest.mark.parametrize(
    ("query", "count", "message", "sample"),
    [
        ("SELECT due_date, 2 * due_count AS n FROM {batch} WHERE due_count > 0", 2, "不应有", '03-03", "n": 4}'),
        ("SELECT * FROM {batch} WHERE due_count > 0", 2, "不应有", '"handling_unit": null}'),
        ("SELECT repeat('长', 1500) AS text FROM {batch}", 2, "不应有", '长"}]'),
        ("SELECT nothing FROM {batch}", 0, "不应有（规则无法执行：", ""),
        ("SELECT raise_error('除以零') FROM {batch}", 0, "不应有（规则无法执行：", ""),
        ("SELECT * FROM {batch} WHERE due_count > 2", None, "", ""),
    ],
)
def test_a_broken_rule_tells_how_many_rows_and_some_and_one_that_cannot_be_asked_is_broken(
    spark, query, count, message, sample
):
    rule = Rule(rule="asked", query=query, severity="block", message="不应有", fix="bureau")
    contract = DUE.model_copy(update={"rules": (rule,)})
    twice = TWO_DUE + TWO_DUE.replace("03-02", "03-03")
    (found,) = [f for f in check(spark, contract, staged(spark, twice, "full")) if f.rule == "asked"]
    assert found.blocks == (count is not None)
    if found.blocks:
        assert (found.unexpected_count, found.message.startswith(message)) == (count, True)
        assert sample in found.sample


def step(number: int, unit: str = "D01") -> dict[str, object]:
    """Two steps of one kind and unit at one moment are one that was sent twice."""
    return {"work_order_id": "NH1", "event_no": number, "step": "受理", "event_unit": unit, "arrived_at": ARRIVED}


def told(spark: SparkSession) -> list[int]:
    """What the state says of repeated steps, after it was held against the table."""
    counts = state.state(EVENT.table).shares
    counted = shares.counted(EVENT, read_target(spark, EVENT, state.pin(EVENT.table)))
    assert [n for rule in EVENT.shares for n in counts[rule.rule]] == counted
    return counts["many_repeated"]


def test_shares_are_counted_on_through_inserts_updates_and_deletes(spark):
    source = "bronze.centre__work_order_event"
    for nth, (rows, repeated) in enumerate([([step(1), step(2, "D02")], [0, 2]), ([step(3)], [1, 2]), ([], [0, 2])]):
        if rows:
            deliver(source, rows, f"R{nth}", nth=nth)
        else:
            withdraw(source, "R1")
        assert build_and_publish(spark, [EVENT.table])
        assert told(spark) == repeated
    withdraw(source, "R0")
    emptied = build(spark, plan(EVENT), "run")
    assert all(finding.success for finding in check(spark, EVENT, emptied))  # none of none is no share
    publish(spark, EVENT, emptied)
    assert told(spark) == [0, 0]


def test_a_broken_share_tells_how_many_rows_of_how_many(spark):
    deliver("bronze.centre__work_order_event", [step(n, f"D{n % 8:02}") for n in range(1, 11)], "R0")
    found = {f.rule: f for f in check(spark, EVENT, build(spark, plan(EVENT), "run"))}["many_repeated"]
    assert (found.success, found.unexpected_count, found.checked_count, found.sample) == (False, 2, 8, '["25.00%"]')


def test_a_first_table_without_rows_breaks_no_share(spark):
    stage = build(spark, plan(EVENT), "run-1")
    assert stage.is_empty
    findings = {finding.rule: finding for finding in check(spark, EVENT, stage)}
    assert {rule.rule for rule in EVENT.shares} <= set(findings)
    assert [f"{rule}: {finding.message}" for rule, finding in findings.items() if not finding.success] == []


def test_after_a_stranger_shares_are_counted_anew(spark):
    source = "bronze.centre__work_order_event"
    deliver(source, [step(1), step(2)], "R0")
    build_and_publish(spark, [EVENT.table])
    DeltaTable(lake.table_uri(EVENT.table)).delete("event_no = 1")
    deliver(source, [{**step(4, "D02"), "work_order_id": "NH2"}], "R1", nth=1)
    build_and_publish(spark, [EVENT.table])
    assert told(spark) == [0, 1]


def test_a_share_above_its_limit_is_told(spark):
    source = "bronze.centre__work_order_event"
    deliver(source, [step(1), step(2)], "R0")
    stage = build(spark, plan(EVENT), "run-1")
    findings = {finding.rule: finding for finding in check(spark, EVENT, stage)}
    assert (findings["many_repeated"].success, findings["many_repeated"].sample) == (False, '["100.00%"]')
    assert findings["many_later_than_receipt"].success
