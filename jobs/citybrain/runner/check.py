"""Judges a stage with Great Expectations: the staged rows, and as much of the table as it would be as a rule needs.

A small stage is judged in pandas, a large one by Spark; the suite is the same. Importing GX costs seconds of CPU, so it
is imported only here and only when there is something to judge, while Spark is still building it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from citybrain import engine, suites
from citybrain.contracts import Contract, Rule
from citybrain.runner import state
from citybrain.runner.build import Stage
from citybrain.runner.reading import read_target
from citybrain.runner.transform import sql
from citybrain.suites import Expectation

if TYPE_CHECKING:
    import pandas as pd

IN_PANDAS = 200_000  # rows; beyond it Spark judges
SHOWN, SAMPLE = 5, 2000  # rows or values that a result shows, and characters they may take


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
    batches: list[tuple[list[Expectation], DataFrame | pd.DataFrame]] = []
    if count := stage.counts["insert"] + stage.counts["update"]:
        staged = _staged(spark, contract, stage)
        batches.append((suites.of_stage(contract), staged.toPandas() if count <= IN_PANDAS else staged))
    for within, rules in _by_extent(contract, stage).items():
        rows = _as_it_would_be(spark, contract, stage, within)
        batches += [_broken(rule, rows) for rule in rules]
    found = [finding for expected, rows in batches for finding in _judge(contract, stage, expected, rows)]
    return found + _of_shares(contract, stage)


def _by_extent(contract: Contract, stage: Stage) -> dict[tuple[str, ...], list[Rule]]:
    """The rules by the columns whose equal values hold together what they look at; none: all rows.

    A rule that blocks held in the table as it stands, so it may look at what has changed alone, unless rows are those
    of a stranger or the rule is new.
    """
    last = state.held(contract.table) if stage.extent == "changes" else None
    held = last is not None and last.fingerprint == stage.state.fingerprint
    grouped: dict[tuple[str, ...], list[Rule]] = {}
    for rule in contract.rules:
        if not rule.share:
            own = contract.key if rule.where else rule.within
            grouped.setdefault(own if held else (), []).append(rule)
    return grouped


def _staged(spark: SparkSession, contract: Contract, stage: Stage) -> DataFrame:
    """The rows that the stage inserts or updates."""
    return spark.read.parquet(stage.uri).filter("_change <> 'delete'").select(*contract.names)


def _as_it_would_be(spark: SparkSession, contract: Contract, stage: Stage, within: tuple[str, ...]) -> DataFrame:
    """The table after its publish; with ``within`` only the rows that are equal in these columns to a changed one."""
    staged = _staged(spark, contract, stage)
    if within == contract.key:
        return staged
    change, target = spark.read.parquet(stage.uri), read_target(spark, contract, stage.target)
    if within:
        groups = F.broadcast(change.select(*within).distinct())
        target = target.join(groups, on=engine.same(target, groups, within), how="left_semi")
    kept = target.join(change, on=engine.same(target, change, contract.key), how="left_anti")
    return kept.unionByName(staged)


def _broken(rule: Rule, rows: DataFrame) -> tuple[list[Expectation], DataFrame]:
    """What GX is to expect of which rows: of those that break the rule, that there is none. They are kept, for GX asks
    twice, how many they are and for some of them. What Spark does not understand GX is left to ask, and tells."""
    try:
        found = sql(rule.sql.format(batch="batch"), {"batch": rows}).persist()
    except AnalysisException:
        return [suites.of_rule(rule)], rows
    return [suites.of_rule(rule, "SELECT * FROM {batch}")], found


def _of_shares(contract: Contract, stage: Stage) -> list[Finding]:
    """GX judges one row with the share that each rule is about, empty where no row is looked at; a finding tells the
    rows of the kind and those looked at. A first stage without rows has counted none."""
    import pandas as pd

    if not contract.shares:
        return []
    counted = {rule.rule: stage.state.shares.get(rule.rule, (0, 0)) for rule in contract.shares}
    shares = {rule: part / seen if seen else float("nan") for rule, (part, seen) in counted.items()}
    found = _judge(contract, stage, [suites.of_rule(rule) for rule in contract.shares], pd.DataFrame([shares]))
    return [replace(f, unexpected_count=counted[f.rule][0], checked_count=counted[f.rule][1],
                    sample="" if f.success else _as_json([f"{shares[f.rule]:.2%}"])) for f in found]  # fmt: skip


def _judge(
    contract: Contract, stage: Stage, expected: list[Expectation], rows: DataFrame | pd.DataFrame
) -> list[Finding]:
    results = _validate(expected, rows, contract.table)
    if isinstance(rows, DataFrame):
        rows.unpersist()
    now = datetime.now(UTC)
    return [_finding(contract, stage, e, r, now) for e, r in zip(expected, results, strict=True)]


def _validate(expected: list[Expectation], rows: DataFrame | pd.DataFrame, name: str) -> list[Any]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    sources = context.data_sources
    in_spark = isinstance(rows, DataFrame)
    source = sources.add_spark("data", persist=False) if in_spark else sources.add_pandas("data")
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=[e.to_gx() for e in expected]))
    validation = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    told = "COMPLETE" if all(e.type == suites.ROWS for e in expected) else "BASIC"  # for less it shows none of the rows
    outcome = context.validation_definitions.add(validation).run(
        batch_parameters={"dataframe": rows}, result_format={"result_format": told, "partial_unexpected_count": SHOWN}
    )
    by_rule = {r.expectation_config.meta["rule"]: r for r in outcome.results if r.expectation_config}
    return [by_rule[e.rule] for e in expected]


def _finding(contract: Contract, stage: Stage, e: Expectation, result: Any, now: datetime) -> Finding:
    facts = result.result or {}
    rows = facts.get("details", {}).get("unexpected_rows", [])[:SHOWN]
    sample = facts.get("partial_unexpected_list") or [_shown(contract, row) for row in rows]
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
        sample=_as_json(sample),
        checked_at=now,
    )


def _shown(contract: Contract, row: dict[str, Any]) -> dict[str, Any]:
    """Of a row that a rule returns as it stands in the table, what it is known by; what a rule has computed, whole."""
    if not set(contract.names) <= set(row):
        return row
    return {name: value for name, value in row.items() if name in contract.key or name not in contract.names}


def _as_json(sample: list[Any]) -> str:
    """As many of the values or rows as fit."""
    text = json.dumps(sample, ensure_ascii=False, default=str)
    return text if len(text) <= SAMPLE else _as_json(sample[:-1])


def _exceptions(info: Any) -> str:
    """Why a rule could not be evaluated: GX keeps that apart from the verdict."""
    entries = info.values() if isinstance(info, dict) and "raised_exception" not in info else [info]
    return "; ".join(
        str(e.get("exception_message")) for e in entries if isinstance(e, dict) and e.get("raised_exception")
    )
