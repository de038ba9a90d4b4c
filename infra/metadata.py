"""The metadata databases of Airflow, Superset and the portal: made, migrated, in PostgreSQL or in files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from machine import ROOT, UserError, say, tail, venv_python
from settings import BAD_SETTING, UNHEALTHY, Settings

if TYPE_CHECKING:
    from components import Airflow, Superset


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
