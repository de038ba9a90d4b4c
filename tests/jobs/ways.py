"""A short history (tests.jobs.play) played by processes of their own, over a warm Spark Connect server or otherwise."""

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
def halfway(connect, tmp_path_factory) -> Path:
    """A home whose lake has its history and not yet a day's correction."""
    home = tmp_path_factory.mktemp("half") / "home"
    play(home, connect, (0, 1))
    return home


@pytest.fixture(scope="module")
def corrected(connect, halfway) -> Any:
    """What is to come of it."""
    return play(copied(halfway, "corrected"), connect, (1, 2))


def copied(home: Path, name: str) -> Path:
    return Path(shutil.copytree(home, home.with_name(name)))
