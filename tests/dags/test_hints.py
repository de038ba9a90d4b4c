"""Hints to Airflow, against a small server that answers as Airflow does (tests/e2e asks the real one)."""

import logging
import time

import pytest

from citybrain import hints
from tests.airflow_api import AirflowApi, passwords


@pytest.fixture
def airflow(tmp_path, monkeypatch):
    server = AirflowApi(f"bronze.table_{n}" for n in range(150))
    passwords(tmp_path)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", server.url)
    yield server
    server.end()


def test_each_table_that_somebody_reads_is_told_once(airflow, caplog):
    hints.published(["bronze.table_7", "bronze.table_149", "bronze.table_7", "gold.without_reader"])
    assert (sorted(airflow.told), caplog.records) == (["bronze.table_149", "bronze.table_7"], [])


def test_nothing_new_is_not_told(airflow):
    hints.published([])
    assert airflow.told == []


def test_without_airflow_nothing_is_tried(airflow, monkeypatch, caplog):
    monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", "")
    hints.published(["bronze.table_7"])
    assert (airflow.told, caplog.records) == ([], [])


@pytest.mark.parametrize("fault", ["stopped", "slow", "wrong password", "torn file"])
def test_a_failure_is_one_line_and_soon_over(airflow, fault, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(hints, "TIMEOUT", 0.5)
    if fault == "stopped":
        monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", "http://127.0.0.1:1")
    elif fault == "slow":
        airflow.delay = 60
    else:
        text = '{"steward": "wrong"}' if fault == "wrong password" else '{"stew'
        (tmp_path / "secrets/airflow_passwords.json").write_text(text, "utf-8")
    begun = time.monotonic()
    with caplog.at_level(logging.INFO, "citybrain.hints"):
        hints.published(["bronze.table_7"])
    assert time.monotonic() - begun < 1.5
    assert len(caplog.records) == 1
    assert "bronze.table_7" in caplog.text
