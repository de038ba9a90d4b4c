"""Judges a stage with Great Expectations: the staged rows, and where a rule needs it the table as it would be.

A small stage is judged in pandas, a large one by Spark; the suite is the same. Importing GX costs seconds of CPU, so it
is imported only here and only when there is something to judge, while Spark is still building it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from citybrain import engine, suites
from citybrain.contracts import Contract
from citybrain.runner.build import Stage
from citybrain.runner.reading import read_target
from citybrain.suites import Expectation

IN_PANDAS = 200_000  # rows; beyond it Spark judges


@dataclass(frozen=True)
class Finding:
    """The result of one expectation."""

    table: str
    run: str
    rule: str
    severity: str
    fix: str
    message: str
    success: bool
    unexpected_count: int
    checked_count: int
    sample: str
    checked_at: datetime

    @property
    def blocks(self) -> bool:
        return not self.success and self.severity == "block"


def make_ready() -> None:
    """Begins to import GX beside what the caller goes on to do; ``check`` waits for it."""
    if "great_expectations" not in sys.modules:
        threading.Thread(target=importlib.import_module, args=("great_expectations",), daemon=True).start()


def check(spark: SparkSession, contract: Contract, stage: Stage) -> list[Finding]:
    """Every expectation of the contract with its result; a rule that cannot be evaluated counts as broken."""
    staged = spark.read.parquet(stage.uri).filter("_change <> 'delete'").drop("_change")
    count = stage.counts["insert"] + stage.counts["update"]
    findings: list[Finding] = []
    if count:
        findings += _judge(contract, stage, suites.of_stage(contract), staged, count <= IN_PANDAS)
    if table_rules := suites.of_table(contract):
        findings += _judge(contract, stage, table_rules, _as_it_would_be(spark, contract, stage), small=False)
    return findings


def _as_it_would_be(spark: SparkSession, contract: Contract, stage: Stage) -> DataFrame:
    change = spark.read.parquet(stage.uri)
    target = read_target(spark, contract, stage.target)
    kept = target.join(change, on=engine.same(target, change, contract.key), how="left_anti")
    return kept.unionByName(change.filter("_change <> 'delete'").select(*contract.names))


def _judge(contract: Contract, stage: Stage, expected: list[Expectation], df: DataFrame, small: bool) -> list[Finding]:
    results = _validate(expected, df.toPandas() if small else df, contract.table, small)
    now = datetime.now(UTC)
    return [_finding(contract, stage, e, r, now) for e, r in zip(expected, results, strict=True)]


def _validate(expected: list[Expectation], data: Any, name: str, small: bool) -> list[Any]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    sources = context.data_sources
    source = sources.add_pandas("data") if small else sources.add_spark("data", persist=False)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=[e.to_gx() for e in expected]))
    validation = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    outcome = context.validation_definitions.add(validation).run(
        batch_parameters={"dataframe": data}, result_format={"result_format": "BASIC", "partial_unexpected_count": 5}
    )
    by_rule = {r.expectation_config.meta["rule"]: r for r in outcome.results if r.expectation_config}
    return [by_rule[e.rule] for e in expected]


def _finding(contract: Contract, stage: Stage, e: Expectation, result: Any, now: datetime) -> Finding:
    facts = result.result or {}
    sample = facts.get("partial_unexpected_list") or facts.get("details", {}).get("unexpected_rows") or []
    message = e.message
    if errors := _exceptions(result.exception_info):
        message = f"{e.message}（规则无法执行：{errors}）"
    observed = facts.get("observed_value")
    unexpected = facts.get("unexpected_count", observed if isinstance(observed, int) else 0)
    return Finding(
        table=contract.table,
        run=stage.state.run,
        rule=e.rule,
        severity=e.severity,
        fix=e.fix,
        message=message,
        success=bool(result.success),
        unexpected_count=int(unexpected or 0),
        checked_count=int(facts.get("element_count") or 0),
        sample=json.dumps(sample, ensure_ascii=False, default=str)[:1000],
        checked_at=now,
    )


def _exceptions(info: Any) -> str:
    """Why a rule could not be evaluated: GX keeps that apart from the verdict."""
    entries = info.values() if isinstance(info, dict) and "raised_exception" not in info else [info]
    return "; ".join(
        str(e.get("exception_message")) for e in entries if isinstance(e, dict) and e.get("raised_exception")
    )
