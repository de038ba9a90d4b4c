"""A small client of Superset's REST interface: log in, ask, change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx


class SupersetError(RuntimeError):
    """Superset said no, with what it said."""


class Superset:
    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        # No proxy on the way to ourselves; and a connection for each call: gunicorn closes idle ones after two seconds.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.session = httpx.Client(base_url=self.url, timeout=300, trust_env=False, limits=limits)
        login = {"username": user, "password": password, "provider": "db", "refresh": False}
        token = self.post("/api/v1/security/login", login)["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.session.headers["X-CSRFToken"] = self.get("/api/v1/security/csrf_token/")["result"]
        self.session.headers["Referer"] = self.url

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self._call("POST", path, json=body, **more)

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, json=body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def every(self, path: str, columns: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
        """All objects of a kind, page after page."""
        page, size = 0, 100
        chosen = f",columns:!({','.join(columns)})" if columns else ""
        while True:
            found = self.get(f"{path}?q=(page:{page},page_size:{size}{chosen})")["result"]
            yield from found
            if len(found) < size:
                return
            page += 1

    def _call(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self.session.request(method, path, **more)
        except httpx.HTTPError as error:
            raise SupersetError(f"{self.url} does not answer: {error}") from error
        if answer.is_error:
            raise SupersetError(f"{method} {path}: {answer.status_code} {_said(answer)}")
        return answer.json() if answer.content else None


def _said(answer: httpx.Response) -> str:
    try:
        return json.dumps(answer.json(), ensure_ascii=False)[:2000]
    except ValueError:
        return answer.text[:500]
