# ruff: noqa: T201  (a benchmark prints its figures)
"""Ingest of a large csv against DuckDB's plain copy of the same file, and of a small one against the clock.

`make bench`, or `pytest -s tests/bench/test_ingest.py`; CITYBRAIN_BENCH_ROWS=300000 for a smaller file. Each way runs
in a process of its own, three times in turn, of which the quickest counts; start of the interpreter and imports of the
package are not counted. CPU seconds are the steadier figure on a machine that does other things too. The aim is 1.5
times the copy, under 1.5 GB; the ratios are printed as they are, and what each step costs when none goes on beside it
(decision 0021).
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from citybrain.ingest import csv_source, flow, ingest, judge, landing, plain
from citybrain.ingest.first_look import FirstLook
from citybrain.ingest.judge import Judge
from tests.bench import orders_csv
from tests.measured import measured

ROWS = int(os.environ.get("CITYBRAIN_BENCH_ROWS", "3000000"))
COPY = (
    "import duckdb; db = duckdb.connect()",  # rows stay in their order, as ours do
    "answer = db.execute(\"COPY (FROM read_csv('{file}', all_varchar = true)) TO '{file}.parquet' "
    '(FORMAT parquet, COMPRESSION zstd)").fetchall()[0][0]',
)
INGEST = (
    "from citybrain.ingest import ingest",
    "answer = ingest('centre__work_order', Path('{file}')).counts",
)


STEPS = {
    "copy": (landing, "copied"),
    "hash": (landing, "digest_of"),
    "marks of secrecy, encoding": (landing, "secrecy"),
    "lines into cells": (csv_source._Parser, "feed"),
    "a glance": (FirstLook, "at"),
    "hashes, plain or not": (Judge, "_look_at"),
    "what rows are, repeats": (Judge, "_set_aside"),
    "text into values": (plain, "typed"),
    "parts of bronze": (plain, "write"),
    "rows that are read carefully": (Judge, "_read_waiting"),
}


class AtOnce:
    """A pool that does what it is given while one waits."""

    def __init__(self, _threads: int) -> None: ...

    def submit(self, work: Callable, *given: object) -> Future:
        done = Future()
        done.set_result(work(*given))
        return done

    def shutdown(self) -> None: ...

    def __enter__(self) -> AtOnce:
        return self

    def __exit__(self, *_: object) -> None: ...


def _head(file: Path, rows: int) -> Path:
    head = file.with_name("少量.csv")
    with file.open(encoding="utf-8") as lines:
        head.write_text("".join(itertools.islice(lines, rows + 1)), encoding="utf-8")
    return head


@pytest.mark.slow
def test_a_large_file(tmp_path):
    file = tmp_path / "工单.csv"
    dirt = orders_csv.write(file, ROWS)
    measured(INGEST, _head(file, 100), tmp_path / "first")  # compiles modules, as their first use ever does
    runs = {"copy": [], "ingest": []}
    for n in range(3):
        for name, way in (("copy", COPY), ("ingest", INGEST)):
            runs[name].append(measured(way, file, tmp_path / f"home-{n}"))
    print(f"\n{ROWS:,} rows, {file.stat().st_size / 1e6:,.0f} MB, {sum(dirt.values()):,} of them dirty")
    for name in runs:
        for run in runs[name]:
            print(f"  {name:7} {run['seconds']:6.1f} s  {run['cpu']:6.1f} CPU s  {run['peak']:5} MB at most")
    for unit in ("seconds", "cpu"):
        least = {name: min(run[unit] for run in runs[name]) for name in runs}
        print(f"  ratio in {unit}: {least['ingest'] / least['copy']:.2f} (aim 1.5)")
    quarantined = dirt[0] + dirt[1]  # no number, no such day
    for run in runs["ingest"]:
        assert run["answer"] == {
            "delivered": ROWS,
            "accepted": ROWS - quarantined - dirt[9],
            "quarantined": quarantined,
            "set_aside": dirt[9],
        }
        assert run["peak"] < 1536


@pytest.mark.slow
def test_what_its_steps_cost(tmp_path, monkeypatch):
    file = tmp_path / "工单.csv"
    orders_csv.write(file, ROWS)
    copy = measured(COPY, file, tmp_path / "none")
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(flow, "ahead", lambda segments: segments)
    for owner in (judge, landing):
        monkeypatch.setattr(owner, "ThreadPoolExecutor", AtOnce)
    cost = Counter()
    for step, (owner, name) in STEPS.items():
        monkeypatch.setattr(owner, name, _counting(cost, step, getattr(owner, name)))
    _counting(cost, "all", ingest)("centre__work_order", file)
    print(f"\n{ROWS:,} rows, in CPU seconds of a copy ({copy['cpu']:.1f})")
    for step in (*STEPS, "all"):
        print(f"  {step:36} {cost[step] / copy['cpu']:5.2f}")
    assert set(cost) == {*STEPS, "all"}
    assert cost["all"] > sum(cost[step] for step in STEPS)


def _counting(cost: Counter, step: str, work: Callable) -> Callable:
    def counted(*given, **named):
        before = time.process_time()
        try:
            return work(*given, **named)
        finally:
            cost[step] += time.process_time() - before

    return counted


def test_a_small_file(tmp_path):
    file = tmp_path / "工单.csv"
    orders_csv.write(file, 100)
    measured(INGEST, file, tmp_path / "first")  # compiles modules, as their first use ever does
    taken = measured(INGEST, file, tmp_path / "home")
    print(f"\n100 rows: {taken['seconds']:.2f} s, {taken['cpu']:.2f} CPU s")
    assert taken["cpu"] < 2
