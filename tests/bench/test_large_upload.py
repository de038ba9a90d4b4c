# ruff: noqa: T201  (a benchmark prints its figures)
"""A file as large as a browser may send, through Chromium to a portal of its own process.

`pytest -s tests/bench/test_large_upload.py`; smaller by CITYBRAIN_BENCH_CSV_MB (1024). In the middle the page is loaded
anew and the file is chosen again: how long it takes to compare what had come is told. Aims: neither the portal nor the
browser holds the file in memory; what arrives is the file. What its report takes is told in `test_portal.py`.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from citybrain import contracts
from citybrain.dashboards.chromium import browser
from citybrain.ingest.disk import digest_of
from citybrain.portal import accounts
from citybrain.portal.settings import database_url
from citybrain.portal.store import Store
from tests.portal.clerk import Clerk
from tests.portal.served import PASSWORD, TEST, apart

MEGABYTES = int(os.environ.get("CITYBRAIN_BENCH_CSV_MB", "1024"))
EVENT = "centre__work_order_event"
HEAD, ROW, TEXT = "工单编号,序号,环节,到达时间,意见\n", "NH2026{:08},1,受理,2026-09-06 09:00:00,{}\n", "意见" * 1_500


def write_events(path: Path, size: int) -> None:
    """At most so many bytes."""
    rows = (size - len(HEAD.encode())) // len(ROW.format(0, TEXT).encode())
    with path.open("w", encoding="utf-8") as out:
        out.write(HEAD)
        out.writelines(ROW.format(n, TEXT) for n in range(rows))


def below(pid: int) -> list[int]:
    """The processes that it started, and those that they started."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *below(child)]
    return found


def megabytes(pids: list[int]) -> int:
    """What they hold together; what several of them share is counted once."""
    kilobytes = 0
    for pid in pids:
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kilobytes += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return kilobytes // 1024


@contextmanager
def watched(groups: Callable[[], dict[str, list[int]]]) -> Iterator[dict[str, int]]:
    """The most that each group held at any time, looked at twice a second."""
    most: dict[str, int] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            for name, pids in groups().items():
                most[name] = max(most.get(name, 0), megabytes(pids))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


@contextmanager
def portal() -> Iterator[tuple[str, int]]:
    """Its address and its process."""
    store = Store(database_url())
    store.migrate()
    with store.begin() as db:
        accounts.add(db, TEST, "centre", contracts.load()[f"bronze.{EVENT}"].owner, "uploader", PASSWORD)
    store.engine.dispose()
    with apart() as (url, process):
        yield url, process.pid


def seconds(do: Callable[[], Any]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium here (Debian: apt-get install chromium)")
def test_a_file_as_large_as_a_browser_may_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    write_events(file := tmp_path / "流转.csv", MEGABYTES << 20)
    with portal() as (url, pid), browser(1280, 900) as page:

        def groups() -> dict[str, list[int]]:
            workers = below(pid)
            others = [one for one in below(os.getpid()) if one not in (pid, *workers)]
            return {"portal": [pid], "workers": workers, "browser": others}

        clerk: Clerk = Clerk(page, SimpleNamespace(url=url))  # type: ignore[arg-type]
        clerk.sign_in("centre")
        clerk.go(f"/tables/{EVENT}")
        state, progress = "document.getElementById('sending-state').innerText", "document.getElementById('progress')"
        with watched(groups) as most:
            clerk.choose(file)
            half = seconds(lambda: clerk.until(f"{progress}.value > 0.5", 600))
            clerk.go(f"/tables/{EVENT}")
            clerk.choose(file)
            compared = seconds(lambda: clerk.until(f"{state} === '正在上传' && {progress}.value > 0.5", 600))
            rest = seconds(lambda: clerk.until("location.pathname.startsWith('/deliveries/')", 600))
    (arrived,) = (tmp_path / "home/portal/uploads").glob("*/file/*")
    print(f"\n{file.stat().st_size / 1e6:,.0f} MB through Chromium: the first half in {half:.1f} s; after the page was")
    print(f"  loaded anew compared in {compared:.1f} s, the rest in {rest:.1f} s")
    for name, held in most.items():
        print(f"  {name:8} {held:5} MB at most")
    assert digest_of(arrived) == digest_of(file)
    assert most["portal"] < 400  # MB
    assert most["browser"] < 1024
