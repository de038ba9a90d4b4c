"""What is raw lies where only our own user can read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from citybrain import lake
from citybrain.ingest import repair, trial
from citybrain.pull.run import watched
from tests.ingest.pictures import csv_bytes

EVENT = "centre__work_order_event"
PERSON = "440605199001011234"
PICTURE = f"""
    工单编号         | 序号 | 环节 | 到达时间            | 处理意见
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00 | 身份证 {PERSON}
    NH20260908000001 | 2    | 派遣 | 2026-02-30          | 身份证 {PERSON}
"""


@pytest.fixture(autouse=True)
def usual_mask():
    """That of a system, under which what is made is for all to read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(home: Path) -> set[str]:
    """Files below home that another user can read: the file, and each folder on the way to it."""
    found = set()
    for folder, inner, files in os.walk(home):
        inner[:] = [name for name in inner if (Path(folder) / name).stat().st_mode & 0o001]
        found |= {name for name in files if (Path(folder) / name).stat().st_mode & 0o004}
    return found


def test_no_other_user_can_read_what_came(home, tmp_path):
    inbox = lake.folder("inbox") / EVENT
    inbox.mkdir()
    (inbox / "流转.csv").write_bytes(csv_bytes(PICTURE))
    (loaded,) = watched()
    (inbox / "没有取的.csv.part").write_bytes(csv_bytes(PICTURE))
    form = tmp_path / "修正.csv"
    form.write_text("行号,环节\n3,派出\n", "utf-8")
    repair(loaded.receipt, form)
    trial(EVENT, form)
    (lake.folder("portal/uploads") / "报送.csv").write_bytes(csv_bytes(PICTURE))
    assert len(list(home.rglob("*.parquet"))) > 4
    assert {name for name in open_to_others(home) if not name.endswith(".lock")} == set()
    for name in ("landing", "inbox", "stage", "portal", "lake/bronze", "lake/quarantine", "lake/ops"):
        assert f"{(home / name).stat().st_mode:o}" == "40700", name


def test_a_folder_that_a_site_has_opened_stays_open(home):
    (home / "inbox").mkdir(parents=True)
    (home / "inbox").chmod(0o770)
    assert f"{lake.folder('inbox').stat().st_mode:o}" == "40770"
