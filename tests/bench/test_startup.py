# ruff: noqa: T201  (a benchmark prints its figures)
"""How long commands take to begin: `--help`, those that need no Spark, and a run that finds nothing to do.

`make bench`, or `pytest -s tests/bench/test_startup.py`. The best of five stands; a bare interpreter is the measure
beside it. Aims: --help under 0.5 s, an unchanged table under 3 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.jobs.play import TABLES
from tests.jobs.ways import connect, halfway

__all__ = ["connect", "halfway"]  # fixtures
CITYBRAIN = str(Path(sys.executable).with_name("citybrain"))


def best(command: list[str], **env: str) -> float:
    taken = []
    for _ in range(5):
        began = time.monotonic()
        subprocess.run(command, env={**os.environ, **env}, check=True, capture_output=True)
        taken.append(time.monotonic() - began)
    return min(taken)


@pytest.mark.slow
def test_commands_begin_at_once(connect, halfway, tmp_path):
    bare = best([sys.executable, "-c", "pass"])
    no_java = {"JAVA_HOME": "/nonexistent", "CITYBRAIN_JARS": "/nonexistent"}  # who would start Spark, fails
    home = {"CITYBRAIN_HOME": str(halfway)}
    took = {
        "--help": best([CITYBRAIN, "--help"]),
        "contracts check": best([CITYBRAIN, "contracts", "check"], **no_java),
        "lag": best([CITYBRAIN, "lag"], **no_java, **home),
        "run of unchanged tables": best([CITYBRAIN, "run", *TABLES], **home, CITYBRAIN_SPARK=connect),
        "the same without Spark": best([CITYBRAIN, "run", *TABLES], **no_java, **home),
    }
    print(f"\n{'a bare interpreter':<26} {bare:.2f} s")
    for what, seconds in took.items():
        print(f"{what:<26} {seconds:.2f} s  {seconds / bare:5.1f} ×")
    assert took["--help"] < 0.5
    assert took["run of unchanged tables"] < 3
