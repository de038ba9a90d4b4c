"""A portal that is killed in the middle: nothing is lost, nothing is doubled, and the next one goes on by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deltalake import DeltaTable
from sqlalchemy import update

from citybrain.ingest import landing
from citybrain.lake import table_uri
from citybrain.portal import accounts
from citybrain.portal.models import Delivery
from citybrain.portal.settings import database_url
from citybrain.portal.store import Store
from tests.lake import rows_of
from tests.portal.conftest import EVENT, owner
from tests.portal.drawn import events
from tests.portal.served import TEST, Program, apart, free_port
from tests.waiting import wait_until

ROWS = 60_000


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Somebody with a token, in a home of the test's own."""
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CITYBRAIN_PORTAL_CHUNK_MB", "1")
    store = Store(database_url())
    store.migrate()
    with store.begin() as db:
        account = accounts.add(db, TEST, "系统", owner(EVENT), "uploader", None)
        token = accounts.add_token(db, TEST, account, "测试", 1)
    store.engine.dispose()
    return Program("http://nobody.invalid", token)


@contextmanager
def portal(program: Program) -> Iterator[subprocess.Popen[bytes]]:
    """Whom the program asks from now on."""
    with apart() as (url, process):
        program.base_url = url
        yield process


def workers(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout
    return [int(pid) for pid in listed.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return f"{Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]}" != "Z"


def test_killed_while_a_file_is_read_and_while_it_is_loaded(program: Program) -> None:
    content = events(good=ROWS, bad=3)
    middle = len(content) // 2
    with portal(program) as process:  # killed in the middle of the upload
        id = program.begin(EVENT, "流转.csv", len(content), direct=False).json()["id"]
        for offset in range(0, middle, 1 << 20):
            assert program.piece(id, content[offset : min(offset + (1 << 20), middle)], offset).status_code == 204
    with portal(program) as process:  # … while it is checked
        assert program.api("HEAD", f"/uploads/{id}").headers["upload-offset"] == str(middle)
        for offset in range(middle, len(content), 1 << 20):
            assert program.piece(id, content[offset : offset + (1 << 20)], offset).status_code == 204
        wait_until(lambda: program.api("GET", f"/uploads/{id}").json()["state"] == "checking")
        children = workers(process.pid)
    wait_until(lambda: not any(alive(pid) for pid in children), 30)
    with landing.locked("ops.issue"):  # … while it is loaded: after quarantine, its findings wait for us
        with portal(program) as process:
            found = program.settled(id)
            assert found["preview"]["counts"]["accepted"] == ROWS
            program.api("POST", f"/uploads/{id}/confirm")
            number = found["preview"]["receipt"]
            wait_until(lambda: DeltaTable.is_deltatable(table_uri(f"quarantine.{EVENT}")))
            children = workers(process.pid)
        wait_until(lambda: not any(alive(pid) for pid in children), 30)
        half = landing.find(f"bronze.{EVENT}", number)
        assert (half.status, DeltaTable.is_deltatable(table_uri(f"bronze.{EVENT}"))) == ("landed", False)
    with portal(program):
        done = program.settled(id, ("done", "failed"))
        assert (done["state"], done["receipt"]) == ("done", number)
    kept = [r["_row"] for r in rows_of(f"bronze.{EVENT}")]
    assert (len(kept), len(set(kept))) == (ROWS, ROWS)
    assert [r["row"] for r in rows_of(f"quarantine.{EVENT}")] == [ROWS + 2, ROWS + 3, ROWS + 4]
    assert [r.receipt for r in landing.receipts(f"bronze.{EVENT}")] == [number]


def test_a_file_that_breaks_its_worker_breaks_nothing_else_and_a_second_portal_ends(program: Program) -> None:
    with portal(program) as process:
        poison = program.begin(EVENT, "毒.csv", 1 << 20).json()["id"]
        first = program.hand_in(EVENT, "流转.csv", events(good=2, bad=0))
        for worker in workers(process.pid):
            os.kill(worker, signal.SIGKILL)
        assert program.hand_in(EVENT, "流转.csv", events(good=3, bad=0))["state"] == "checked"
        assert program.confirmed(first["id"])["state"] == "done"
        command = [sys.executable, "-m", "citybrain.cli", "portal", "serve", "--port", str(free_port())]
        second = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert (second.returncode, "another portal is running" in second.stderr) == (4, True)
    store = Store(database_url())
    with store.begin() as db:  # as a file does that ended every worker that read it
        db.execute(update(Delivery).where(Delivery.id == poison).values(state="checking", attempts=3))
    store.engine.dispose()
    with portal(program):
        failed = program.settled(poison)
        assert (failed["state"], "程序处理这个文件时出错" in failed["error"]) == ("failed", True)
        assert program.hand_in(EVENT, "流转.csv", events(good=4, bad=0))["state"] == "checked"
