"""A site of the test's own: a lake, a folder of connections, an HTTP server that serves rows in pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from citybrain import ops
from citybrain.pull import client
from citybrain.pull.run import Pulled, pull
from tests.ingest.conftest import home

__all__ = ["home"]

CASE = "bronze.services__case"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[..., None]:
    """Declares a connection: ``site("services__case", text)``."""
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(tmp_path / "site"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(client, "PAUSE", 0.01)
    (tmp_path / "site/pulls").mkdir(parents=True)

    def declare(table: str, **connection: Any) -> None:
        (tmp_path / f"site/pulls/{table}.yaml").write_text(json.dumps(connection), "utf-8")  # JSON is YAML

    return declare


class Source(ThreadingHTTPServer):
    """Rows by time of change, cut into pages as asked; ``meanwhile`` is called before each answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.rows: list[dict[str, Any]] = []
        self.asked: list[dict[str, str]] = []
        self.meanwhile: Callable[[int], Any] = lambda _: None
        self.size = 2
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/cases"

    def answer(self, ask: dict[str, str]) -> dict[str, Any]:
        since = ask.get("since", "")
        rows = sorted((r for r in self.rows if r["changed"] >= since), key=lambda r: (r["changed"], r["case_id"]))
        number = int(ask.get("page", "1"))
        page = rows[(number - 1) * self.size : number * self.size]
        following = f"/cases?page={number + 1}&since={since}" if number * self.size < len(rows) else None
        return {"code": 0, "data": {"records": page, "total": len(rows), "next": following}}


class _Api(BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        self._reply(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _reply(self, ask: dict[str, str]) -> None:
        ask = {**ask, "token": self.headers.get("Authorization", "")}
        self.server.asked.append(ask)
        said = self.server.meanwhile(len(self.server.asked))
        if said == "cut":
            self.connection.close()
            return
        code, body = said if isinstance(said, tuple) else (200, self.server.answer(ask))
        text = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def source() -> Iterator[Source]:
    server = Source()
    yield server
    server.shutdown()
    server.server_close()


def case(number: int, day: int = 1, **cells: Any) -> dict[str, Any]:
    changed = f"2026-03-{day:02d} 09:00:00"
    shared = {"item_code": "1" * 31, "accepted_at": "2026-03-01 08:00:00", "changed": changed}
    return {"case_id": f"NB{number:04d}", **shared, **cells}


def api(source: Source, **more: Any) -> dict[str, Any]:
    mark = {"column": "changed", "parameter": "since"}
    pages = {"by": "number", "parameter": "page"}
    return {
        "how": "api", "url": source.url, "rows": "data.records", "success": {"code": 0},
        "columns": {"changed": "更新时间"}, "pages": pages, "watermark": mark, **more,
    }  # fmt: skip


def pulled(*tables: str) -> list[Pulled]:
    return list(pull(tables))


def outcomes(*columns: str) -> list[tuple[Any, ...]]:
    """What ``ops.pull`` says, in its order."""
    names = ", ".join(f'"{c}"' for c in columns)
    return [tuple(row.values()) for row in ops.ask("ops.pull", f"SELECT {names} FROM rows ORDER BY started_at")]
