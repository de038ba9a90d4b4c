"""A contract that gets a column: the tables that stand get it too, wherever the old rows came from."""

from __future__ import annotations

from typing import Any

import pytest
from deltalake import DeltaTable

from citybrain import contracts, lake
from citybrain.contracts import Contract, ContractError, Field
from citybrain.runner import build as building
from citybrain.runner import plan as planning
from citybrain.runner import state
from citybrain.runner.build import build
from citybrain.runner.plan import plan
from citybrain.runner.publish import publish
from tests.jobs.lakehouse import CONTRACTS, build_and_publish, deliver, order
from tests.lake import rows_of

ORDERS, ORDER, FLOW = "bronze.centre__work_order", "silver.work_order", "gold.governance__work_order_flow_daily"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, spark):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    deliver(ORDERS, [order(n) for n in (1, 2, 3)], "R0")
    build_and_publish(spark, [ORDER, FLOW])


def with_field(contract: Contract, field: Field) -> Contract:
    others = tuple(f for f in contract.fields if f.name != field.name)
    return contract.model_copy(update={"fields": (*others, field)})


@pytest.fixture
def reviewed(monkeypatch) -> Contract:
    """The contract of orders with a column more, of which its transform says something for some."""
    was = CONTRACTS[ORDER]
    field = was.field("request_title").model_copy(update={"name": "review", "title": "复核"})
    changed = with_field(was, field)
    monkeypatch.setattr(contracts, "load", lambda: {**CONTRACTS, ORDER: changed})
    monkeypatch.setattr(planning, "fingerprint", lambda c: f"of {c.names}")
    transform = building.transform

    def and_review(contract: Contract, inputs: dict[str, Any]) -> Any:
        if contract.table != ORDER:
            return transform(contract, inputs)
        rows = transform(was, inputs)
        return rows.selectExpr("*", "IF(work_order_id < 'NH00000000000003', '已复核', NULL) AS review")

    monkeypatch.setattr(building, "transform", and_review)
    return changed


def refresh(spark, contract: Contract, name: str) -> dict[str, int]:
    stage = build(spark, plan(contract), name)
    publish(spark, contract, stage)
    return stage.counts


def reviews() -> dict[str, str | None]:
    return {row["work_order_id"][-1]: row["review"] for row in rows_of(ORDER)}


def test_a_table_gets_the_column_and_only_rows_that_say_something_in_it_change(spark, reviewed):
    was = state.pin(ORDER)
    assert refresh(spark, reviewed, "with the column") == {"insert": 0, "update": 2, "delete": 0}
    assert reviews() == {"1": "已复核", "2": "已复核", "3": None}
    assert state.state(ORDER).sequence == 2
    deliver(ORDERS, [order(1, day=2), order(4)], "R1", nth=1)
    assert refresh(spark, reviewed, "as ever") == {"insert": 1, "update": 1, "delete": 0}
    assert reviews() == {"1": "已复核", "2": "已复核", "3": None, "4": None}

    following = plan(CONTRACTS[FLOW])
    assert (following.consumed[ORDER], following.extent) == (was, "full")  # its fingerprint is another here
    assert build(spark, plan(CONTRACTS[FLOW], full=True), "again").counts == {"insert": 1, "update": 0, "delete": 0}


def test_killed_between_the_column_and_the_rows_the_table_says_what_it_holds(spark, reviewed, monkeypatch):
    stage = build(spark, plan(reviewed), "killed")
    with monkeypatch.context() as killed:
        killed.setattr("citybrain.engine.replace", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(spark, reviewed, stage)
    assert "review" in {f.name for f in DeltaTable(lake.table_uri(ORDER)).schema().fields}
    assert state.state(ORDER).sequence == 1
    assert state.forwarded(ORDER, stage.target, state.pin(ORDER)) == state.pin(ORDER)  # nobody has to look again
    assert refresh(spark, reviewed, "again") == {"insert": 0, "update": 2, "delete": 0}
    assert reviews() == {"1": "已复核", "2": "已复核", "3": None}


def test_another_type_is_refused_with_what_to_do(spark):
    field = CONTRACTS[ORDER].field("request_title").model_copy(update={"type": "int"})
    retyped = with_field(CONTRACTS[ORDER], field)
    deliver(ORDERS, [order(1, day=2)], "R1", nth=1)
    with pytest.raises(ContractError, match=r"request_title another type.*new name"):
        publish(spark, retyped, build(spark, plan(CONTRACTS[ORDER]), "retyped"))
