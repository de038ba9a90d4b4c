"""A stand-in for Airflow's API, as far as hints go: it knows assets and notes the events it is told of."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

PAGE = 100


class AirflowApi(ThreadingHTTPServer):
    """``told`` are the names of assets with news, in the order of the events; ``delay`` makes it slow."""

    def __init__(self, assets: Iterable[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.assets = [{"id": number, "name": name} for number, name in enumerate(assets)]
        self.told: list[str] = []
        self.delay = 0.0
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def end(self) -> None:
        self.shutdown()
        self.server_close()


def passwords(home: Path, password: str = "s3cret") -> None:
    """Where a process of the stack finds with what to sign in."""
    (home / "secrets").mkdir(parents=True, exist_ok=True)
    (home / "secrets/airflow_passwords.json").write_text(json.dumps({"steward": password}), "utf-8")


class _Handler(BaseHTTPRequestHandler):
    server: AirflowApi

    def do_GET(self) -> None:
        offset = int(self.path.rpartition("offset=")[2])
        known = self.server.assets
        self.reply(200, {"assets": known[offset : offset + PAGE], "total_entries": len(known)})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.delay)
        if self.path == "/auth/token":
            good = body == {"username": "steward", "password": "s3cret"}
            self.reply(201 if good else 401, {"access_token": "t"} if good else {})
        elif self.headers["Authorization"] == "Bearer t":
            self.server.told.append(self.server.assets[body["asset_id"]]["name"])
            self.reply(200, {})

    def reply(self, code: int, body: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass
