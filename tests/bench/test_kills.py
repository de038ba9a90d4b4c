# ruff: noqa: T201  (a benchmark prints its figures)
"""Runners killed at random moments, run again, and killed again, until one gets through: the same lake as unharmed.

`make bench`, or `pytest -s tests/bench/test_kills.py`; CITYBRAIN_BENCH_KILLS=20 for fewer. The moments are drawn from a
fixed seed, over the time that an unharmed run takes. (At every boundary between two steps: tests/jobs/test_ways.py.)
"""

from __future__ import annotations

import os
import random
import subprocess
import time

import pytest

from citybrain.contracts.load import ROOT
from tests.jobs.ways import PLAY, connect, copied, corrected, halfway, play

__all__ = ["connect", "corrected", "halfway"]  # fixtures
KILLS = int(os.environ.get("CITYBRAIN_BENCH_KILLS", "200"))


@pytest.mark.slow
def test_killed_at_random_moments_the_lake_is_the_same(connect, halfway, corrected):
    began = time.monotonic()
    assert play(copied(halfway, "timed"), connect, (1, 2))["tables"] == corrected["tables"]
    usual, chance = time.monotonic() - began, random.Random(1)
    kills = lakes = 0
    while kills < KILLS:
        home, lakes = copied(halfway, f"random {lakes}"), lakes + 1
        env = {**os.environ, "CITYBRAIN_HOME": str(home), "CITYBRAIN_SPARK": connect, "PYTHONPATH": str(ROOT)}
        for _ in range(5):
            runner = subprocess.Popen([*PLAY, "1", "2"], env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
            try:
                assert runner.wait(chance.uniform(0.1, 1.0) * usual) == 0
                break
            except subprocess.TimeoutExpired:
                runner.kill()
                runner.wait()
                kills += 1
        assert play(home, connect, (1, 2))["tables"] == corrected["tables"], f"lake {lakes}, after {kills} kills"
    print(f"\n{kills} kills at random moments of {usual:.0f} s, on {lakes} lakes: each ended as if unharmed")
