"""Paged JSON over HTTP. Answers are kept byte for byte; what repeats is kept once, what moves between pages is found.

Pages by number or offset are cut anew for each request: while we read, rows move from page to page, and one may slip
through. So a source of several pages is read again until a reading brings no older row that was not seen before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO, Any

from citybrain.ingest.json_source import SEPARATOR, at
from citybrain.pull import watermark
from citybrain.pull.client import Answer, Client
from citybrain.pull.declared import Api, Pages, PullError
from citybrain.pull.harvest import Harvest, marks_of
from citybrain.pull.steps import Recorder

READINGS = 5


def fetch(api: Api, kept: str | None, out: IO[bytes], recorder: Recorder, began: datetime) -> Harvest:
    """Writes all answers with rows that are new since the watermark as a JSON text sequence. Raises PullError."""
    harvest, seen = Harvest(api.watermark, kept, began), set[int]()
    head = {"rows": api.rows, "columns": api.columns}
    out.write(f"{SEPARATOR}{json.dumps(head)}\n".encode())
    with _opened(api, recorder) as client:
        for reading in range(READINGS):
            pages, missed = 0, False
            for answer in _answers(api, client, kept):
                new = [n for n, digest in enumerate(answer.digests) if digest not in seen]
                pages += 1
                if not new:
                    continue
                seen.update(answer.digests)
                out.write(SEPARATOR.encode() + answer.body + b"\n")
                marks = marks_of(api.watermark, [answer.rows[n] for n in new])
                missed |= reading > 0 and _older(harvest, marks)
                harvest.add({answer.digests[n] for n in new}, marks if not reading else ())
            if not (_moves(api.pages) and pages > 1 and (reading == 0 or missed)):
                break
    harvest.check()
    return harvest


def _opened(api: Api, recorder: Recorder) -> Client:
    try:
        return Client(api, recorder)
    except PullError:
        with recorder.step("connect"):  # what is wrong before anything is sent is an outcome, too
            raise


def _moves(pages: Pages | None) -> bool:
    return pages is not None and pages.by in ("number", "offset")


def _older(harvest: Harvest, marks: list[Any]) -> bool:
    """Had the first reading missed one of these? What has changed since then comes with the next pull anyhow."""
    if harvest.mark is None or harvest.watermark is None:
        return True
    until = watermark.read(harvest.mark, harvest.watermark)
    told = [watermark.read(harvest.mark, mark) for mark in marks]
    return until is None or any(mark is None or not watermark.later(mark, until) for mark in told)


def _answers(api: Api, client: Client, kept: str | None) -> Iterator[Answer]:
    since = watermark.since(api.watermark, kept) if api.watermark else None
    base = {**api.params, **_size(api.pages), **_since(api, since)}
    if api.pages is None:
        yield client.ask(base)
    elif api.pages.by in ("number", "offset"):
        yield from _numbered(api.pages, client, base)
    elif api.pages.by == "keyset":
        yield from _by_keys(api, client, base)
    else:
        yield from _following(api.pages, client, base)


def _size(pages: Pages | None) -> dict[str, Any]:
    return {pages.size_parameter: pages.size} if pages and pages.size and pages.size_parameter else {}


def _since(api: Api, since: watermark.Mark | None) -> dict[str, Any]:
    mark = api.watermark
    return {mark.parameter: watermark.asked(mark, since)} if mark and mark.parameter and since is not None else {}


def _numbered(pages: Pages, client: Client, base: Mapping[str, Any]) -> Iterator[Answer]:
    """Until a page is empty, or the last one comes again, or as many rows as there are have come."""
    name, step = str(pages.parameter), pages.size if pages.by == "offset" and pages.size else 1
    number, got, before = pages.first if pages.by == "number" else 0, set[int](), None
    while True:
        answer = client.ask({**base, name: number})
        if not answer.rows or answer.digests == before:
            return
        yield answer
        got.update(answer.digests)
        total = at(answer.value, pages.total) if pages.total else None
        if total is not None and len(got) >= int(total):
            return
        number, before = number + step, answer.digests


def _following(pages: Pages, client: Client, base: Mapping[str, Any]) -> Iterator[Answer]:
    """From each answer to the one that it names."""
    followed: set[str] = set()
    answer = client.ask(base)
    while True:
        yield answer
        following = at(answer.value, str(pages.next))
        if not following:
            return
        if not isinstance(following, str) or following in followed:
            raise PullError(f"{pages.next} of an answer leads back, or is no text: the pages would never end")
        followed.add(following)
        if pages.by == "cursor":
            answer = client.ask({**base, str(pages.parameter): following})
        else:
            answer = client.ask({}, following)


def _by_keys(api: Api, client: Client, base: Mapping[str, Any]) -> Iterator[Answer]:
    """Each request from the highest mark of the last on: nothing moves, if the source sorts by it."""
    mark, seen = api.watermark, set[int]()
    assert mark
    while True:
        answer = client.ask(base)
        if set(answer.digests) <= seen:
            return
        yield answer
        seen.update(answer.digests)
        marks = [m for value in marks_of(mark, answer.rows) if (m := watermark.read(mark, value)) is not None]
        if not marks:
            return
        asked = _since(api, max(marks))
        if asked.items() <= base.items():
            if api.pages and api.pages.size and len(answer.rows) >= api.pages.size:
                raise PullError(f"more rows bear one {mark.column} than a page holds: let pages be larger")
            return
        base = {**base, **asked}
