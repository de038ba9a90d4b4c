"""The services: how each is started, with which environment, and how it is seen to be healthy."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import processes
from machine import JARS, ROOT, VENVS, UserError, spark_home, venv_python
from metadata import ensure_database, prepare_database, run_quietly
from processes import Record
from settings import NOT_SET_UP, Settings, base_env


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
