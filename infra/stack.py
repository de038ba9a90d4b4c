#!/usr/bin/env python3
"""Start, stop and watch the services of the city brain on one machine: Spark Connect, Airflow, Superset, the portal.

    python3 infra/stack.py up [component…]       start what is not running, wait until it is healthy
    python3 infra/stack.py down [component…]     end what we started, and all that it started
    python3 infra/stack.py status [--json]       what runs, since when, with how much memory
    python3 infra/stack.py logs component [-f]   the end of a log
    python3 infra/stack.py env                   the settings as `export` lines, for a shell

Components: spark, airflow (= airflow-api airflow-scheduler airflow-dag-processor), airflow-triggerer (not by default),
superset, portal. Needs nothing but Python 3.11; `make setup` comes first. infra/README.md has settings and exit codes.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shlex
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import processes
from machine import DUCKDB_EXTENSIONS, JARS, ROOT, VENVS, UserError, fail, find_java, say, spark_home, tail, venv_python
from processes import Record

USAGE, PORT_TAKEN, UNHEALTHY, NOT_SET_UP, BAD_SETTING = 2, 3, 4, 5, 6  # exit codes


# --- settings --------------------------------------------------------------------------------------------------------


def port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise UserError(f"{name}={value!r} is not a port (1 to 65535)", BAD_SETTING)
    return int(value)


@dataclass(frozen=True)
class Settings:
    """All that can be set, from the environment. The rest of this file only passes the environment on."""

    home: Path = field(default_factory=lambda: Path(os.environ.get("CITYBRAIN_HOME") or ROOT / "var").absolute())
    host: str = field(default_factory=lambda: os.environ.get("CITYBRAIN_HOST") or "127.0.0.1")
    spark_port: int = field(default_factory=lambda: port("CITYBRAIN_SPARK_PORT", 15002))
    airflow_port: int = field(default_factory=lambda: port("CITYBRAIN_AIRFLOW_PORT", 8080))
    superset_port: int = field(default_factory=lambda: port("CITYBRAIN_SUPERSET_PORT", 8088))
    portal_port: int = field(default_factory=lambda: port("CITYBRAIN_PORTAL_PORT", 8090))
    triggerer_log_port: int = field(default_factory=lambda: port("CITYBRAIN_TRIGGERER_LOG_PORT", 8794))
    spark_memory: str = field(default_factory=lambda: os.environ.get("CITYBRAIN_SPARK_MEMORY") or "3g")
    spark_master: str = field(default_factory=lambda: os.environ.get("CITYBRAIN_SPARK_MASTER") or "local[2]")
    dags: Path = field(default_factory=lambda: Path(os.environ.get("CITYBRAIN_DAGS") or ROOT / "dags").absolute())
    postgres: str = field(default_factory=lambda: os.environ.get("CITYBRAIN_POSTGRES") or "")
    patience: float = field(default_factory=lambda: float(os.environ.get("CITYBRAIN_START_TIMEOUT") or 300))

    def __post_init__(self) -> None:
        if self.postgres and urlsplit(self.postgres).scheme not in ("postgresql", "postgres"):
            raise UserError("CITYBRAIN_POSTGRES must look like postgresql://user:password@host:5432", BAD_SETTING)

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def url(self, number: int) -> str:
        """For clients on this machine: who listens everywhere is reached at home."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{number}"

    def database(self, name: str, sqlite: Path) -> str:
        """The SQLAlchemy address of a metadata database: in PostgreSQL when that is set, else in a file of its own."""
        if not self.postgres:
            return f"sqlite:///{sqlite}"
        parts = urlsplit(self.postgres)
        return urlunsplit(("postgresql+psycopg2", parts.netloc, f"/{name}", parts.query, ""))

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.home / "secrets")


