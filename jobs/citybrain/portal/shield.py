"""What holds for every request and answer: security headers, how large a body may be, how often one may ask."""

from __future__ import annotations

import hashlib
import time
from collections import Counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
SMALL = 1 << 20  # bytes of a body that is no file


class TooLarge(Exception):  # noqa: N818 (a verdict)
    """The body is larger than it may be."""


class Shield:
    def __init__(self, app: ASGIApp, *, secure: bool, requests: int, chunk: int) -> None:
        self.app, self.secure, self.requests, self.chunk = app, secure, requests, chunk
        self._minute, self._asked = 0, Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        send = self._with_headers(scope, send)
        headers = Headers(scope=scope)
        if self._too_often(scope, headers):
            answer = PlainTextResponse("请求过于频繁，请一分钟后再试", 429, {"retry-after": "60"})
            return await answer(scope, receive, send)
        limit = self.chunk if headers.get("content-type", "").startswith("application/offset") else SMALL
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            return await PlainTextResponse("请求内容太大", 413)(scope, receive, send)
        return await self.app(scope, _bounded(receive, limit), send)

    def _too_often(self, scope: Scope, headers: Headers) -> bool:
        """Counted for each key or session, of others for each address; forgotten with the minute."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._asked = minute, Counter()
        address = (scope.get("client") or ("",))[0]
        who = headers.get("authorization") or headers.get("cookie") or ""
        client = hashlib.sha256(f"{address} {who}".encode()).hexdigest()
        self._asked[client] += 1
        self._asked[address] += 1
        return self._asked[client] > self.requests or self._asked[address] > 20 * self.requests

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if self.secure:
                    headers["strict-transport-security"] = "max-age=31536000"
                if not scope["path"].startswith("/static/"):
                    headers["cache-control"] = "no-store"
            await send(message)

        return sending


def _bounded(receive: Receive, limit: int) -> Receive:
    """A body without a length is counted as it comes."""
    got = 0

    async def receiving() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > limit:
            raise TooLarge
        return message

    return receiving
