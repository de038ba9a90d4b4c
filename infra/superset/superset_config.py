"""Superset's configuration: Chinese, dark, offline, and with DuckDB kept in its place.

Read by Superset at its start (SUPERSET_CONFIG_PATH). What depends on the machine comes from infra/stack.py in the
environment. Boards, charts and data sets are not configured here; they are assets in dashboards/.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Any

import yaml
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine
from superset.config import THEME_DARK as SUPERSET_DARK
from superset.config import THEME_DEFAULT as SUPERSET_DEFAULT
from tiles import tiles
from wall import wall

HOME = Path(os.environ["CITYBRAIN_HOME"])
ADDRESS = os.environ["CITYBRAIN_SUPERSET_URL"]
NAME = "南海城市大脑"

# --- itself ----------------------------------------------------------------------------------------------------------

SECRET_KEY = os.environ["CITYBRAIN_SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["CITYBRAIN_SUPERSET_DATABASE"]
if SQLALCHEMY_DATABASE_URI.startswith("postgresql"):
    SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}
else:
    SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"timeout": 30}}  # a writer waits for another, it does not fail

APP_NAME = NAME
SUPERSET_WEBSERVER_TIMEOUT = 120
ROW_LIMIT = 50_000
SESSION_COOKIE_NAME = "citybrain_superset"  # cookies are shared by the ports of a host, and `session` is Airflow's, too
BLUEPRINTS = [tiles, wall]

BABEL_DEFAULT_LOCALE = "zh"
LANGUAGES = {"zh": {"flag": "cn", "name": "简体中文"}, "en": {"flag": "us", "name": "English"}}

FEATURE_FLAGS = {
    "DASHBOARD_RBAC": True,  # a role on a board is enough to see it, and nothing else
    "EMBEDDED_SUPERSET": True,  # boards inside the portals of towns
    "ENABLE_TEMPLATE_PROCESSING": True,  # a board's filters reach into the SQL of a virtual data set
    "ENABLE_JAVASCRIPT_CONTROLS": False,  # scripts in charts would need 'unsafe-eval', see below
    "CSS_TEMPLATES": True,
    "ALERT_REPORTS": False,  # needs Celery
    "TAGGING_SYSTEM": False,
}
GUEST_ROLE_NAME = "Gamma"
GUEST_TOKEN_JWT_SECRET = os.environ["CITYBRAIN_SUPERSET_GUEST_SECRET"]
GUEST_TOKEN_JWT_EXP_SECONDS = 3600


def file_cache(name: str, seconds: int) -> dict[str, Any]:
    """Shared by the workers, without a Redis."""
    folder = HOME / "superset/cache" / name
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(folder),
        "CACHE_THRESHOLD": 20_000,
        "CACHE_DEFAULT_TIMEOUT": seconds,
    }


DAY = 24 * 3600
CACHE_CONFIG = file_cache("meta", DAY)
DATA_CACHE_CONFIG = file_cache("data", 60)  # so long may a board be behind a newly published serving file
FILTER_STATE_CACHE_CONFIG = file_cache("filter", 90 * DAY)
# Maps fetch their layers by GET, and Superset keeps such an answer for a day by default, for everybody: a stale map,
# and rows for people who may not see them. A second is as near to never as it allows; the data cache still helps.
CACHE_DEFAULT_TIMEOUT = 1
EXPLORE_FORM_DATA_CACHE_CONFIG = file_cache("explore", 7 * DAY)

# --- what a browser may load -----------------------------------------------------------------------------------------

TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    # No host but this one: it works without the internet, and nothing is reported to anybody (the frontend carries a
    # telemetry pixel that can only be stopped here).
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "connect-src": ["'self'", ADDRESS],
        "font-src": ["'self'", "data:"],
        "frame-ancestors": ["'self'", *os.environ.get("CITYBRAIN_EMBED_HOSTS", "").split()],
        "img-src": ["'self'", "blob:", "data:"],
        "object-src": "'none'",
        # No 'unsafe-eval': nobody who may edit charts can run scripts in the browsers of others. Its price: no
        # Handlebars charts, and deck.gl writes no Chinese; boards draw names as shapes (dashboards/lettering).
        "script-src": ["'self'", "'strict-dynamic'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "worker-src": ["'self'", "blob:"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,  # TLS ends at the proxy in front
    "session_cookie_secure": False,
}
HTML_SANITIZATION_SCHEMA_EXTENSIONS = {"attributes": {"*": ["style", "className", "class"]}, "tagNames": ["style"]}
THEME_FONT_URL_ALLOWED_DOMAINS: list[str] = []

# The first form works under any name of this host; Explore's check of input accepts only the second.
DECKGL_BASE_MAP = [
    ["tile:///citytiles/{z}/{x}/{y}.png", "离线底图"],
    [f"tile://{ADDRESS}/citytiles/{{z}}/{{x}}/{{y}}.png", "离线底图（完整地址）"],
]

# --- looks -----------------------------------------------------------------------------------------------------------

# Said once, in dashboards/theme.yaml, which the importer also gives to each board.
LOOKS = yaml.safe_load((Path(os.environ["CITYBRAIN_ROOT"]) / "dashboards/theme.yaml").read_text("utf-8"))

# Always on top of Superset's own theme: one that lacks a key leaves every page blank.
THEME_DEFAULT = {
    **SUPERSET_DEFAULT,
    **SUPERSET_DARK,
    "token": {**SUPERSET_DEFAULT["token"], **SUPERSET_DARK["token"], **LOOKS["token"]},
    "algorithm": LOOKS["algorithm"],
}
THEME_DARK = None  # no switch: walls are dark


def color_schemes(kind: str) -> list[dict[str, Any]]:
    """The first is the default."""
    return [
        {"id": name, "label": scheme["title"], "description": "", "isDefault": not n, "colors": scheme["colors"]}
        for n, (name, scheme) in enumerate(LOOKS[kind].items())
    ]


EXTRA_CATEGORICAL_COLOR_SCHEMES = color_schemes("categorical")
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [{**scheme, "isDiverging": False} for scheme in color_schemes("sequential")]

# --- DuckDB ----------------------------------------------------------------------------------------------------------

PREVENT_UNSAFE_DB_CONNECTIONS = True

EXTENSIONS = os.environ["CITYBRAIN_DUCKDB_EXTENSIONS"]
# What analysts' views may read with delta_scan. Bronze and landing hold names of people: they are not in the list, so
# that no SQL typed into SQL Lab can reach them.
READABLE = [f"{HOME}/lake/silver/", f"{HOME}/lake/gold/"]


def DB_CONNECTION_MUTATOR(uri: URL, params: dict[str, Any], *_: Any) -> tuple[URL, dict[str, Any]]:  # noqa: N802
    """Follow the `current` link at each connect: DuckDB shares open files by path, and would go on reading the old."""
    if uri.drivername.startswith("duckdb") and uri.database and Path(uri.database).is_symlink():
        uri = uri.set(database=os.path.realpath(uri.database))
    return uri, params


HARDENING = Lock()  # connections to one file share one instance: a board's charts connect all at once


@event.listens_for(Engine, "connect")
def harden_duckdb(connection: Any, _record: Any) -> None:
    """Read-only is not enough: read_csv('/etc/passwd') and COPY … TO work on a read-only file.

    The order matters: what is loaded and allowed first cannot be widened after the lock.
    """
    if not type(connection).__module__.startswith("duckdb_engine"):
        return
    with HARDENING:
        _harden(connection)


def _harden(connection: Any) -> None:
    if connection.execute("select current_setting('lock_configuration')").fetchone()[0]:
        return  # another connection of this process has the same file open: one instance, locked already
    # Loading delta costs a quarter of a second at each connect; boards, which stand on native tables, are spared it.
    path, scans = connection.execute(
        "select any_value(path), (select count(*) from duckdb_views() where sql ilike '%delta_scan%')"
        " from duckdb_databases() where database_name = current_database()"
    ).fetchone()
    for statement in (
        f"set extension_directory = '{EXTENSIONS}'",
        "set autoinstall_known_extensions = false",
        "load icu",
        *(["load delta"] if scans or not path else []),
        "set global TimeZone = 'Asia/Shanghai'",
        f"set allowed_directories = {READABLE!r}",
        "set memory_limit = '2GB'",
        "set threads = 2",
        "set enable_external_access = false",
        "set lock_configuration = true",
    ):
        connection.execute(statement)
