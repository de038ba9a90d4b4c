"""Jobs run wherever Spark runs, and whatever is killed: a Spark Connect server, spark-submit, a plain session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from citybrain.contracts.load import ROOT
from citybrain.runner import state
from tests.jobs.play import DUE, FLOW, WATCHED, hand_in, printed
from tests.jobs.ways import PLAY, connect, copied, corrected, halfway, play

__all__ = ["connect", "corrected", "halfway"]  # fixtures

pytestmark = [pytest.mark.slow, pytest.mark.stack]
EVERY = int(os.environ.get("CITYBRAIN_KILL_EVERY") or 16)  # `make bench` kills at each, which takes half an hour
FIRST = 1 + datetime.now(UTC).toordinal() % EVERY  # from day to day others, so that in EVERY days each has been


@pytest.fixture(scope="module")
def taken_back(connect, halfway, corrected) -> Any:
    """What comes of it when the first delivery is taken back afterwards."""
    return play(copied(halfway.with_name("corrected"), "taken back"), connect, (2, 3))


def test_increments_over_connect_give_what_the_history_says(taken_back):
    """What was corrected moved, what was taken back is gone: in the cubes, old and new images did not cancel."""
    assert [row[0] for row in taken_back["tables"]["silver.work_order"]] == [
        f"NH{20260301000000 + n}" for n in (1, 2, 7)
    ]
    assert len(taken_back["tables"][FLOW]) >= 2
    assert {row[2] for row in taken_back["tables"][DUE]} >= {"2026-03-09"}


@pytest.mark.parametrize("way", ["local", "spark-submit"])
def test_the_same_lake_by_every_way_to_spark(way, halfway, taken_back):
    submit = [str(ROOT / "infra/bin/spark-submit"), str(ROOT / "tests/jobs/submitted.py")]
    other = play(copied(halfway, way), "local[2]", (1, 3), submit if way == "spark-submit" else PLAY)
    assert other["tables"] == taken_back["tables"]


def test_killed_at_any_boundary_and_run_again_the_lake_is_the_same(connect, halfway, corrected):
    """A night's upkeep and a day's correction: killed at boundaries of them in turn."""
    boundaries = len(corrected["passed"])
    assert boundaries >= 50, "five tables kept up, staged, noted, committed and dropped"
    assert {"sort", "replace", "merge"} <= set(corrected["passed"]), "a large table is sorted and changed as one"
    for nth in range(FIRST, boundaries + 1, EVERY):
        home = copied(halfway, f"killed at {nth}")
        play(home, connect, (1, 2), kill_at=nth)
        assert play(home, connect, (1, 2))["tables"] == corrected["tables"], f"killed at boundary {nth}"


def test_two_runners_at_once_publish_once(connect, halfway, corrected, monkeypatch):
    """Each waits for the other's lock, table by table, and finds nothing left to do where the other was first."""
    home = copied(halfway, "two")
    monkeypatch.setenv("CITYBRAIN_HOME", str(home))
    hand_in(1)
    versions = {table: state.pin(table).version for table in WATCHED}
    env = {**os.environ, "CITYBRAIN_SPARK": connect}
    command = [Path(sys.executable).with_name("citybrain"), "run", *WATCHED, "--json"]
    runners = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(line) for runner in runners for line in runner.communicate()[0].splitlines()]
    assert [runner.returncode for runner in runners] == [0, 0]
    for table in WATCHED:
        assert sorted(one["status"] for one in said if one["table"] == table) == ["published", "unchanged"]
        assert state.pin(table).version == versions[table] + 1
    assert printed() == corrected["tables"]
