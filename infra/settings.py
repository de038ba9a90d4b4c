"""What can be set of the stack, its secrets, and the environment that each of its services gets."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from machine import DUCKDB_EXTENSIONS, JARS, ROOT, UserError, find_java

USAGE, PORT_TAKEN, UNHEALTHY, NOT_SET_UP, BAD_SETTING = 2, 3, 4, 5, 6  # exit codes of stack.py


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
