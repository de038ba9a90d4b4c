"""From the files that departments hand in, through the real Airflow, to a real Superset: figures against the truth.

The truth was computed by the simulator, which shares no code with what is judged here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain import verify
from citybrain.contracts.load import ROOT
from citybrain.dashboards.shot import shoot
from citybrain.dashboards.superset import Superset
from citybrain.ingest.dirt import dirt_kinds

pytestmark = [pytest.mark.slow, pytest.mark.stack]
CITYBRAIN = str(ROOT / ".venvs/spark/bin/citybrain")
SEED, MONTHS, SCALE = 7, 3, 0.02


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class City:
    """A stack of its own with a small simulated city in it, as `make demo` makes it."""

    def __init__(self, home: Path) -> None:
        spark, airflow, superset, portal = free_ports(4)
        self.home = home
        ports = {"SPARK": spark, "AIRFLOW": airflow, "SUPERSET": superset, "PORTAL": portal}
        self.env = {
            **os.environ,
            **{f"CITYBRAIN_{name}_PORT": str(port) for name, port in ports.items()},
            "CITYBRAIN_HOME": str(home),
        }
        self.env.pop("CITYBRAIN_SPARK", None)
        self.superset = f"http://127.0.0.1:{superset}"

    def stack(self, *arguments: str) -> str:
        command = [sys.executable, str(ROOT / "infra/stack.py"), *arguments]
        done = subprocess.run(command, env=self.env, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0, f"stack.py {arguments}: {done.stdout[-3000:]}"
        return done.stdout

    def up(self) -> None:
        self.stack("up")
        exported = re.findall(r"^export (\w+)=(.*)$", self.stack("env"), re.M)
        self.env |= {name: value.strip("'\"") for name, value in exported}

    def citybrain(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run([CITYBRAIN, *arguments], env=self.env, stdout=subprocess.PIPE, text=True)
        assert done.returncode in codes, f"citybrain {arguments} ended with {done.returncode}: {done.stdout[-3000:]}"
        return done.stdout

    @property
    def password(self) -> str:
        return (self.home / "secrets/superset_admin_password").read_text("utf-8").strip()

    @property
    def made(self) -> Path:
        return next(path for path in self.home.glob("city-*") if path.is_dir())


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[City]:
    city = City(tmp_path_factory.mktemp("city"))
    try:
        city.up()
        city.citybrain("demo", "--seed", str(SEED), "--months", str(MONTHS), "--scale", str(SCALE))
        yield city
    finally:
        city.stack("down")


@pytest.fixture(scope="module")
def verdict(city) -> verify.Report:
    with pytest.MonkeyPatch.context() as here:
        here.setenv("CITYBRAIN_HOME", str(city.home))
        return verify.judge(city.made)


def test_every_row_is_accounted_for(verdict):
    assert not verdict.receipts.wrong
    assert verdict.receipts.right == verdict.receipts.expected > 0


def test_each_of_the_34_kinds_of_dirt_is_found_cell_by_cell_and_flag_by_flag_and_nothing_else(verdict):
    assert set(verdict.dirt) >= set(dirt_kinds())
    assert not [wrong for tally in verdict.dirt.values() for wrong in tally.wrong]
    assert [kind for kind, t in verdict.dirt.items() if not t.right == t.expected > 0 or t.false] == []


def test_every_published_figure_equals_the_truth(verdict):
    assert not [wrong for tally in verdict.figures.values() for wrong in tally.wrong]
    assert sum(tally.right for tally in verdict.figures.values()) > 10_000


def test_verify_ends_with_0_where_all_agrees_and_with_1_and_the_difference_where_not(city, tmp_path):
    assert city.citybrain("verify", "--city", str(city.made)).endswith("全部一致\n")
    (tmp_path / "inbox").symlink_to(city.made / "inbox")
    shutil.copytree(city.made / "truth", tmp_path / "truth")
    other_last_line(tmp_path / "truth" / "figures.csv")
    other_last_line(tmp_path / "truth" / "flags.csv")
    said = city.citybrain("verify", "--city", str(tmp_path), codes=(1,))
    assert said.endswith("与标准答案不一致\n")
    assert re.search(r"✗ .*：没有发现：other", said)
    assert re.search(r"✗ .*：没有发布：other", said)


def other_last_line(path: Path) -> None:
    """A truth that knows of something that is not: the last line tells of another thing."""
    *lines, last = path.read_text("utf-8").splitlines(keepends=True)
    place = 1 if path.stem == "flags" else 0
    told = last.split(",")
    told[place] = "other"
    path.write_text("".join([*lines, ",".join(told)]), "utf-8")


@pytest.mark.parametrize("board", ["one-map", "governance"])
def test_the_boards_draw_themselves_without_the_outside(city, board, tmp_path):
    path = f"/superset/dashboard/{board}/?standalone=1"
    report = shoot(city.superset, path, tmp_path / f"{board}.png", "admin", city.password, (1920, 1080))
    assert report.good, vars(report)
    assert (tmp_path / f"{board}.png").stat().st_size > 100_000


def test_importing_the_boards_again_makes_no_second_one(city):
    superset = Superset(city.superset, "admin", city.password)
    before = sorted(chart["uuid"] for chart in superset.every("/api/v1/chart/", ("uuid",)))
    password = str(city.home / "secrets/superset_admin_password")
    command = [
        sys.executable,
        "-m",
        "citybrain.dashboards",
        "import",
        "--url",
        city.superset,
        "--password-file",
        password,
    ]
    subprocess.run(command, env=city.env, check=True)
    assert sorted(chart["uuid"] for chart in superset.every("/api/v1/chart/", ("uuid",))) == before


def test_a_traced_number_ends_in_a_delivered_cell(city):
    answer = json.loads(city.citybrain("indicator", "WO08", "--trace", "--limit", "3", "--json"))
    text = json.dumps(answer, ensure_ascii=False)
    assert "模拟数据" in text  # the file's name
    assert re.search(r'"[A-Z]+\d+"', text), text[:2000]


def test_a_new_file_reaches_superset_by_itself(city, tmp_path):
    """One more order, handed in by the command line: the figure in Superset follows without a further word."""
    superset = Superset(city.superset, "admin", city.password)
    before = reported(superset)
    name = "NH20991231000001"
    (tmp_path / "补报_模拟数据.csv").write_text(
        "工单编号,上报时间,受理时间,镇街码,更新时间\n"
        f"{name},2026-10-30 10:00:00,2026-10-30 10:05:00,440605011,2026-10-31 00:00:00\n",
        encoding="utf-8",
    )
    began = time.monotonic()
    city.citybrain("ingest", "centre__work_order", str(tmp_path / "补报_模拟数据.csv"), "--sender", "测试")
    while reported(superset) != before + 1:
        assert time.monotonic() - began < 600, "the figure did not follow"
        time.sleep(2)
    sys.stderr.write(f"from ingest to Superset: {time.monotonic() - began:.0f} s\n")


def reported(superset: Superset) -> int:
    """WO01 of October 2026 for the district, asked of Superset itself."""
    database = next(d["id"] for d in superset.every("/api/v1/database/", ("id", "database_name")))
    query = """SELECT value FROM gold.indicator_current WHERE indicator_id = 'WO01' AND variant = 'reported'
               AND area_code = '440605' AND period_kind = 'month' AND period = '2026-10'"""
    body = {"database_id": database, "sql": query, "runAsync": False, "queryLimit": 5}
    return int(superset.post("/api/v1/sqllab/execute/", body)["data"][0]["value"])


def test_the_notebooks_run(city, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    for name, value in city.env.items():
        monkeypatch.setenv(name, value)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        tables = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
        assert len(tables) >= 4, path.name
