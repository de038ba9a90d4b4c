"""A portal that listens on loopback, and somebody who uses it as a browser or a program would."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from citybrain.portal import accounts
from citybrain.portal.app import Portal, create_app
from citybrain.portal.audit import Actor
from citybrain.portal.models import Account, Audit
from citybrain.portal.process import options
from citybrain.portal.sessions import COOKIE
from citybrain.portal.settings import Settings
from tests.waiting import wait_until

OFFSET = "application/offset+octet-stream"
PASSWORD = "一个很长的密码123"
TEST = Actor("test", "test")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def apart() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A portal in a process of its own: its address, once it answers, and the process, which ends as by the kernel."""
    port = free_port()
    command = [sys.executable, "-m", "citybrain.cli", "portal", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: healthy(url))
        yield url, process
    finally:
        process.kill()
        process.wait()


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class Piece:
    """What came of an upload in one request: from where on, and how many bytes."""

    path: str
    offset: str
    bytes: int = 0


class Noting:
    """The application, and a note of every piece that it was sent."""

    def __init__(self, app: Any) -> None:
        self.app, self.pieces = app, list[Piece]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "PATCH":
            return await self.app(scope, receive, send)
        piece = Piece(scope["path"], dict(scope["headers"]).get(b"upload-offset", b"").decode())
        self.pieces.append(piece)

        async def receiving() -> Any:
            message = await receive()
            piece.bytes += len(message.get("body", b""))
            return message

        return await self.app(scope, receiving, send)


@dataclass
class Served:
    url: str
    portal: Portal
    app: Any
    pieces: list[Piece]

    def account(self, name: str, department: str, role: str = "uploader", password: str | None = PASSWORD) -> Account:
        with self.portal.store.begin() as db:
            return accounts.by_name(db, name) or accounts.add(db, TEST, name, department, role, password)

    def token(self, name: str) -> str:
        with self.portal.store.begin() as db:
            account = accounts.by_name(db, name)
            assert account
            return accounts.add_token(db, TEST, account, "测试", 1)

    def signed_in(self, name: str, password: str = PASSWORD) -> Person:
        person = Person(self.url)
        answer = person.sign_in(name, password)
        assert answer.status_code == 303, answer.text
        return person

    def audited(self, **wanted: object) -> list[Audit]:
        with self.portal.store.begin() as db:
            found = list(db.query(Audit).order_by(Audit.id))
        return [a for a in found if all(getattr(a, name) == value for name, value in wanted.items())]


class Person(httpx.Client):
    """A browser without a screen: keeps cookies, sends the CSRF token of the last page it saw."""

    patience = 60  # seconds until a file must have been looked at
    pause, slower, slowest = 0.05, 1.0, 3.0  # seconds between two looks, and how they grow

    def __init__(self, url: str, address: str | None = None) -> None:
        """``address``: of the loopback, from which he comes; 127.0.0.1 is also that of the proxy that is believed."""
        transport = httpx.HTTPTransport(local_address=address)
        super().__init__(base_url=url, trust_env=False, timeout=60, transport=transport)
        self.csrf = ""

    @property
    def session(self) -> str:
        return str(self.cookies.get(COOKIE, domain="127.0.0.1"))

    def page(self, path: str) -> httpx.Response:
        answer = self.get(path)
        if found := re.search(r'name="csrf" content="(\w*)"', answer.text):
            self.csrf = found[1]
        return answer

    def submit(self, path: str, **fields: object) -> httpx.Response:
        return self.post(path, data={"csrf": self.csrf, **fields})

    def sign_in(self, name: str, password: str, **fields: object) -> httpx.Response:
        self.page("/login")
        answer = self.submit("/login", name=name, password=password, **fields)
        if answer.status_code == 303:
            self.page("/account")
        return answer

    def api(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"X-CSRF-Token": self.csrf, **given.pop("headers", {})}
        return self.request(method, f"/api/v1{path}", headers=headers, **given)

    def begin(self, table: str, file: str, size: int, **more: Any) -> httpx.Response:
        return self.api("POST", "/uploads", json={"table": table, "file": file, "size": size, **more})

    def piece(self, id: str, content: bytes, offset: int = 0) -> httpx.Response:
        headers = {"Content-Type": OFFSET, "Upload-Offset": str(offset)}
        return self.api("PATCH", f"/uploads/{id}", content=content, headers=headers)

    def hand_in(
        self, table: str, file: str, content: bytes, until: tuple[str, ...] = (), **more: Any
    ) -> dict[str, Any]:
        """Sends a file and waits until it has been looked at."""
        begun = self.begin(table, file, len(content), **more)
        assert begun.status_code == 201, begun.text
        id = begun.json()["id"]
        sent = self.piece(id, content)
        assert sent.status_code == 204, sent.text
        return self.settled(id)

    def settled(self, id: str, until: tuple[str, ...] = ()) -> dict[str, Any]:
        end, pause = time.monotonic() + self.patience, self.pause
        while time.monotonic() < end:
            found: dict[str, Any] = self.api("GET", f"/uploads/{id}").json()
            if found["state"] in (until or ("checked", "done", "failed", "dropped")):
                return found
            time.sleep(pause)
            pause = min(pause * self.slower, self.slowest)
        raise AssertionError(f"still {found['state']}")

    def confirmed(self, id: str) -> dict[str, Any]:
        answer = self.api("POST", f"/uploads/{id}/confirm")
        assert answer.status_code == 202, answer.text
        return self.settled(id, ("done", "failed"))

    def loaded(self, table: str, file: str, content: bytes, **more: Any) -> str:
        """Sent, confirmed, loaded; the number of the receipt."""
        found = self.hand_in(table, file, content, **more)
        assert found["state"] == "checked", found
        done = self.confirmed(found["id"])
        assert done["state"] == "done", done
        return str(done["receipt"])


class Program(Person):
    """A system with a token."""

    def __init__(self, url: str, token: str, address: str | None = None) -> None:
        super().__init__(url, address)
        self.headers["Authorization"] = f"Bearer {token}"


@contextmanager
def serving(**settings: Any) -> Iterator[Served]:
    app = create_app(Settings(**settings))
    port = free_port()
    noting = Noting(app)
    server = uvicorn.Server(uvicorn.Config(noting, **{**options("127.0.0.1", port), "log_level": "warning"}))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the portal did not start"
        time.sleep(0.02)
    try:
        yield Served(f"http://127.0.0.1:{port}", app.state.portal, app, noting.pieces)
    finally:
        server.should_exit = True
        thread.join(20)