class Secrets:
    """Generated once, readable by us only, never in the repository and never in a command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)

    def get(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
        path = self.folder / name
        if not path.exists():
            fresh = self.folder / f".{name}.{os.getpid()}"
            fresh.touch(mode=0o600)
            fresh.write_text(make(), "utf-8")
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)  # whoever is first wins; a secret is never replaced
            fresh.unlink()
        return path.read_text("utf-8").strip()

    def airflow_passwords(self) -> Path:
        """{"admin": "…"}: the file that Airflow's SimpleAuthManager reads."""
        users = ("admin", "steward", "viewer")
        self.get("airflow_passwords.json", lambda: json.dumps({user: secrets.token_urlsafe(12) for user in users}))
        return self.folder / "airflow_passwords.json"

    def portal_password(self) -> str:
        return self.get("portal_admin_password", lambda: secrets.token_urlsafe(12))

    def superset_password(self) -> str:
        return self.get("superset_admin_password", lambda: secrets.token_urlsafe(12))

    def all(self) -> None:
        """Everything that anybody needs, so that a folder of secrets is complete from the first start on."""
        self.airflow_passwords()
        self.superset_password()
        self.portal_password()
        self.get("airflow_fernet_key", lambda: urlsafe_b64encode(secrets.token_bytes(32)).decode())
        for name in (
            "airflow_jwt_secret",
            "airflow_api_secret",
            "superset_secret_key",
            "superset_guest_secret",
            "portal_secret_key",
        ):
            self.get(name)


