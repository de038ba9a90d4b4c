"""The real Airflow, with a stand-in for `citybrain` (stand_in.py) or, with CITYBRAIN_TEST_BIN, with the real one.

What must hold: news reach every table that depends on them and no other, however many come at once and though some of
them are never told.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from tests.waiting import wait_until

from citybrain import contracts
from citybrain.render import airflow as plan

pytestmark = [pytest.mark.slow, pytest.mark.stack]

ROOT = Path(__file__).parents[2]
REAL = os.environ.get("CITYBRAIN_TEST_BIN")
PATIENCE = 1800 if REAL else 300  # seconds until everything has been taken in; a busy machine is no failure
CONTRACTS = contracts.load()
DAGS = {
    process.dag_id
    for process in (
        *plan.sources(CONTRACTS),
        plan.conform(CONTRACTS),
        *plan.themes(CONTRACTS),
        plan.serve(CONTRACTS),
        plan.catch_up(CONTRACTS),
    )
}
# The supervisor names the binary itself; here another one is named.
STACK = """
import os, sys
sys.path.insert(0, "infra")
import settings, stack
usual = settings.product_env
settings.product_env = lambda chosen: {**usual(chosen), "CITYBRAIN_BIN": os.environ["CITYBRAIN_BIN"]}
sys.exit(stack.main(sys.argv[1:]))
"""


class City:
    """A stack of its own: its environment, its command line, its Airflow."""

    def __init__(self, home: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.home = home
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("CITYBRAIN_", "AIRFLOW"))},
            "CITYBRAIN_HOME": str(home),
            "CITYBRAIN_BIN": REAL or str(stand_in(home)),
            "CITYBRAIN_AIRFLOW_PORT": str(port),
            "CITYBRAIN_AIRFLOW_URL": self.url,
            "CITYBRAIN_SPARK": "local[2]",
            "CITYBRAIN_CATCH_UP_SECONDS": "15",
            "CITYBRAIN_START_TIMEOUT": "900",  # a busy machine is no failure
        }

    def stack(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "-c", STACK, *arguments], cwd=ROOT, env=self.env, check=True)

    def citybrain(self, *arguments: str, hint: bool = True) -> str:
        env = {**self.env, **({} if hint else {"CITYBRAIN_AIRFLOW_URL": ""})}
        done = subprocess.run([self.env["CITYBRAIN_BIN"], *arguments], env=env, stdout=subprocess.PIPE, text=True)
        assert done.returncode in (0, 1), f"citybrain {arguments} ended with {done.returncode}"
        return done.stdout

    def log_in(self) -> None:
        passwords = json.loads((self.home / "secrets/airflow_passwords.json").read_text("utf-8"))
        self.token = ""
        self.token = self.ask("/auth/token", {"username": "admin", "password": passwords["admin"]})["access_token"]

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
        }
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, headers, method=method), timeout=30) as answer:
            return json.load(answer)

    def runs(self, dag_id: str, since: datetime) -> list[dict[str, Any]]:
        found = self.ask(f"/api/v2/dags/{dag_id}/dagRuns?run_after_gte={stamp(since)}&limit=100&order_by=run_after")
        return found["dag_runs"]

    def published(self, since: datetime) -> set[str]:
        """Tables of which Airflow heard that they hold something new."""
        events = self.ask(f"/api/v2/assets/events?timestamp_gte={stamp(since)}&limit=1000")["asset_events"]
        return {event["name"] for event in events}

    def lagging(self) -> tuple[list[str], bool]:
        answer = json.loads(self.citybrain("lag", "--json"))
        return answer["tables"], answer["serving"]

    def is_idle(self) -> bool:
        active = self.ask("/api/v2/dags/~/dagRuns?state=running&state=queued&limit=100")["dag_runs"]
        return not [run for run in active if run["dag_id"] != plan.CATCH_UP]

    def is_quiet(self) -> bool:
        return self.is_idle() and self.lagging() == ([], False)

    def wait_until_taken_in(self) -> float:
        """Seconds until no table lags and nothing is under way."""
        began = time.monotonic()
        wait_until(self.is_quiet, PATIENCE, 1, lambda: f"lagging: {self.lagging()}")
        return time.monotonic() - began

    def pause(self, dag_id: str, paused: bool) -> None:
        self.ask(f"/api/v2/dags/{dag_id}", {"is_paused": paused}, "PATCH")

    def waits(self, dag_id: str, since: datetime) -> list[float]:
        """Of each run that news started: the seconds from the first of them to the start of its first task."""
        seconds = []
        for run in self.runs(dag_id, since):
            if run["run_type"] == "asset_triggered" and run["start_date"]:
                path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run['dag_run_id'])}"
                events = self.ask(f"{path}/upstreamAssetEvents")["asset_events"]
                starts = [ti["start_date"] for ti in self.ask(f"{path}/taskInstances")["task_instances"]]
                if events:
                    told = min(when(event["timestamp"]) for event in events)
                    seconds.append(round((min(when(s) for s in starts if s) - told).total_seconds(), 1))
        return seconds


def stamp(moment: datetime) -> str:
    return quote(moment.isoformat())


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def stand_in(home: Path) -> Path:
    home.mkdir(parents=True)
    script = home / "citybrain"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/e2e/stand_in.py "$@"\n', "utf-8")
    script.chmod(0o755)
    return script


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with ExitStack() as held:
        port = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
    city = City(tmp_path_factory.mktemp("city") / "var", port)
    try:
        city.stack("up", "airflow-api")  # first, or the scheduler's first tasks fail for want of it and wait a minute
        city.stack("up", "airflow")
        city.log_in()
        wait_until(lambda: {d["dag_id"] for d in city.ask("/api/v2/dags?limit=100")["dags"]} >= DAGS, 240, 1)
        if REAL:
            for codes in sorted((ROOT / "schemas/codes").glob("*.csv")):
                city.citybrain("ingest", f"reference__{codes.stem}", str(codes))
        city.wait_until_taken_in()
        yield city
    finally:
        city.stack("down")


CASE = {
    "办件编号": "BJ{n:08d}",
    "事项编码": "440605-001",
    "事项名称": "个体工商户设立登记",
    "申请人类型": "自然人",
    "申请人证件号": "",
    "申请时间": "2026-03-02 09:00:00",
    "受理时间": "2026-03-02 09:30:00",
    "办结时间": "2026-03-03 10:00:00",
    "承诺时限": "3",
    "法定时限": "15",
    "时限单位": "工作日",
    "受理镇街": "440605011",
    "办理渠道": "窗口",
    "特别程序起": "",
    "特别程序止": "",
    "特别程序原因": "",
    "办理结果": "准予",
    "跨城通办标志": "否",
    "收件地区划": "440605",
    "业务属地区划": "440605",
    "申请人所属区划": "440605",
    "更新时间": "2026-03-03 10:00:00",
}
EVENT = {
    "事件编号": "E{n}",
    "工单编号": "NH20260302{n:06d}",
    "序号": "1",
    "环节": "受理",
    "操作单位": "",
    "操作人": "",
    "到达时间": "2026-03-02 09:00:00",
    "完成时间": "2026-03-02 09:30:00",
    "新截止时间": "",
    "意见": "",
}


def delivered(folder: Path, table: str, n: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{table}_{n:04d}.csv"
    row = {"services__case": CASE, "centre__work_order_event": EVENT}[table]
    text = f"{','.join(row)}\n{','.join(row.values())}\n".format(n=n)
    file.with_suffix(".part").write_text(text, "utf-8-sig")
    return file.with_suffix(".part").rename(file)


def test_a_case_wakes_services_and_nothing_of_governance(city: City, tmp_path: Path) -> None:
    """By events alone: catch_up is off."""
    city.pause(plan.CATCH_UP, True)
    since = datetime.now(UTC)
    try:
        city.citybrain("ingest", "services__case", str(delivered(tmp_path, "services__case", 1)))
        seconds = city.wait_until_taken_in()
    finally:
        city.pause(plan.CATCH_UP, False)
    told = city.published(since)
    assert {table for table in told if "service" in table} >= {"bronze.services__case", "silver.service_case"}
    assert not {table for table in told if "governance" in table or "work_order" in table}
    assert city.runs("theme__governance", since) == []
    assert len(city.runs("serve", since)) >= 1
    shown = {dag: [round(s, 1) for s in city.waits(dag, since)] for dag in sorted(DAGS)}
    sys.stdout.write(
        f"\ndelivery to serving {seconds:.0f} s; news to start: { {d: s for d, s in shown.items() if s} }\n"
    )


def test_a_burst_of_fifty_loses_none(city: City, tmp_path: Path) -> None:
    """Twenty by hand, each with its hint, and thirty in the inbox; while the first are taken in, the others come."""
    since = datetime.now(UTC)
    by_hand = [(("services__case", "centre__work_order_event")[n % 2], n) for n in range(100, 120)]
    for n in range(200, 230):
        delivered(city.home / "inbox/services__case", "services__case", n)
    city.ask("/api/v2/dags/ingest__services/dagRuns", {"logical_date": None})
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda t: city.citybrain("ingest", t[0], str(delivered(tmp_path, *t))), by_hand))
    seconds = city.wait_until_taken_in()
    assert not list((city.home / "inbox/services__case").glob("*.csv"))
    runs = {dag: len(city.runs(dag, since)) for dag in sorted(DAGS)}
    assert runs["theme__services"] >= 1
    assert runs["theme__governance"] >= 1
    assert runs["conform"] <= 20, "news that come together are taken in together"
    sys.stdout.write(f"\ntaken in {seconds:.0f} s after the last file; runs: {runs}\n")


def test_what_nobody_was_told_of_is_caught_up(city: City, tmp_path: Path) -> None:
    since = datetime.now(UTC)
    file = delivered(tmp_path, "services__case", 300)
    city.citybrain("ingest", "services__case", str(file), hint=False)
    assert city.lagging()[0], "the delivery was taken in before anybody could know"
    seconds = city.wait_until_taken_in()
    (caught,) = city.runs("conform", since)
    assert caught["dag_run_id"].startswith("catch_up__")
    assert city.runs("theme__governance", since) == []
    sys.stdout.write(f"\ncaught up {seconds:.0f} s after an untold delivery\n")
