"""How an API is asked: a few times where that may help, within bounds, with secrets where they belong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from citybrain.ingest.json_source import at, parsed, rows_in
from citybrain.ingest.outcome import Refused
from citybrain.pull.declared import Api, PullError
from citybrain.pull.harvest import digest_of
from citybrain.pull.steps import Recorder

TRIES = 3
PAUSE = 1.0  # seconds before the second try, doubled before each further one
LONGEST_PAUSE = 60.0
MOST_PAGES = 100_000
MOST_BYTES = 64 << 20  # of one answer
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class _Passing(Exception):  # noqa: N818  (what may be over at the next try)
    def __init__(self, why: str, pause: float | None = None) -> None:
        super().__init__(why)
        self.pause = pause


@dataclass(frozen=True)
class Answer:
    """One page."""

    body: bytes
    value: Any
    rows: list[Mapping[str, Any]]
    digests: list[int]


class Client:
    """Asks one source, a few times where that may help, and notes every try."""

    def __init__(self, api: Api, recorder: Recorder) -> None:
        self._api, self._recorder, self._pages, self._connected = api, recorder, 0, False
        fill = recorder.secrets.filled
        self._url = httpx.URL(fill(api.url))
        headers = {name: fill(value) for name, value in api.headers.items()}
        self._client = httpx.Client(headers=headers, timeout=api.timeout)  # redirects would carry secrets away

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, params: Mapping[str, Any], link: str | None = None) -> Answer:
        self._pages += 1
        if self._pages > MOST_PAGES:
            raise PullError(f"more than {MOST_PAGES} pages: they seem never to end")
        request = self._request(params, link)
        for number in range(1, TRIES + 1):
            try:
                return self._tried(request, number)
            except _Passing as passing:
                if number == TRIES:
                    raise PullError(str(passing)) from None
                time.sleep(min(passing.pause or PAUSE * 2 ** (number - 1), LONGEST_PAUSE))
        raise AssertionError("unreachable")

    def _request(self, params: Mapping[str, Any], link: str | None) -> httpx.Request:
        url = self._url.join(link) if link else self._url
        if (url.scheme, url.host, url.port) != (self._url.scheme, self._url.host, self._url.port):
            raise PullError(f"an answer leads to another host, {url.host}, which is not followed")
        fill = self._recorder.secrets.filled
        filled = {name: fill(str(value)) for name, value in params.items()}
        if self._api.method == "POST":
            return self._client.build_request("POST", url, json=filled)
        return self._client.build_request("GET", url.copy_merge_params(filled))

    def _tried(self, request: httpx.Request, number: int) -> Answer:
        try:
            if not self._connected:
                with self._recorder.step("connect", try_number=number):
                    response = self._sent(request)
                self._connected = True
            else:
                response = None
            with self._recorder.step("fetch", page=self._pages, try_number=number) as facts:
                answer = self._judged(response or self._sent(request))
                facts.rows, facts.bytes = len(answer.rows), len(answer.body)
                return answer
        except httpx.TransportError as error:
            raise _Passing(f"{type(error).__name__}: {error}") from error

    def _sent(self, request: httpx.Request) -> httpx.Response:
        return self._client.send(request, stream=True)

    def _judged(self, response: httpx.Response) -> Answer:
        try:
            body = _body(response)
        finally:
            response.close()
        if response.status_code in _AGAIN:
            said = response.headers.get("Retry-After", "")
            raise _Passing(f"HTTP {response.status_code}", float(said) if said.isdecimal() else None)
        if response.status_code != 200:
            raise PullError(f"HTTP {response.status_code}")
        return self._answer(body.removeprefix(b"\xef\xbb\xbf"))

    def _answer(self, body: bytes) -> Answer:
        try:
            value = parsed(_decoded(body), self._pages)
            for path, expected in self._api.success.items():
                if str(got := at(value, path)).lower() != str(expected).lower():
                    raise PullError(f"the answer says {path}: {got!r}, not {expected!r}")
            rows = rows_in(value, self._api.rows)
        except Refused as refused:
            raise PullError(f"page {self._pages}: {refused.facts.get('kind')}") from None
        return Answer(body, value, rows, [digest_of(row) for row in rows])


def _body(response: httpx.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise PullError(f"an answer of more than {MOST_BYTES >> 20} MB: ask for smaller pages")
        parts.append(part)
    return b"".join(parts)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("gb18030", errors="strict")
