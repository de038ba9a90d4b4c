"""The demonstration: a simulated city hands in its files, Airflow runs the pipeline, Superset shows the one map.

Nothing here is special: files are put where departments put them, and the DAGs that watch there are asked to look now.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from citybrain import lake, serve, simulate
from citybrain.contracts.load import ROOT, folders
from citybrain.runner.lag import look

PATIENCE = 30 * 60  # seconds until the pipeline must be through
_open = build_opener(ProxyHandler({})).open
_began = time.monotonic()


def run(seed: int, scale: float, months: int) -> None:
    """From nothing to the screens; a second time it finds the work done and only shows the way."""
    airflow = Airflow()
    city = _city(seed, scale, months)
    delivered = _hand_in(city)
    say(f"{len(delivered)} files lie in the departments' inboxes ({lake.folder('inbox')})")
    sources = sorted(
        {path.parent.name.split("__")[0] for path in delivered}, key=lambda name: (name != "reference", name)
    )
    runs = [airflow.look(source) for source in sources]
    _wait(airflow, runs)
    _boards()
    _pages()
    _addresses(city)


def say(text: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - _began:4.0f} s] {text}\n")
    sys.stdout.flush()


def _city(seed: int, scale: float, months: int) -> Path:
    city = lake.home() / f"city-seed{seed}-scale{scale:g}-months{months}"
    if not (city / "说明.txt").exists():
        say(f"simulating a city (模拟数据): seed {seed}, scale {scale:g}, {months} months")
        unfinished = city.with_name(f"{city.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        simulate.simulate(unfinished, seed=seed, months=months, scale=scale)
        unfinished.rename(city)
    return city


def _hand_in(city: Path) -> list[Path]:
    """Copies the code lists and the city's deliveries into the inboxes, once; returns the files that are waiting."""
    inbox = lake.folder("inbox")
    done = lake.folder("run") / "handed_in"
    if not done.exists() or done.read_text("utf-8") != city.name:
        codes = {path.name: path for folder in folders() for path in sorted((folder / "codes").glob("*.csv"))}
        for name, path in codes.items():
            _copy(path, inbox / f"reference__{Path(name).stem}" / name)
        for path in sorted((city / "inbox").rglob("*")):
            if path.is_file():
                _copy(path, inbox / path.relative_to(city / "inbox"))
        done.write_text(city.name, "utf-8")
    return [path for path in inbox.rglob("*") if path.is_file()]


def _copy(source: Path, target: Path) -> None:
    """Under a name that no reader takes until the file is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, unfinished)
    unfinished.replace(target)


class Airflow:
    """The few things asked of Airflow's API; raises SystemExit with what to do where it does not answer."""

    def __init__(self) -> None:
        self.url = os.environ.get("CITYBRAIN_AIRFLOW_URL", "").rstrip("/")
        passwords = lake.home() / "secrets" / "airflow_passwords.json"
        if not self.url or not passwords.exists():
            raise SystemExit("citybrain demo: no stack here; run `make demo`, or `make up` and its settings first")
        login = {"username": "admin", "password": json.loads(passwords.read_text("utf-8"))["admin"]}
        try:
            self.token = self._ask("/auth/token", login)["access_token"]
        except URLError as error:
            raise SystemExit(f"citybrain demo: Airflow does not answer at {self.url} ({error.reason})") from error

    def look(self, source: str) -> tuple[str, str]:
        """Asks a source's DAG to look into its inboxes now; returns DAG and run."""
        dag = f"ingest__{source}"
        name = f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        self._ask(f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "dag_run_id": name})
        return dag, name

    def active(self) -> dict[str, int]:
        """Runs under way or waiting, by DAG."""
        counts: dict[str, int] = {}
        for state in ("running", "queued"):
            page = self._ask(f"/api/v2/dags/~/dagRuns?state={state}&limit=100")
            for found in page["dag_runs"]:
                counts[found["dag_id"]] = counts.get(found["dag_id"], 0) + 1
        return counts

    def state(self, dag: str, name: str) -> str:
        return str(self._ask(f"/api/v2/dags/{dag}/dagRuns/{name}")["state"])

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if token := getattr(self, "token", None):
            headers["Authorization"] = f"Bearer {token}"
        data = json.dumps(body).encode() if body is not None else None
        with _open(Request(self.url + path, data, headers), timeout=30) as answer:
            return json.load(answer)


def _wait(airflow: Airflow, runs: list[tuple[str, str]]) -> None:
    """Until every file is in and no table lags behind its inputs, saying what is under way."""
    said = ""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if failed := [dag for dag, name in runs if airflow.state(dag, name) == "failed"]:
            raise SystemExit(f"citybrain demo: {', '.join(failed)} failed; see {airflow.url}")
        active = airflow.active()
        lagging = look().tables
        busy = ", ".join(sorted(dag for dag in active if dag != "catch_up"))
        doing = f"at work: {busy or '-'}; behind: {len(lagging)} tables"
        if doing != said:
            say(doing)
            said = doing
        waiting = any(airflow.state(dag, name) != "success" for dag, name in runs)
        if not waiting and not lagging and not serve.lags():
            return
        time.sleep(5)
    raise SystemExit(f"citybrain demo: not through after {PATIENCE // 60} minutes; see {airflow.url}")


def _boards() -> None:
    from citybrain.dashboards.bundle import project
    from citybrain.dashboards.importer import import_all
    from citybrain.dashboards.superset import Superset

    password = (lake.home() / "secrets" / "superset_admin_password").read_text("utf-8").strip()
    say("importing the boards into Superset")
    import_all(project(), Superset(os.environ["CITYBRAIN_SUPERSET_URL"], "admin", password), say)


def _pages() -> None:
    from citybrain import docs

    docs.write(lake.folder("reports"))


def _addresses(city: Path) -> None:
    superset, airflow = os.environ["CITYBRAIN_SUPERSET_URL"], os.environ["CITYBRAIN_AIRFLOW_URL"]
    secrets = lake.home() / "secrets"
    passwords = json.loads((secrets / "airflow_passwords.json").read_text("utf-8"))
    superset_password = (secrets / "superset_admin_password").read_text("utf-8").strip()
    lines = [
        ("一张图", f"{superset}/superset/dashboard/one-map/?standalone=1"),
        ("社会治理专题", f"{superset}/superset/dashboard/governance/?standalone=1"),
        ("Superset", f"{superset}    admin / {superset_password}"),
        ("Airflow", f"{airflow}    admin / {passwords['admin']}"),
        *_portal(secrets / "portal_admin_password"),
        ("数据字典、指标口径、质量检查", str(lake.folder("reports") / "index.html")),
        ("部门所报文件（模拟数据）", str(city / "inbox")),
        ("原件与回执", str(lake.folder("landing"))),
        ("查询", f"{ROOT / '.venvs/spark/bin/citybrain'} indicator WO08 --trace"),
        ("停止", "make down"),
    ]
    say("ready")
    sys.stdout.write("\n" + "".join(f"  {name}\n      {where}\n" for name, where in lines))


def _portal(admin: Path) -> list[tuple[str, str]]:
    """The portal and who may sign in; nothing where it is not part of this stack."""
    from citybrain.portal.demo import make_accounts

    url = os.environ.get("CITYBRAIN_PORTAL_URL")
    if not url:
        return []
    lines = [f"{name} / {password}    {department}" for name, (department, password) in make_accounts().items()]
    lines.append(f"admin / {admin.read_text('utf-8').strip()}    系统管理员")
    return [("上报门户", "\n      ".join([url, *lines]))]
