"""The real services, started and ended: a minute or two of a machine's time, and the only proof."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import processes
import stack
from tests.postgres import server

pytestmark = [pytest.mark.slow, pytest.mark.stack]

HELLO = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("hello", schedule=None):
    BashOperator(task_id="say", bash_command="test -n $CITYBRAIN_SPARK && test -x $CITYBRAIN_BIN")
"""

# In a process of its own: a Spark Connect session is global to a process.
DELTA = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
table = f"delta.`{sys.argv[2]}`"
spark.sql(f"create table {table} (id int, town string) using delta tblproperties (delta.enableChangeDataFeed = true)")
spark.sql(f"insert into {table} values (1, '桂城'), (2, '狮山')")
spark.sql(f"update {table} set town = '里水' where id = 2")
rows = [tuple(row) for row in spark.sql(f"select * from {table} order by id").collect()]
assert rows == [(1, "桂城"), (2, "里水")], rows
feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 2).load(sys.argv[2])
changes = sorted((row["_change_type"], row["town"]) for row in feed.collect())
assert changes == [("update_postimage", "里水"), ("update_preimage", "狮山")], changes
assert spark.conf.get("spark.sql.parquet.outputTimestampType") == "TIMESTAMP_MICROS"
assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Shanghai"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[stack.Settings]:
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = [str(server.getsockname()[1]) for server in servers]
    for name, number in zip(("SPARK", "AIRFLOW", "SUPERSET", "PORTAL"), ports, strict=True):
        monkeypatch.setenv(f"CITYBRAIN_{name}_PORT", number)
    for name in ("CITYBRAIN_SPARK", "CITYBRAIN_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("CITYBRAIN_SPARK_MEMORY", "1g")
    monkeypatch.setenv("CITYBRAIN_DAGS", str(tmp_path / "dags"))
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/hello.py").write_text(HELLO, "utf-8")
    yield stack.Settings()
    stack.main(["down"])


def call(address: str, body: object = None, token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=60) as answer:
        found = json.load(answer)
    assert isinstance(found, dict)
    return found


def airflow_runs_a_dag(settings: stack.Settings) -> None:
    address = settings.url(settings.airflow_port)
    passwords = json.loads(settings.secrets.airflow_passwords().read_text("utf-8"))
    token = call(f"{address}/auth/token", {"username": "steward", "password": passwords["steward"]})["access_token"]
    until = time.monotonic() + 120
    while not call(f"{address}/api/v2/dags", token=token)["dags"]:
        assert time.monotonic() < until, "the DAG was not found"
        time.sleep(1)
    run = call(f"{address}/api/v2/dags/hello/dagRuns", {"logical_date": None, "dag_run_id": "one"}, token)
    while run["state"] not in ("success", "failed"):
        assert time.monotonic() < until, run
        time.sleep(1)
        run = call(f"{address}/api/v2/dags/hello/dagRuns/one", token=token)
    assert run["state"] == "success"


def superset_lets_in(settings: stack.Settings) -> None:
    address = settings.url(settings.superset_port)
    login = {"username": "admin", "password": settings.secrets.superset_password(), "provider": "db"}
    token = call(f"{address}/api/v1/security/login", login)["access_token"]
    assert call(f"{address}/api/v1/me/", token=token)["result"]["username"] == "admin"
    with urllib.request.urlopen(f"{address}/login/", timeout=60) as page:
        policy, text = page.headers["Content-Security-Policy"], page.read().decode()
    assert "南海城市大脑" in text
    assert "scarf" not in policy
    with urllib.request.urlopen(f"{address}/citytiles/10/833/443.png", timeout=60) as tile:
        assert tile.read(8) == b"\x89PNG\r\n\x1a\n"


def test_the_whole_stack(settings: stack.Settings, tmp_path: Path) -> None:
    assert stack.main(["up"]) == 0
    client = [sys.executable, "-c", DELTA, f"sc://127.0.0.1:{settings.spark_port}", str(tmp_path / "table")]
    subprocess.run(client, check=True, timeout=300)
    airflow_runs_a_dag(settings)
    superset_lets_in(settings)
    records = [processes.Record.load(path) for path in settings.run.glob("*.json")]
    names = {"spark", "airflow-api", "airflow-scheduler", "airflow-dag-processor", "superset", "portal"}
    assert {record.name for record in records if record} == names
    everybody = [pid for record in records if record for pid in processes.members(record)]
    assert stack.main(["down"]) == 0
    left = [pid for pid in everybody if (found := processes.stat(pid)) and not found.zombie]
    assert left == []
    assert processes.port_is_free("127.0.0.1", settings.spark_port)


@pytest.fixture
def postgres() -> Iterator[str]:
    """A server of our own."""
    with server() as running:
        yield running.url.removesuffix("/postgres")


@pytest.mark.postgres
def test_both_metadata_databases_in_postgresql(
    settings: stack.Settings, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYBRAIN_POSTGRES", postgres)
    settings = stack.Settings()
    try:
        assert stack.main(["up", "airflow", "superset"]) == 0
        assert not list(settings.home.glob("*/*.db"))
        airflow_runs_a_dag(settings)
        superset_lets_in(settings)
    finally:
        stack.main(["down"])
