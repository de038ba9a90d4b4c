"""Why a number was published again: through deliveries as departments make them, to the receipt that moved it."""

import shutil
from dataclasses import replace

import pytest

from citybrain import lake, ops, serve
from citybrain.contracts.load import ROOT
from citybrain.indicators import query, revisions
from citybrain.indicators.registry import Registry, registry
from citybrain.ingest import ingest, withdraw
from tests.jobs.lakehouse import build_and_publish

TABLES = [
    "silver.town",
    "silver.work_order",
    "gold.governance__work_order_flow_daily",
    "gold.governance__work_order_due_daily",
    "gold.reference__area",
    "gold.platform__indicator_value",
]
MARCH = """工单编号,来源系统,上报时间,受理时间,镇街码,更新时间
NH20260302000001,网格系统,2026-03-02 09:00:00,2026-03-02 09:10:00,440605011,2026-03-02 10:00:00
NH20260302000002,网格系统,2026-03-02 09:30:00,2026-03-02 09:40:00,440605011,2026-03-02 10:00:00
NH20260430000003,网格系统,2026-04-30 09:30:00,2026-04-30 09:40:00,440605011,2026-04-30 10:00:00
"""
LATE = """工单编号,来源系统,上报时间,受理时间,镇街码,更新时间
NH20260305000004,网格系统,2026-03-05 09:00:00,2026-03-05 09:10:00,440605011,2026-05-02 10:00:00
"""
MOVED = """工单编号,来源系统,上报时间,受理时间,镇街码,更新时间
NH20260302000002,网格系统,2026-04-02 09:30:00,2026-04-02 09:40:00,440605011,2026-05-03 10:00:00
NH20260429000005,网格系统,2026-04-29 09:30:00,2026-04-29 09:40:00,440605011,2026-05-03 10:00:00
"""


@pytest.fixture
def hand_in(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))

    def hand_in(name: str, text: str) -> str:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return ingest("centre__work_order", file).receipt

    return hand_in


def without(indicator: str, variant: str) -> Registry:
    declared = registry()
    known = declared.indicators[indicator]
    left = {name: one for name, one in known.variants.items() if name != variant}
    return replace(declared, indicators=declared.indicators | {indicator: known.model_copy(update={"variants": left})})


def reported() -> query.IndicatorAnswer:
    return query.indicator("WO01", period="2026-03", variant="reported")


def test_each_revision_names_the_deliveries_that_moved_the_number_and_no_others(spark, hand_in):
    ingest("reference__town", ROOT / "schemas/codes/town.csv")
    given = {"first": hand_in("三月.csv", MARCH)}
    build_and_publish(spark, TABLES)
    given["late"] = hand_in("补报.csv", LATE)
    build_and_publish(spark, TABLES)
    given["moved"] = hand_in("更正.csv", MOVED)
    build_and_publish(spark, TABLES)
    withdraw(given["late"])
    build_and_publish(spark, TABLES)
    serve.publish()
    told = query.revisions(reported())
    assert [(one.revision, one.value, one.reasons) for one in told] == [
        (1, 2.0, ()),
        (2, 3.0, ("超级工单有 1 行变动",)),
        (3, 2.0, ("超级工单有 1 行变动",)),
        (4, 1.0, ("超级工单有 1 行变动",)),
    ]
    assert [[(c.kind, c.receipt, c.file) for c in one.causes] for one in told] == [
        [],
        [("新到", given["late"], "补报.csv")],
        [("新到", given["moved"], "更正.csv")],
        [("撤回", given["late"], "补报.csv")],
    ]
    text = query.answer_text(reported(), history=told)
    assert f"撤回 超级工单主表 补报.csv（回执 {given['late']}" in text


def test_why_a_number_was_restated_is_known_after_its_versions_are_gone(spark, hand_in, monkeypatch):
    ingest("reference__town", ROOT / "schemas/codes/town.csv")
    hand_in("三月.csv", MARCH)
    build_and_publish(spark, TABLES)
    late = hand_in("补报.csv", LATE)
    build_and_publish(spark, TABLES)
    serve.publish()
    explained, left = query.keep_restatements(seconds=0)
    assert explained == 0
    with monkeypatch.context() as patch:  # nobody can ask for a number that is no longer declared: the others go on
        patch.setattr(revisions, "registry", lambda: without("WO01", "accepted"))
        others, waiting = query.keep_restatements()
    assert (0 < others < left, waiting) == (True, 0)
    assert ops.ask(ops.RESTATEMENT, "FROM rows WHERE (indicator_id, variant) = ('WO01', 'accepted')") == []
    assert query.keep_restatements() == (left - others, 0)
    assert query.keep_restatements() == (0, 0)
    march = "SELECT variant, area_code FROM rows WHERE indicator_id = 'WO01' AND period = '2026-03' ORDER BY ALL"
    assert [tuple(row.values()) for row in ops.ask(ops.RESTATEMENT, march)] == [
        (variant, area) for variant in ("accepted", "reported") for area in ("440605", "440605011")
    ]
    told = query.revisions(reported())
    assert [cause.receipt for cause in told[1].causes] == [late]
    for layer in ("bronze", "silver", "gold"):  # whoever walks now finds nothing
        shutil.move(lake.home() / "lake" / layer, lake.home() / f"lake/{layer}.gone")
    assert query.revisions(reported()) == told


def test_a_new_day_moves_what_still_runs(spark, hand_in):
    ingest("reference__town", ROOT / "schemas/codes/town.csv")
    hand_in("四月.csv", MARCH)
    build_and_publish(spark, TABLES)
    receipt = hand_in("五月.csv", LATE.replace("2026-03-05 09", "2026-05-01 09"))
    build_and_publish(spark, TABLES)
    serve.publish()
    (_, second) = query.revisions(query.indicator("WO01", period="2026", variant="reported"))
    assert second.reasons == ("数据时间由 2026-04-30 到 2026-05-01", "超级工单有 1 行变动")
    assert [cause.receipt for cause in second.causes] == [receipt]