def product_env(settings: Settings) -> dict[str, str]:
    """What `citybrain` and the tests need to know of the stack. `stack.py env` prints it."""
    home = settings.home
    return {
        "CITYBRAIN_HOME": str(home),
        "CITYBRAIN_BIN": os.environ.get("CITYBRAIN_BIN") or str(ROOT / "infra/bin/citybrain"),
        "CITYBRAIN_SPARK": os.environ.get("CITYBRAIN_SPARK") or f"sc://127.0.0.1:{settings.spark_port}",
        "CITYBRAIN_JARS": str(JARS),
        "CITYBRAIN_DUCKDB_EXTENSIONS": str(DUCKDB_EXTENSIONS),
        "CITYBRAIN_AIRFLOW_URL": settings.url(settings.airflow_port),
        "CITYBRAIN_SUPERSET_URL": settings.url(settings.superset_port),
        "CITYBRAIN_PORTAL_URL": settings.url(settings.portal_port),
        "SPARK_CONF_DIR": str(ROOT / "infra/spark"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(home / "spark/tmp"),
    }


def base_env(settings: Settings) -> dict[str, str]:
    """The environment of every component: ours, and the caller's but for what would lead Python and Spark astray."""
    stray = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "SPARK_HOME", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
    env = {key: value for key, value in os.environ.items() if key not in stray}
    java = find_java()
    return {
        **env,
        **product_env(settings),
        **({"JAVA_HOME": str(java)} if java else {}),
        "PATH": f"{ROOT / 'infra/bin'}:{env.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }


# --- components ------------------------------------------------------------------------------------------------------


class Component:
    """One process that we start and watch."""

    name: str
    title: str
    environment: str  # of .venvs
    port_setting: str | None = None
    drain: float = 8  # seconds it may take to end what it is doing
    after: str | None = None  # the component that must be healthy before this one starts

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def port(self) -> int | None:
        return None

    @property
    def chain(self) -> str:
        """Whom it is prepared with: the first of a chain prepares for all."""
        return self.environment

    @property
    def record_path(self) -> Path:
        return self.settings.run / f"{self.name}.json"

    @property
    def log(self) -> Path:
        return self.settings.logs / f"{self.name}.log"

    def running(self) -> Record | None:
        record = Record.load(self.record_path)
        return record if record and processes.leader(record) else None

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def env(self) -> dict[str, str]:
        raise NotImplementedError

    def prepare(self) -> None:
        """Once before the first start, and again when versions or addresses change."""

    def trouble(self, record: Record) -> str | None:
        """Why it is not healthy yet; None when it is."""
        raise NotImplementedError


class Spark(Component):
    name, title, environment = "spark", "Spark Connect", "spark"
    port_setting = "CITYBRAIN_SPARK_PORT"

    @property
    def port(self) -> int:
        return self.settings.spark_port

    def command(self) -> list[str | Path]:
        work = self.settings.home / "spark"
        conf = {
            "spark.connect.grpc.binding.address": "127.0.0.1",  # Spark Connect lets everybody in who reaches it
            "spark.connect.grpc.binding.port": self.port,
            "spark.sql.warehouse.dir": work / "warehouse",
            "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={work / 'tmp'} -Dderby.system.home={work}",
        }
        submit: list[str | Path] = [spark_home() / "bin/spark-submit", "--name", "citybrain"]
        submit += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
        submit += ["--master", self.settings.spark_master, "--driver-memory", self.settings.spark_memory]
        submit += ["--jars", ",".join(str(jar) for jar in sorted(JARS.glob("*.jar")))]
        return submit + [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]

    def env(self) -> dict[str, str]:
        python = str(venv_python("spark"))
        env = {**base_env(self.settings), "SPARK_HOME": str(spark_home())}
        return {**env, "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}

    def prepare(self) -> None:
        if not any(JARS.glob("delta-spark*.jar")):
            raise UserError(f"no jars in {JARS}. Run `make setup`.", NOT_SET_UP)
        scratch = self.settings.home / "spark/tmp"
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed JVM left behind
        scratch.mkdir(parents=True)

    def trouble(self, record: Record) -> str | None:
        return None if processes.port_answers("127.0.0.1", record.port or self.port) else "not listening yet"


class Airflow(Component):
    environment = "airflow"
    verb: tuple[str, ...]
    heartbeat: str  # the key of its health in the API

    def command(self) -> list[str | Path]:
        return [VENVS / "airflow/bin/airflow", *self.verb]

    @property
    def database_file(self) -> Path:
        return self.settings.home / "airflow/airflow.db"

    def env(self, database: str | None = None) -> dict[str, str]:
        settings, home = self.settings, self.settings.home / "airflow"
        keep = settings.secrets
        url = settings.url(settings.airflow_port)
        ours = {
            "CORE__DAGS_FOLDER": settings.dags,
            "CORE__PLUGINS_FOLDER": ROOT / "infra/airflow/plugins",
            "CORE__FERNET_KEY": keep.get("airflow_fernet_key"),
            "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": keep.airflow_passwords(),
            "DATABASE__SQL_ALCHEMY_CONN": database or settings.database("airflow", self.database_file),
            "API__HOST": settings.host,
            "API__PORT": settings.airflow_port,
            "API__BASE_URL": url,
            "API__SECRET_KEY": keep.get("airflow_api_secret"),
            "API_AUTH__JWT_SECRET": keep.get("airflow_jwt_secret"),
            "LOGGING__BASE_LOG_FOLDER": settings.logs / "airflow",
            "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": settings.logs / "airflow/dag_processor",
            "LOGGING__TRIGGER_LOG_SERVER_PORT": settings.triggerer_log_port,
        }
        env = base_env(settings)
        theirs = {key: value for key, value in env.items() if key.startswith("AIRFLOW__")}
        known = {**{f"AIRFLOW__{key}": str(value) for key, value in ours.items()}, **theirs}  # who sets them means it
        return {
            **env,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONFIG": str(ROOT / "infra/airflow/airflow.cfg"),
            "_AIRFLOW_DATABASE": known[
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
            ],  # for `airflow db clean` in dags/maintain
            **known,
        }

    def prepare(self) -> None:
        (self.settings.home / "airflow").mkdir(parents=True, exist_ok=True)
        migrate = [VENVS / "airflow/bin/airflow", "db", "migrate"]
        prepare_database(self, "airflow", self.database_file, migrate, [ROOT / "infra/airflow/airflow.cfg"])

    def trouble(self, record: Record) -> str | None:
        health = get_json(self.settings.url(self.settings.airflow_port) + "/api/v2/monitor/health")
        if health is None:
            api = Record.load(self.settings.run / "airflow-api.json")
            if self.name != "airflow-api" and not (api and processes.leader(api)):
                return None  # started alone: that it lives is all there is to see
            return "the API does not answer yet"
        mine = health.get(self.heartbeat) or {}
        if mine.get("status") != "healthy":
            return f"{self.heartbeat} is {mine.get('status')}"
        beat = mine.get(f"latest_{self.heartbeat}_heartbeat")
        if beat and datetime.fromisoformat(beat).timestamp() < record.begun:
            return "no heartbeat since the start"  # the last one is of its predecessor
        return None


class AirflowApi(Airflow):
    name, title, verb, heartbeat = "airflow-api", "Airflow", ("api-server",), "metadatabase"
    port_setting = "CITYBRAIN_AIRFLOW_PORT"
    drain = 4

    @property
    def port(self) -> int:
        return self.settings.airflow_port


class AirflowScheduler(Airflow):
    # Its log server would listen on all interfaces; on one machine the API reads the files.
    name, title, verb, heartbeat = "airflow-scheduler", "scheduler", ("scheduler", "--skip-serve-logs"), "scheduler"
    drain = 20
    after = "airflow-api"  # which its tasks report to: before that each would fail, and wait for its retry


class AirflowDagProcessor(Airflow):
    name, title, verb, heartbeat = "airflow-dag-processor", "DAG processor", ("dag-processor",), "dag_processor"


class AirflowTriggerer(Airflow):
    name, title, verb, heartbeat = "airflow-triggerer", "triggerer", ("triggerer", "--skip-serve-logs"), "triggerer"


class Superset(Component):
    name, title, environment = "superset", "Superset", "superset"
    port_setting = "CITYBRAIN_SUPERSET_PORT"

    @property
    def port(self) -> int:
        return self.settings.superset_port

    @property
    def database_file(self) -> Path:
        return self.settings.home / "superset/superset.db"

    def command(self) -> list[str | Path]:
        return [
            VENVS / "superset/bin/gunicorn",
            *("--workers", os.environ.get("CITYBRAIN_SUPERSET_WORKERS") or "1"),
            *("--worker-class", "gthread", "--threads", "8", "--timeout", "120", "--graceful-timeout", "5"),
            *("--limit-request-line", "0", "--limit-request-field_size", "0"),  # a map's layers are asked by long GETs
            "--no-control-socket",
            *("--bind", f"{self.settings.host}:{self.port}"),
            "superset.app:create_app()",
        ]

    def env(self, database: str | None = None) -> dict[str, str]:
        settings, keep = self.settings, self.settings.secrets
        return {
            **base_env(settings),
            "SUPERSET_HOME": str(settings.home / "superset"),
            "SUPERSET_CONFIG_PATH": str(ROOT / "infra/superset/superset_config.py"),
            "PYTHONPATH": str(ROOT / "infra/superset"),
            "CITYBRAIN_ROOT": str(ROOT),
            "CITYBRAIN_SUPERSET_DATABASE": database or settings.database("superset", self.database_file),
            "CITYBRAIN_SUPERSET_SECRET_KEY": keep.get("superset_secret_key"),
            "CITYBRAIN_SUPERSET_GUEST_SECRET": keep.get("superset_guest_secret"),
            "CITYBRAIN_SUPERSET_ADMIN_PASSWORD": keep.superset_password(),
        }

    def prepare(self) -> None:
        (self.settings.home / "superset").mkdir(parents=True, exist_ok=True)
        init = ROOT / "infra/superset/init.py"
        command = [venv_python("superset"), init]
        prepare_database(self, "superset", self.database_file, command, [init])

    def trouble(self, record: Record) -> str | None:
        return no_answer(self.settings.url(record.port or self.port) + "/health")


class Portal(Component):
    name, title, environment = "portal", "portal", "spark"
    port_setting = "CITYBRAIN_PORTAL_PORT"
    chain = "portal"  # of the same environment as Spark, and nothing else in common

    @property
    def port(self) -> int:
        return self.settings.portal_port

    def command(self) -> list[str | Path]:
        program = [venv_python("spark"), "-m", "citybrain.cli", "portal"]
        return [*program, "serve", "--host", self.settings.host, "--port", str(self.port)]

    def env(self) -> dict[str, str]:
        return {**base_env(self.settings), "CITYBRAIN_POSTGRES": self.settings.postgres}

    def prepare(self) -> None:
        """Its tables are brought up to date in one transaction, at every start: nothing has to be moved into place."""
        if self.settings.postgres:
            ensure_database(self.settings, "portal")
        prepare = [venv_python("spark"), "-m", "citybrain.cli", "portal", "prepare"]
        log = self.settings.logs / "portal-prepare.log"
        run_quietly("portal: preparing its database", prepare, self.env(), log, self.settings.home)

    def trouble(self, record: Record) -> str | None:
        return no_answer(self.settings.url(record.port or self.port) + "/health")


COMPONENTS: tuple[type[Component], ...] = (
    Spark,
    AirflowApi,
    AirflowScheduler,
    AirflowDagProcessor,
    AirflowTriggerer,
    Superset,
    Portal,
)
GROUPS = {
    "airflow": ("airflow-api", "airflow-scheduler", "airflow-dag-processor"),
    "all": ("spark", "airflow-api", "airflow-scheduler", "airflow-dag-processor", "superset", "portal"),
}
# Who stops first: those who give out work, then those who show it, then the engine.
STOPPING = (
    ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "superset", "portal"),
    ("airflow-api",),
    ("spark",),
)


def choose(settings: Settings, names: Sequence[str], default: Sequence[str]) -> list[Component]:
    known = {component.name: component for component in COMPONENTS}
    wanted: list[str] = []
    for name in names or default:
        if name not in known and name not in GROUPS:
            raise UserError(f"no component {name!r}; there are: {' '.join([*known, *GROUPS])}", USAGE)
        wanted += GROUPS.get(name, (name,))
    return [known[name](settings) for name in known if name in wanted]


def no_answer(address: str) -> str | None:
    """Why a health page does not please; None when it does."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return None if answer.status == 200 else f"{address} answers {answer.status}"
    except (OSError, urllib.error.URLError):
        return "does not answer yet"


def get_json(address: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            found = json.load(answer)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


# --- metadata databases ----------------------------------------------------------------------------------------------


def run_quietly(doing: str, command: Sequence[str | Path], env: Mapping[str, str], log: Path, cwd: Path) -> None:
    say(f"{doing} …")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        parts = [str(part) for part in command]
        code = subprocess.run(
            parts, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ).returncode
    if code:
        raise UserError(f"{doing}: ended with code {code}. The end of {log}:\n{tail(log)}", UNHEALTHY)


def prepare_database(
    component: Airflow | Superset,
    name: str,
    file: Path,
    command: Sequence[str | Path],
    causes: Sequence[Path],
) -> None:
    """Create or migrate a metadata database, once for each version, address and cause.

    A file is migrated beside its place and then moved there: after an interruption the old one is as it was, and a
    half-made one is never taken for a whole.
    """
    settings = component.settings
    target = settings.database(name, file)
    lock = ROOT / "infra/envs" / f"{component.environment}.lock"
    made_of = [lock.read_bytes(), target.encode(), *(cause.read_bytes() for cause in causes)]
    wanted = hashlib.sha256(b"\0".join(made_of)).hexdigest()
    stamp = settings.home / name / "prepared"
    created = bool(settings.postgres) and ensure_database(settings, name)
    there = bool(settings.postgres) or file.exists()
    if not created and there and stamp.exists() and stamp.read_text("ascii") == wanted:
        return
    log = settings.logs / f"{name}-prepare.log"
    doing = f"{component.title}: preparing its database"
    if settings.postgres:
        run_quietly(doing, command, component.env(), log, settings.home)
    else:
        fresh = file.with_suffix(".new")
        for left in file.parent.glob(f"{fresh.name}*"):
            left.unlink()
        if file.exists():
            copy_sqlite(file, fresh)
        run_quietly(doing, command, component.env(f"sqlite:///{fresh}"), log, settings.home)
        settle_sqlite(fresh)
        fresh.replace(file)
    stamp.write_text(wanted, "ascii")


def settle_sqlite(file: Path) -> None:
    """Move what is still in the write-ahead log into the file itself, so that the file alone is the database."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("pragma wal_checkpoint(truncate)")


def copy_sqlite(file: Path, target: Path) -> None:
    settle_sqlite(file)
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def ensure_database(settings: Settings, name: str) -> bool:
    """Whether the database had to be created in PostgreSQL."""
    answer = subprocess.run(
        [
            venv_python({"airflow": "airflow", "superset": "superset"}.get(name, "spark")),
            ROOT / "infra/postgres.py",
            name,
        ],
        env={**os.environ, "CITYBRAIN_POSTGRES": settings.postgres},
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        where = urlsplit(settings.postgres).hostname
        raise UserError(f"CITYBRAIN_POSTGRES ({where}): {answer.stderr.strip()}", BAD_SETTING)
    return answer.stdout.strip() == "created"


# --- commands --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Two who start or stop the same stack take turns."""
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("somebody else is starting or stopping this stack: waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_set_up(components: Sequence[Component]) -> None:
    for environment in sorted({component.environment for component in components}):
        if not (VENVS / environment / "citybrain.stamp").exists():
            raise UserError(f"the {environment} environment is not complete. Run `make setup`.", NOT_SET_UP)
    if any(component.name == "spark" for component in components) and not find_java():
        raise UserError("no Java that Spark can run on (17 to 23). Run `make setup`.", NOT_SET_UP)


def check_ports(settings: Settings, starting: Sequence[Component]) -> None:
    """All that are taken are named at once, before anything is started."""
    taken = []
    for component in starting:
        if component.port is None:
            continue
        host = "127.0.0.1" if component.name == "spark" else settings.host
        if not processes.port_is_free(host, component.port):
            owner = processes.port_owner(component.port) or "another process"
            taken.append(
                f"port {component.port} for {component.title} is in use by {owner}; "
                f"free it, or set {component.port_setting} to another one"
            )
    if taken:
        raise UserError("\n       ".join(taken), PORT_TAKEN)


def start_and_wait(
    component: Component, children: dict[str, subprocess.Popen[bytes]], cancelled: threading.Event
) -> str:
    """Start one component unless it runs, and wait until it is healthy. Returns what to report."""
    settings = component.settings
    record = component.running()
    began = time.monotonic()
    fresh = record is None
    if record is None:
        if (old := Record.load(component.record_path)) and processes.members(old):
            say(f"{component.title}: ending what a crashed one left behind")
            processes.end(old, 0)
        say(f"{component.title}: starting")
        record, children[component.name] = processes.start(
            component.record_path,
            component.name,
            component.command(),
            component.env(),
            component.log,
            settings.home,
            component.port,
        )
    shown = began
    while (trouble := component.trouble(record)) is not None:
        child = children.get(component.name)
        if (child and child.poll() is not None) or not processes.leader(record):
            raise UserError(f"{component.title} ended by itself. The end of {component.log}:\n{tail(component.log)}", 4)
        if time.monotonic() - began > settings.patience:
            raise UserError(
                f"{component.title} is not healthy after {settings.patience:.0f} s: {trouble} "
                f"(CITYBRAIN_START_TIMEOUT to wait longer). The end of {component.log}:\n{tail(component.log)}",
                UNHEALTHY,
            )
        if cancelled.wait(0.5):
            raise UserError(f"{component.title}: not waited for", 130)
        if time.monotonic() - shown >= 15:
            shown = time.monotonic()
            say(f"{component.title}: {trouble} ({shown - began:.0f} s)")
    if not processes.leader(record):
        raise UserError(f"{component.title} ended by itself. The end of {component.log}:\n{tail(component.log)}", 4)
    return f"ready after {time.monotonic() - began:.0f} s" if fresh else "already running"


def up(settings: Settings, names: Sequence[str]) -> int:
    components = choose(settings, names, ("all",))
    check_set_up(components)
    with alone(settings):
        settings.secrets.all()
        starting = [component for component in components if not component.running()]
        check_ports(settings, starting)
        warn_of_memory(starting)
        # Chains side by side: two cores are kept busy, and nobody waits for a stranger.
        chains: dict[str, list[Component]] = {}
        for component in components:
            chains.setdefault(component.chain, []).append(component)
        children: dict[str, subprocess.Popen[bytes]] = {}
        failures: list[UserError] = []
        cancelled = threading.Event()
        settled = {component.name: threading.Event() for component in components}
        healthy: set[str] = set()

        def one(component: Component) -> None:
            try:
                if component.after in settled:
                    settled[component.after].wait()
                    if component.after not in healthy:
                        return say(f"{component.title}: not started, for it needs {component.after}")
                say(f"{component.title}: {start_and_wait(component, children, cancelled)}")
                healthy.add(component.name)
            except UserError as error:
                failures.append(error)
            finally:
                settled[component.name].set()

        def chain(members: Sequence[Component]) -> None:
            try:
                if any(not member.running() for member in members):
                    members[0].prepare()
            except UserError as error:
                failures.append(error)
                return  # nobody of another chain waits for one of these
            with ThreadPoolExecutor(len(members)) as pool:
                list(pool.map(one, members))

        with ThreadPoolExecutor(len(chains)) as pool:
            try:
                list(pool.map(chain, chains.values()))
            except KeyboardInterrupt:
                cancelled.set()
                raise
        for failure in failures:
            fail(failure)
        if failures:
            say("not all is up; what is healthy goes on running. `make down` ends it.")
            return failures[0].code
    for component in components:
        if component.name == "airflow-api":
            say(f"Airflow    {settings.url(settings.airflow_port)}  users in {settings.secrets.airflow_passwords()}")
        if component.name == "superset":
            place = settings.secrets.folder / "superset_admin_password"
            say(f"Superset   {settings.url(settings.superset_port)}  admin, password in {place}")
        if component.name == "portal":
            place = settings.secrets.folder / "portal_admin_password"
            say(f"portal     {settings.url(settings.portal_port)}  admin, password in {place}")
        if component.name == "spark":
            say(f"Spark      sc://127.0.0.1:{settings.spark_port}")
    return 0


def warn_of_memory(starting: Sequence[Component]) -> None:
    """Spark's heap, and half a gigabyte for each of the others: below that the kernel will choose whom to kill."""
    lines = (processes.PROC / "meminfo").read_text("ascii").splitlines()
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 1024**2
    wanted = sum(2.0 if component.name == "spark" else 0.5 for component in starting)
    if available < wanted:
        say(f"warning: {available:.1f} GB of memory are free, about {wanted:.1f} GB will be used")


def down(settings: Settings, names: Sequence[str]) -> int:
    chosen = {component.name: component for component in choose(settings, names, [c.name for c in COMPONENTS])}
    ended = 0
    with alone(settings):
        for stage in STOPPING:
            present = [chosen[name] for name in stage if name in chosen and Record.load(chosen[name].record_path)]
            if present:
                with ThreadPoolExecutor(len(present)) as pool:
                    ended += sum(pool.map(stop, present))
    if not ended:
        say("nothing was running")
    return 0


def stop(component: Component) -> int:
    record = Record.load(component.record_path)
    assert record is not None
    count, killed = processes.end(record, component.drain)
    component.record_path.unlink(missing_ok=True)
    if count:
        forced = f", {killed} of them had to be killed" if killed else ""
        say(f"{component.title}: ended ({count} {'process' if count == 1 else 'processes'}{forced})")
    return count


def status(settings: Settings, names: Sequence[str], as_json: bool) -> int:
    rows = []
    for component in choose(settings, names, ("all",)):
        record = component.running()
        if record:
            trouble = component.trouble(record)
            belonging = processes.members(record)
            rows.append(
                {
                    "component": component.name,
                    "state": "healthy" if trouble is None else f"not healthy: {trouble}",
                    "pid": record.pid,
                    "port": record.port,
                    "minutes": round((time.time() - record.begun) / 60, 1),
                    "megabytes": processes.memory(belonging.values()) // 1024**2,
                }
            )
        else:
            known = Record.load(component.record_path)
            rows.append({"component": component.name, "state": "ended by itself" if known else "stopped"})
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        columns = ("component", "state", "pid", "port", "minutes", "megabytes")
        table = [columns, *(tuple(str(row.get(column) or "") for column in columns) for row in rows)]
        widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
        for line in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0 if all(row["state"] == "healthy" for row in rows) else UNHEALTHY


def logs(settings: Settings, name: str, lines: int, follow: bool) -> int:
    component = choose(settings, [name], ())[0]
    if not component.log.exists():
        raise UserError(f"{component.log} does not exist: {name} was never started here", USAGE)
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(component.log)]
    with contextlib.suppress(KeyboardInterrupt):
        return subprocess.run(command).returncode
    return 0


def print_env(settings: Settings) -> int:
    for key, value in product_env(settings).items():
        print(f"export {key}={shlex.quote(value)}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status"):
        command = commands.add_parser(name)
        command.add_argument("components", nargs="*")
        if name == "status":
            command.add_argument("--json", action="store_true")
    log = commands.add_parser("logs")
    log.add_argument("component")
    log.add_argument("-n", "--lines", type=int, default=100)
    log.add_argument("-f", "--follow", action="store_true")
    commands.add_parser("env")
    options = parser.parse_args(arguments)
    try:
        settings = Settings()
        match options.command:
            case "up":
                return up(settings, options.components)
            case "down":
                return down(settings, options.components)
            case "status":
                return status(settings, options.components, options.json)
            case "logs":
                return logs(settings, options.component, options.lines, options.follow)
            case _:
                return print_env(settings)
    except UserError as error:
        return fail(error)
    except KeyboardInterrupt:
        print("\ninterrupted; what was started goes on running: `make down` ends it", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
