"""Hints to Airflow, against a small server that answers as Airflow does (tests/e2e asks the real one)."""

import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from citybrain import hints


@pytest.fixture
def airflow(tmp_path, monkeypatch):
    """A stand-in for Airflow's API that notes the events it is told of; `airflow.delay` makes it slow."""
    assets = [{"id": n, "name": f"bronze.table_{n}"} for n in range(150)]

    class Api(BaseHTTPRequestHandler):
        def do_GET(self):
            offset = int(self.path.rpartition("offset=")[2])
            self.reply(200, {"assets": assets[offset : offset + 100], "total_entries": len(assets)})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(server.delay)
            if self.path == "/auth/token":
                good = body == {"username": "steward", "password": "s3cret"}
                self.reply(201 if good else 401, {"access_token": "t"} if good else {})
            elif self.headers["Authorization"] == "Bearer t":
                server.events.append(body["asset_id"])
                self.reply(200, {})

        def reply(self, code, body):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.events, server.delay = [], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/airflow_passwords.json").write_text('{"steward": "s3cret"}', "utf-8")
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", f"http://127.0.0.1:{server.server_port}/")
    yield server
    server.shutdown()
    server.server_close()


def test_each_table_that_somebody_reads_is_told_once(airflow, caplog):
    hints.published(["bronze.table_7", "bronze.table_149", "bronze.table_7", "gold.without_reader"])
    assert (sorted(airflow.events), caplog.records) == ([7, 149], [])


def test_nothing_new_is_not_told(airflow):
    hints.published([])
    assert airflow.events == []


def test_without_airflow_nothing_is_tried(airflow, monkeypatch, caplog):
    monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", "")
    hints.published(["bronze.table_7"])
    assert (airflow.events, caplog.records) == ([], [])


@pytest.mark.parametrize("fault", ["stopped", "slow", "wrong password", "torn file"])
def test_a_failure_is_one_line_and_soon_over(airflow, fault, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(hints, "TIMEOUT", 0.5)
    if fault == "stopped":
        monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", "http://127.0.0.1:1")
    elif fault == "slow":
        airflow.delay = 2
    else:
        text = '{"steward": "wrong"}' if fault == "wrong password" else '{"stew'
        (tmp_path / "secrets/airflow_passwords.json").write_text(text, "utf-8")
    begun = time.monotonic()
    with caplog.at_level(logging.INFO, "citybrain.hints"):
        hints.published(["bronze.table_7"])
    assert time.monotonic() - begun < 1.5
    assert len(caplog.records) == 1
    assert "bronze.table_7" in caplog.text
