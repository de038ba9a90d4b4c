"""Files appear in the inbox without a word: none is taken in part, and what was written later is not lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from citybrain.ingest import IngestError, flow, inbox, ingest
from citybrain.pull.run import watched
from tests.ingest.pictures import csv_bytes, flat, lake

EVENT = "bronze.centre__work_order_event"
HALF = csv_bytes("""
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
""")
REST = csv_bytes("""
    NH20260908000001 | 2    | 派遣 | 2026-09-08 09:06:00
    NH20260908000001 | 3    | 打回 | 2026-09-08 09:07:00
""")
WHOLE = flat("""
    event_no | step
    1        | 受理
    2        | 派遣
    3        | 打回
""")


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "inbox" / "centre__work_order_event" / "流转.csv"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def before_leaving(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Does something once, when the next file has been loaded and is about to leave the inbox."""

    def do(what: Callable[[], object]) -> None:
        calls = iter([what])

        def reached(step: str) -> None:
            if step == "before leaving the inbox":
                next(calls, bool)()

        monkeypatch.setattr(flow, "reached", reached)

    return do


def append(file: Path, data: bytes) -> None:
    with file.open("ab") as writer:
        writer.write(data)


def taken() -> list[str]:
    return [outcome.status for outcome in watched()]


def test_a_file_that_somebody_has_open_for_writing_waits_and_no_row_is_lost(file, caplog):
    with file.open("wb") as writer:
        writer.write(HALF)
        writer.flush()
        assert taken() == []
        assert "流转.csv: 还在写入" in caplog.text
        writer.write(REST)
    assert taken() == ["loaded"]
    assert lake(EVENT, "event_no step") == WHOLE
    assert not file.exists()


def test_who_only_reads_a_file_keeps_nobody_from_taking_it(file):
    file.write_bytes(HALF + REST)
    with file.open("rb"):
        assert taken() == ["loaded"]
    assert not file.exists()


@pytest.mark.parametrize("change", ["appended", "replaced"])
def test_what_has_changed_since_it_landed_stays_and_is_a_new_delivery(file, before_leaving, caplog, change):
    file.write_bytes(HALF)
    (file.parent / ".new").write_bytes(HALF + REST)
    before_leaving(lambda: append(file, REST) if change == "appended" else (file.parent / ".new").replace(file))
    assert taken() == ["loaded"]
    assert "留在收件夹" in caplog.text
    assert file.read_bytes() == HALF + REST
    assert taken() == ["loaded"]
    assert {*lake(EVENT, "event_no step").splitlines()} == {*WHOLE.splitlines()}
    assert not file.exists()


def test_what_somebody_has_opened_since_it_landed_stays_too(file, before_leaving):
    file.write_bytes(HALF)
    before_leaving(lambda: opened.append(file.open("ab")))
    opened = []
    assert taken() == ["loaded"]
    with opened[0] as writer:
        writer.write(REST)
    assert taken() == ["loaded"]
    assert {*lake(EVENT, "event_no step").splitlines()} == {*WHOLE.splitlines()}


def test_where_the_system_cannot_tell_a_file_must_stand_still(file, monkeypatch):
    monkeypatch.setattr(inbox, "_kind_of_disk", lambda _: "nfs4")
    slept = []

    def sleep(seconds: float) -> None:
        if not slept:
            append(file, REST)
        slept.append(seconds)

    monkeypatch.setattr(inbox, "time", SimpleNamespace(sleep=sleep))
    file.write_bytes(HALF)
    assert taken() == []
    assert taken() == ["loaded"]
    assert slept == [inbox.QUIET, inbox.QUIET]
    assert lake(EVENT, "event_no step") == WHOLE


@pytest.mark.parametrize("order", ["copied, grown", "grown, copied"])
def test_a_file_that_grows_while_it_is_copied_does_not_land(file, home, monkeypatch, order):
    file.write_bytes(HALF)
    copy = shutil.copyfile

    def copyfile(source: Path, target: Path) -> None:
        steps = {"copied": lambda: copy(source, target), "grown": lambda: append(source, REST)}
        for step in order.split(", "):
            steps[step]()

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(shutil, "copyfile", copyfile)
        with pytest.raises(IngestError, match="还在写入"):
            ingest(EVENT, file)
    assert [p.name for p in (home / "landing" / "centre__work_order_event").iterdir()] == []
    assert ingest(EVENT, file).status == "loaded"
    assert lake(EVENT, "event_no step") == WHOLE


def test_a_file_that_another_look_has_taken_is_nobodys_failure(file, monkeypatch):
    file.write_bytes(HALF)
    monkeypatch.setattr(inbox, "_finished", lambda files: [f for f in files if not f.unlink()])
    assert taken() == []
