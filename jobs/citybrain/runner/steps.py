"""The three steps of a table one by one, for a person who wants to look at a stage before it is published."""

from __future__ import annotations

from typing import Any

from citybrain import contracts, ops
from citybrain.contracts import Contract, ContractError
from citybrain.runner import state
from citybrain.runner.build import Stage, settled
from citybrain.runner.build import build as build_stage
from citybrain.runner.check import check as check_stage
from citybrain.runner.plan import plan
from citybrain.runner.publish import publish as publish_stage
from citybrain.runner.run import new_run, session


def build(table: str) -> dict[str, Any]:
    contract = _contract(table)
    with state.lock(table):
        intended = plan(contract)
        if intended.extent == "nothing":
            return {"table": table, "staged": None, "reason": intended.reason}
        stage = build_stage(session(), intended, new_run())
        if settled(intended, stage):
            return {"table": table, "staged": None, "reason": "no difference"}
        return {"table": table, "staged": stage.state.run, "rows": stage.counts, "reason": stage.reason}


def check(table: str) -> dict[str, Any]:
    with state.lock(table):
        stage = _stage(table)
        findings = check_stage(session(), _contract(table), stage)
        ops.append_findings(findings)
        broken = [
            {"rule": f.rule, "message": f.message, "count": f.unexpected_count} for f in findings if not f.success
        ]
        return {
            "table": table,
            "checked": stage.state.run,
            "broken": broken,
            "blocking": sum(f.blocks for f in findings),
        }


def publish(table: str) -> dict[str, Any]:
    """Publishes the stage, after judging it once more: an unjudged stage never gets out."""
    with state.lock(table):
        stage, contract = _stage(table), _contract(table)
        if blocking := [f.rule for f in check_stage(session(), contract, stage) if f.blocks]:
            raise ContractError(f"{table}: not published, blocked by {', '.join(blocking)}")
        return {"table": table, "published": stage.state.run, "version": publish_stage(session(), contract, stage)}


def _contract(table: str) -> Contract:
    declared = contracts.load()
    if table not in declared or not declared[table].build:
        raise ContractError(f"no such built table: {table}")
    return declared[table]


def _stage(table: str) -> Stage:
    stage = Stage.load(table)
    if stage is None:
        raise ContractError(f"{table}: nothing is staged; run `citybrain build {table}` first")
    return stage
