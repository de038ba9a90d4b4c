"""Runs tables: inputs first, each under its lock, and a failed one stops only what lies below it."""

from __future__ import annotations

import json
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

from citybrain import contracts, ops
from citybrain.contracts import Contract
from citybrain.runner import state
from citybrain.runner.plan import plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Status = Literal["published", "unchanged", "blocked", "failed", "skipped"]


@dataclass(frozen=True)
class Result:
    """What became of one table in one run."""

    table: str
    status: Status
    run: str
    version: int
    rows: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0
    extent: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @property
    def ok(self) -> bool:
        return self.status in ("published", "unchanged")


def new_run() -> str:
    """A name for a run: when it began (UTC), and a part that no other run has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


@cache
def session() -> SparkSession:
    """The process's session, started when the first table needs one."""
    from citybrain import engine

    return engine.session()


def run(tables: Iterable[str], full: bool = False, tell: Callable[[Result], None] = lambda _: None) -> list[Result]:
    """Builds, checks and publishes ``tables`` in the order of their inputs.

    A table whose input was blocked or failed in this run is skipped and stays as it was. ``full`` computes everything
    anew and still publishes only differences. ``tell`` hears of each result as it comes.
    """
    declared = contracts.load()
    wanted = set(tables)
    if unknown := sorted(wanted - set(declared)):
        raise contracts.ContractError(f"no such table: {', '.join(unknown)}")
    chosen = [c for c in contracts.in_order(declared) if c.table in wanted and c.build]
    name = new_run()
    results: list[Result] = []
    for result in _each(chosen, name, full):
        results.append(result)
        tell(result)
    ops.append_runs(results)
    return results


def _each(chosen: list[Contract], name: str, full: bool) -> Iterator[Result]:
    broken: set[str] = set()
    for contract in chosen:
        if stopped := sorted(broken & set(contract.inputs)):
            broken.add(contract.table)
            yield Result(contract.table, "skipped", name, -1, reason=f"not up to date: {', '.join(stopped)}")
            continue
        result = run_table(contract, name, full)
        if (
            not result.ok and result.extent != "nothing"
        ):  # what was blocked before stops nobody now: it stands as it was
            broken.add(contract.table)
        yield result


def run_table(contract: Contract, name: str, full: bool = False) -> Result:
    """One table through build, check and publish, under its lock."""
    began = time.monotonic()
    try:
        with state.lock(contract.table):
            result = _steps(contract, name, full)
    except Exception as error:
        traceback.print_exc()
        result = Result(contract.table, "failed", name, -1, reason=_short(error))
    return Result(**{**asdict(result), "seconds": round(time.monotonic() - began, 2)})


def _steps(contract: Contract, name: str, full: bool) -> Result:
    intended = plan(contract, full)
    if intended.blocked:
        version = intended.target.version
        return Result(contract.table, "blocked", name, version, reason=intended.blocked, extent=intended.extent)
    if intended.extent == "nothing":
        return Result(contract.table, "unchanged", name, intended.target.version, reason=intended.reason)
    from citybrain.runner.build import build, settled
    from citybrain.runner.check import check, make_ready
    from citybrain.runner.publish import publish

    make_ready()
    spark = session()
    stage = build(spark, intended, name)
    facts = {"rows": stage.counts, "extent": stage.extent}
    if settled(intended, stage):
        return Result(
            contract.table, "unchanged", name, intended.target.version, reason="no difference", extent=stage.extent
        )
    findings = check(spark, contract, stage)
    ops.append_findings(findings)
    if blocking := [f for f in findings if f.blocks]:
        stage.drop()
        reason = "; ".join(f"{f.rule}: {f.message} ({f.unexpected_count})" for f in blocking)
        state.note_blocked(contract.table, intended.target, intended.inputs, intended.fingerprint, reason)
        return Result(contract.table, "blocked", name, intended.target.version, reason=reason, **facts)  # type: ignore[arg-type]
    version = publish(spark, contract, stage)
    return Result(contract.table, "published", name, version, reason=stage.reason, **facts)  # type: ignore[arg-type]


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' … '.join(lines[:1] + lines[-1:])}"[:500]
