"""A trial answers as the real thing would and leaves nothing; a correction takes the new file, then drops the old."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from citybrain.ingest import UsageError, correct, ingest, landing, quarantined, repair, trial, trial_repair
from citybrain.ingest.outcome import Outcome
from tests.ingest.pictures import csv_bytes, flat, lake
from tests.lake import rows_of

TABLE = "centre__work_order_event"
PICTURE = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
    NH20260908000001 | 2    | 派出 | 2026/9/8 9:06
    NH20260908000001 | 3    | 派遣 | 2026-02-30
"""
MENDED = PICTURE.replace("2026-02-30", "2026-09-08 09:30:00")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "流转.csv"
    path.write_bytes(csv_bytes(PICTURE, "gb18030"))
    return path


def said(outcome: Outcome) -> dict[str, object]:
    return outcome.model_dump(exclude={"status", "received_at", "sender"})


def everything(home: Path) -> set[Path]:
    return {path for place in ("landing", "lake", "stage") for path in (home / place).rglob("*") if path.is_file()}


def test_a_trial_says_what_the_load_says_and_leaves_nothing(home: Path, file: Path, tmp_path: Path) -> None:
    tried = trial(TABLE, file, tmp_path / "findings.parquet")
    assert tried.status == "tried"
    assert tried.counts == {"delivered": 3, "accepted": 2, "quarantined": 1, "set_aside": 0}
    assert everything(home) == set()

    loaded = ingest(TABLE, file)
    assert said(loaded) == said(tried)
    found = pq.read_table(tmp_path / "findings.parquet").select(["cell", "rule", "text"]).to_pylist()
    known = [{name: row[name] for name in ("cell", "rule", "text")} for row in rows_of("ops.issue")]
    assert sorted(map(str, found)) == sorted(map(str, known))
    assert trial(TABLE, file).status == "already"


def test_a_trial_refuses_what_the_load_refuses(home: Path, tmp_path: Path) -> None:
    for name, content, rule in (
        ("空.csv", b"", "empty_file"),
        ("机密★.csv", csv_bytes(PICTURE), "secret_file"),
        ("流转.csv", csv_bytes(PICTURE.replace("派遣", "秘密★1年")), "secret_file"),
        ("没有这些列.csv", "甲,乙\n1,绝密★\n".encode("gb18030"), "secret_file"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        tried = trial(TABLE, path)
        assert (tried.status, tried.refused_because and tried.refused_because.rule) == ("refused", rule)
    assert everything(home) == set()


def test_a_trial_of_repaired_rows(home: Path, file: Path, tmp_path: Path) -> None:
    receipt = ingest(TABLE, file).receipt
    form = tmp_path / "修正.csv"
    quarantined(receipt, form)
    form.write_text(form.read_text("utf-8-sig").replace("2026-02-30", "2026-09-08 09:30:00"), "utf-8")
    before = everything(home)
    tried = trial_repair(receipt, form)
    assert tried.counts == {"delivered": 3, "accepted": 3, "quarantined": 0, "set_aside": 0}
    assert everything(home) == before
    assert repair(receipt, form).counts == tried.counts
    form.write_text("行号,环节\n1,受理\n", "utf-8")
    with pytest.raises(UsageError, match="第 1 行不在隔离区"):
        trial_repair(receipt, form)


def test_a_correction_replaces_a_delivery(home: Path, file: Path, tmp_path: Path) -> None:
    old = ingest(TABLE, file).receipt
    new = tmp_path / "流转（更正）.csv"
    new.write_bytes(csv_bytes(MENDED))
    for _ in range(2):  # twice is once
        outcome, gone = correct(old, new, "王某")
        assert gone
        assert (gone.receipt, gone.status) == (old, "withdrawn")
    assert landing.holder(outcome.receipt).corrects == old
    assert lake(f"bronze.{TABLE}", "_receipt event_no arrived_at") == flat(f"""
        _receipt | event_no | arrived_at
        {outcome.receipt} | 1 | 2026-09-08 09:05:00
        {outcome.receipt} | 2 | 2026-09-08 09:06:00
        {outcome.receipt} | 3 | 2026-09-08 09:30:00
    """)


def test_a_correction_that_is_refused_changes_nothing(home: Path, file: Path, tmp_path: Path) -> None:
    old = ingest(TABLE, file).receipt
    empty = tmp_path / "空.csv"
    empty.write_bytes(b"")
    outcome, gone = correct(old, empty)
    assert (outcome.status, gone, landing.holder(old).status) == ("refused", None, "loaded")
    with pytest.raises(UsageError, match="相同"):
        correct(old, file)
