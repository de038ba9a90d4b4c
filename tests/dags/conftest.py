"""Airflow with a database of its own; its settings must stand before anything imports Airflow.

Runs in the airflow environment: .venvs/airflow/bin/python -m pytest tests/dags
"""

import logging
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "dags"
collect_ignore_glob = [] if find_spec("airflow") else ["*"]  # the spark environment runs all other tests
GOLDEN = ROOT / "tests/dags/golden.txt"
HOME = tempfile.mkdtemp(prefix="citybrain-airflow-")
os.environ.update(
    {
        "AIRFLOW_HOME": HOME,
        "AIRFLOW_CONFIG": str(ROOT / "infra/airflow/airflow.cfg"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": f"{HOME}/passwords.json",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{HOME}/logs",
        "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
        "CITYBRAIN_SCHEMAS": "",
        "CITYBRAIN_CATCH_UP_SECONDS": "",
    }
)


@pytest.fixture(scope="session")
def bag():
    """All DAGs, as the DAG processor reads them."""
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")


@pytest.fixture(scope="session")
def database():
    from airflow.utils.db import initdb

    logging.getLogger("alembic").setLevel(logging.WARNING)
    initdb()


@pytest.fixture
def citybrain(tmp_path, monkeypatch):
    """A script in the place of `citybrain`: it notes how it was called, prints these lines and ends with this code."""

    def says(*lines: str, code: int = 0, first: str = "") -> Path:
        (tmp_path / "answer").write_text("".join(f"{line}\n" for line in lines), "utf-8")
        called = tmp_path / "called"
        script = tmp_path / "citybrain"
        script.write_text(f'#!/bin/sh\necho "$@" >>{called}\n{first}\ncat {tmp_path}/answer\nexit {code}\n', "utf-8")
        script.chmod(0o755)
        monkeypatch.setenv("CITYBRAIN_BIN", str(script))
        return called

    return says
