"""Jobs run wherever Spark runs, and whatever is killed: a Spark Connect server, spark-submit, a plain session."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from citybrain.contracts.load import ROOT
from tests.jobs.play import DUE, FLOW

pytestmark = [pytest.mark.slow, pytest.mark.stack]
EVERY = int(os.environ.get("CITYBRAIN_KILL_EVERY") or 8)  # 1 kills at each boundary, which takes twenty minutes
PLAY = [sys.executable, "-m", "tests.jobs.play"]


def play(home: Path, spark: str, steps: tuple[int, int] = (0, 3), command: list[str] = PLAY, kill_at: int = 0) -> Any:
    """What the child printed; where it was to be killed, nothing."""
    env = {**os.environ, "CITYBRAIN_HOME": str(home), "CITYBRAIN_SPARK": spark, "CITYBRAIN_KILL_AT": str(kill_at),
           "PYTHONPATH": str(ROOT)}  # fmt: skip
    done = subprocess.run([*command, *map(str, steps)], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if kill_at:
        assert done.returncode == -signal.SIGKILL, f"not killed at boundary {kill_at}: {done.returncode}"
        return None
    assert done.returncode == 0
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def connect(tmp_path_factory) -> Iterator[str]:
    """The address of a warm Spark Connect server, started as the stack starts it."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    home = tmp_path_factory.mktemp("server")
    env = {**os.environ, "CITYBRAIN_HOME": str(home), "CITYBRAIN_SPARK_PORT": str(port)}
    env.pop("CITYBRAIN_SPARK", None)
    stack = [sys.executable, str(ROOT / "infra/stack.py")]
    try:
        subprocess.run([*stack, "up", "spark"], env=env, check=True)
        yield f"sc://127.0.0.1:{port}"
    finally:
        subprocess.run([*stack, "down"], env=env, check=True)


@pytest.fixture(scope="module")
def over_connect(connect, tmp_path_factory) -> Any:
    return play(tmp_path_factory.mktemp("connect"), connect)


def test_increments_over_connect_give_what_the_history_says(over_connect):
    """What was corrected moved, what was taken back is gone: in the cubes, old and new images did not cancel."""
    assert [row[0] for row in over_connect["tables"]["silver.work_order"]] == [
        f"NH{20260301000000 + n}" for n in (1, 2, 7)
    ]
    assert len(over_connect["tables"][FLOW]) >= 2
    assert {row[2] for row in over_connect["tables"][DUE]} >= {"2026-03-09"}


@pytest.mark.parametrize("way", ["local", "spark-submit"])
def test_the_same_lake_by_every_way_to_spark(way, over_connect, tmp_path):
    submit = [str(ROOT / "infra/bin/spark-submit"), str(ROOT / "tests/jobs/submitted.py")]
    other = play(tmp_path, "local[2]", command=submit if way == "spark-submit" else PLAY)
    assert other["tables"] == over_connect["tables"]


def test_killed_at_any_boundary_and_run_again_the_lake_is_the_same(connect, tmp_path):
    """A day's correction in a lake that has its history: killed at boundaries of it in turn."""
    play(tmp_path / "before", connect, (0, 1))
    shutil.copytree(tmp_path / "before", tmp_path / "whole")
    whole = play(tmp_path / "whole", connect, (1, 2))
    assert whole["boundaries"] >= 30, "three tables, each staged, noted, committed and dropped"
    for nth in range(2, whole["boundaries"] + 1, EVERY):
        home = tmp_path / str(nth)
        shutil.copytree(tmp_path / "before", home)
        play(home, connect, (1, 2), kill_at=nth)
        assert play(home, connect, (1, 2))["tables"] == whole["tables"], f"killed at boundary {nth}"
