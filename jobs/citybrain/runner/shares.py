"""How many rows of a table are of a kind, for the rules that limit that, without reading all of them each day.

A build stages with each changed row what its old image counted for (``WAS``). What a publish leaves is what the commit
before it says (``State.shares``), and the difference. Only where no such commit is to be trusted, the table is counted.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from citybrain.contracts import Contract
from citybrain.runner import state
from citybrain.runner.plan import Plan
from citybrain.runner.reading import read_target

WAS = "_was"


def marks(contract: Contract) -> list[Column]:
    """Of a row, 1 or 0 for each share: whether it is of the kind, and whether it is one of those looked at."""
    found = []
    for rule in contract.shares:
        looked_at = F.coalesce(F.expr(rule.of), F.lit(False)) if rule.of else F.lit(True)
        is_so = F.coalesce(F.expr(rule.share or ""), F.lit(False))
        found += [F.when(looked_at & is_so, 1).otherwise(0), F.when(looked_at, 1).otherwise(0)]
    return found


def moved(contract: Contract) -> list[Column]:
    """Sums over staged rows: by how much each of the ``marks`` is more in the table than before."""
    is_new = F.col("_change") != "delete"
    return [
        F.sum(F.when(is_new, mark).otherwise(0) - F.coalesce(F.get(WAS, F.lit(i)), F.lit(0)))
        for i, mark in enumerate(marks(contract))
    ]


def after(spark: SparkSession, plan: Plan, extent: str, difference: list[int]) -> dict[str, list[int]]:
    """For each share its rows of the kind and those looked at, in the table as it would be."""
    rules, sums = plan.contract.shares, _before(spark, plan, extent)
    totals = [then + more for then, more in zip(sums, difference, strict=True)]
    return {rule.rule: totals[2 * i : 2 * i + 2] for i, rule in enumerate(rules)}


def _before(spark: SparkSession, plan: Plan, extent: str) -> list[int]:
    """The sums of the ``marks`` in the table as it is; a full build takes nothing on trust."""
    contract = plan.contract
    if plan.target.id is None or not contract.shares:
        return [0] * (2 * len(contract.shares))
    last = state.held(contract.table) if extent == "changes" else None
    if last and last.fingerprint == plan.fingerprint and last.shares:
        return [count for rule in contract.shares for count in last.shares[rule.rule]]
    return counted(contract, read_target(spark, contract, plan.target))


def counted(contract: Contract, rows: DataFrame) -> list[int]:
    """The sums of the ``marks`` over all rows."""
    (found,) = rows.agg(*(F.coalesce(F.sum(mark), F.lit(0)) for mark in marks(contract))).collect()
    return list(found)
