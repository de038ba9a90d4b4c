# ruff: noqa: T201  (a benchmark prints its figures)
"""A day's refresh of silver orders and the governance cubes: what it costs beside six times the history.

`make bench`, or `pytest -s tests/bench/test_refresh.py`; CITYBRAIN_BENCH_ORDERS=50000,300000 for smaller ones.
Each size runs in a process and a Spark session of its own, warmed by one day that is not counted. A day is 3,000 orders
with five steps each: two thirds new, the others changed, a twentieth of the day older than a year. Histories grew by as
many orders a day, so the larger lasted longer; with CITYBRAIN_BENCH_DAYS=2190,2190 both lasted six years, and the
larger has six times as many a day. The aim is at most 1.3 times the time and the bytes; the ratios are printed as they
are, full recomputations beside them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from citybrain.contracts.load import ROOT

SIZES, DAYS = (
    [int(text) for text in os.environ.get(f"CITYBRAIN_BENCH_{name}", usual).split(",")]
    for name, usual in (("ORDERS", "1000000,6000000"), ("DAYS", "500,3000"))
)


def played(orders: int, days: int, home: Path) -> dict[str, Any]:
    env = {**os.environ, "CITYBRAIN_HOME": str(home), "CITYBRAIN_SPARK": "local[2]", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.bench.refresh", str(orders), str(days)]
    done = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.slow
def test_a_day_costs_what_changed_that_day(tmp_path):
    found = {orders: played(orders, days, tmp_path / str(orders)) for orders, days in zip(SIZES, DAYS, strict=True)}
    print()
    for days, (orders, answer) in zip(DAYS, found.items(), strict=True):
        print(f"{orders:>10,} orders in {days:,} days")
        for what in ("built", "warming", "refresh", "full"):
            read = answer[what]["bytes"] / 1e6
            took = f"{answer[what]['seconds']:7.1f} s  {answer[what]['cpu']:7.1f} s of CPU"
            print(f"    {what:<8} {took}  {read:8.1f} MB read")
        for table, (seconds, read) in answer["refresh"]["tables"].items():
            full = answer["full"]["tables"][table][0]
            print(f"        {table:<44} {seconds:6.1f} s of {full:7.1f} s in full  {read / 1e6:8.1f} MB")
        print(f"    the flow cube from scratch by DuckDB {answer['duckdb']['seconds']:.2f} s")
    small, large = (found[orders]["refresh"] for orders in SIZES)
    times = ", ".join(f"{large[what] / small[what]:.2f} × the {what}" for what in ("seconds", "cpu", "bytes"))
    print(f"refresh, {SIZES[1]:,} against {SIZES[0]:,}: {times} (aim 1.3)")
    for answer in found.values():
        assert answer["refresh"]["seconds"] < answer["full"]["seconds"]
