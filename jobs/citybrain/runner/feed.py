"""What each publish changed, kept beside the table for the tables that follow it.

A stage is the difference that its publish commits, with the old rows beside the new ones. Delta's change feed tells the
same, but where rows are marked as deleted each reader reads whole files for it (infra/decisions/0017). So a stage that
was published stays, until upkeep lets it go; of what is not kept here, Delta tells.
"""

from __future__ import annotations

import time
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession

from citybrain import contracts, engine, lake
from citybrain.contracts import Contract
from citybrain.runner import state
from citybrain.runner.state import UPKEEP, UPKEEP_AT_MOST, Pin

if TYPE_CHECKING:
    from citybrain.runner.build import Stage


def keep(stage: Stage, version: int) -> None:
    """Keeps what was published as ``version``, where a table follows this one and nobody committed in between."""
    followed = any(stage.table in c.inputs and c.build in ("merge", "cube") for c in contracts.load().values())
    if followed and version == stage.target.version + 1 and "://" not in lake.lake_uri():
        stage.forget()
        kept = _home(stage.table) / stage.state.run
        kept.parent.mkdir(parents=True, exist_ok=True)
        Path(stage.uri).rename(kept)


def images(spark: SparkSession, contract: Contract, before: Pin, now: Pin) -> DataFrame:
    """Old and new images of the rows that changed after ``before`` up to ``now``, as ``engine.changes`` gives them."""
    folders = _between(contract.table, before, now)
    if folders is None:
        return engine.changes(spark, lake.table_uri(contract.table), before.version, now.version)
    return engine.differences(spark, lake.table_uri(contract.table), now.version, folders)


def _between(table: str, before: Pin, now: Pin) -> list[Path] | None:
    """The differences that lie between two versions, or None where one of them was not kept."""
    steps = now.version - before.version
    if steps > UPKEEP_AT_MOST or not _home(table).is_dir():
        return None
    commits = state.commits(table, now.version, steps)
    runs = [state.run_of(commit) for commit in commits if commit.get("operation") not in UPKEEP]
    kept = [_home(table) / run for run in runs if run]
    complete = len(commits) == steps and len(kept) == len(runs) and all(folder.is_dir() for folder in kept)
    return kept if complete else None


def sweep(table: str, hours: float) -> None:
    """Lets go of what was published longer ago than ``hours``. The caller holds the table's lock."""
    for folder in _home(table).glob("*"):
        if folder.stat().st_ctime < time.time() - hours * 3600:
            rmtree(folder)


def _home(table: str) -> Path:
    return Path(lake.lake_uri()) / "_feed" / table
