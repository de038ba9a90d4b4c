"""The same bytes load once, whatever is interrupted, and whatever the disk does."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from deltalake import DeltaTable

from citybrain.contracts.load import ROOT
from citybrain.ingest import IngestError, UsageError, flow, ingest, landing, report_text, withdraw
from citybrain.ingest.inbox import finished, take
from citybrain.lake import table_uri
from citybrain.pull.run import watched
from tests.ingest.pictures import csv_bytes, flat, lake
from tests.lake import rows_of

EVENT = "bronze.centre__work_order_event"
QUARANTINE = "quarantine.centre__work_order_event"
STEPS = ("landed", "judged", "quarantined", "issues", "loaded")
PICTURE = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
    NH20260908000001 | 2    | 派遣 | 2026/9/8 9:06
    NH20260908000001 | 3    | 派遣 | 2026-02-30
    NH20260908000001 | 3    | 打回 | 2026-09-08 09:07:00
"""
WHOLE = flat("""
    event_no | step | _row | _load
    1        | 受理 | 2    | 1
    2        | 派遣 | 3    | 1
    3        | 打回 | 5    | 1
""")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "流转.csv"
    path.write_bytes(csv_bytes(PICTURE))
    return path


def whole_lake() -> tuple[str, str, str]:
    return (
        lake(EVENT, "event_no step _row _load"),
        lake(QUARANTINE, "row load reasons"),
        lake("ops.issue", "rule row cell load"),
    )


EXPECTED = (
    WHOLE,
    flat("""
        row | load | reasons
        4   | 1    | unreadable_date:D4
    """),
    flat("""
        rule            | row | cell | load
        unreadable_date | 4   | D4   | 1
        enum            | 5   | C5   | 1
        absent_column   |     |      | 1
    """),
)


def left_over(home: Path) -> list[str]:
    """Files that are neither landing nor lake: drafts and stages."""
    kept = [p for p in home.rglob("*") if p.is_file() and "locks" not in p.parts and "lake" not in p.parts]
    return [p.name for p in kept if not (p.name in ("receipt.json", "流转.csv") or p.parent.name == ".content")]


def test_the_same_bytes_are_one_receipt_whatever_they_are_called(file, tmp_path):
    first = ingest(EVENT, file)
    copy = tmp_path / "再报.csv"
    copy.write_bytes(file.read_bytes())
    second = ingest(EVENT, copy, sender="某局")
    assert (first.status, second.status, second.receipt, second.counts, second.file) == (
        "loaded",
        "already",
        first.receipt,
        first.counts,
        "流转.csv",
    )
    assert ingest(EVENT, copy, receipt="HZ-1").status == "already"
    assert whole_lake() == EXPECTED


def test_a_receipt_number_belongs_to_one_file(file, tmp_path):
    assert ingest(EVENT, file, receipt="HZ-1").receipt == "HZ-1"
    other = tmp_path / "b.csv"
    other.write_bytes(csv_bytes(PICTURE.replace("打回", "反馈")))
    with pytest.raises(UsageError, match="HZ-1 已用于另一个文件"):
        ingest(EVENT, other, receipt="HZ-1")
    with pytest.raises(UsageError, match="回执号只能"):
        ingest(EVENT, other, receipt="../x")
    with pytest.raises(UsageError, match="HZ-1 已用于 centre__work_order_event"):
        ingest("bronze.centre__work_order", other, receipt="HZ-1")
    assert landing.numbers("bronze.centre__work_order") == []


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_load_is_finished_by_the_next_attempt(file, home, monkeypatch, step):
    def fail(reached: str) -> None:
        if reached == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(flow, "reached", fail)
        with pytest.raises(KeyboardInterrupt):
            ingest(EVENT, file)
    outcome = ingest(EVENT, file)
    assert outcome.status == "loaded"
    assert whole_lake() == EXPECTED
    assert DeltaTable(table_uri(EVENT)).version() == 1
    assert left_over(home) == []


@pytest.mark.parametrize("step", ["receipt", "quarantined", "loaded"])
def test_a_killed_process_leaves_nothing_that_hurts(file, home, step):
    script = f"""
import os, signal
from pathlib import Path
from citybrain.ingest import flow, landing
def kill(reached):
    if reached == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
flow.reached = kill
write = landing._write
def torn(path, receipt):
    write(path, receipt)
    kill("receipt")
landing._write = torn
flow.ingest({EVENT!r}, Path({str(file)!r}))
"""
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT / "jobs")}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert ingest(EVENT, file).status == "loaded"
    assert whole_lake() == EXPECTED
    assert left_over(home) == []


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: the system refuses the next one, whoever writes it."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("step", ["copied", "landed", "judged", "quarantined", "issues", "loaded"])
def test_a_full_disk_is_said_and_leaves_nothing(file, home, monkeypatch, step):
    """From a step on: the copy, Parquet, the commits of quarantine, of findings and of bronze, the receipt."""
    with ExitStack() as disk, monkeypatch.context() as steps:
        fill = partial(disk.enter_context, full_disk(100))
        steps.setattr(flow, "reached", lambda reached: fill() if reached == step else None)
        if step == "copied":
            fill()
        with pytest.raises(IngestError, match="没有完成") as failure:
            ingest(EVENT, file)
    assert failure.value.exit_code == 4
    assert left_over(home) == []
    landed = [r.status for r in landing.receipts(EVENT)]
    assert landed == ([] if step == "copied" else ["landed"])
    assert ingest(EVENT, file).status == "loaded"
    assert whole_lake() == EXPECTED
    assert left_over(home) == []


def test_a_landing_that_cannot_be_entered_is_said(file, home):
    receipt = ingest(EVENT, file).receipt
    (home / "landing").chmod(0)
    if os.access(home / "landing", os.R_OK):
        pytest.skip("nothing is closed to root")
    try:
        with pytest.raises(IngestError, match="没有完成"):
            ingest(EVENT, file)
        with pytest.raises(PermissionError):  # not: 没有回执
            withdraw(receipt)
    finally:
        (home / "landing").chmod(0o700)
    assert ingest(EVENT, file).status == "already"


def test_a_landing_that_is_no_folder_is_said(file, home):
    home.mkdir()
    (home / "landing").write_text("no folder")
    with pytest.raises(IngestError):
        ingest(EVENT, file)


def test_a_file_for_which_there_is_too_little_memory_is_said_as_such(file, monkeypatch):
    """Not that it may be sent again as it is: it would end in the same way."""
    with file.open("w", encoding="utf-8") as rows:
        rows.write("工单编号,序号,环节,到达时间,意见\n")
        rows.writelines(f"NH20260908{n:06d},1,受理,2026-09-08 09:05:00,{n}{'长' * 3_000}\n" for n in range(4_000))
    with monkeypatch.context() as small:
        small.setenv("CITYBRAIN_INGEST_MEMORY", "8MB")
        with pytest.raises(IngestError, match=r"8MB 内存不够.*拆成几个较小的文件") as failure:
            ingest(EVENT, file)
    assert "原样" not in str(failure.value)
    assert ingest(EVENT, file).counts["accepted"] == 4_000


def test_a_receipt_that_cannot_be_read_is_said_and_not_written_over(file):
    receipt = landing.holder(ingest(EVENT, file).receipt)
    torn = receipt.folder / "receipt.json"
    torn.write_bytes(torn.read_bytes()[:100])
    with pytest.raises(IngestError, match="回执文件读不出"):
        ingest(EVENT, file)
    assert len(torn.read_bytes()) == 100


def test_the_inbox_is_taken_in_order_and_half_written_files_wait(home):
    inbox = home / "inbox" / "centre__work_order_event"
    inbox.mkdir(parents=True)
    (inbox / "02.csv").write_bytes(csv_bytes(PICTURE.replace("打回", "反馈")))
    (inbox / "01.csv").write_bytes(csv_bytes(PICTURE))
    (inbox / "03.csv").write_bytes(b"x,y\n1,2\n")
    (inbox / "04.csv").write_bytes(csv_bytes(PICTURE))
    for name in ("~$02.xlsx", "05.csv.part", "06.tmp", ".07.csv"):
        (inbox / name).write_bytes(b"half")
    outcomes = list(watched())
    assert [(o.file, o.status) for o in outcomes] == [
        ("01.csv", "loaded"),
        ("02.csv", "loaded"),
        ("03.csv", "refused"),
        ("01.csv", "already"),
    ]
    assert sorted(p.name for p in inbox.iterdir()) == [".07.csv", "05.csv.part", "06.tmp", "~$02.xlsx"]
    assert (outcomes[2].refused_because or outcomes[2]).rule == "no_header"
    landed = home / "landing" / "centre__work_order_event" / outcomes[2].receipt / "03.csv"
    assert landed.read_bytes() == b"x,y\n1,2\n"


def test_a_file_at_which_the_program_fails_does_not_stop_the_others(home, monkeypatch):
    inbox = home / "inbox" / "centre__work_order_event"
    inbox.mkdir(parents=True)
    for name, step in (("01.csv", "打回"), ("02.csv", "反馈")):
        (inbox / name).write_bytes(csv_bytes(PICTURE.replace("打回", step)))
    failures = iter([KeyError("程序里的错")])

    def fail(reached: str) -> None:
        if reached == "judged" and (error := next(failures, None)):
            raise error

    monkeypatch.setattr(flow, "reached", fail)
    failed, loaded = watched(["centre__work_order_event"])
    assert (failed.status, failed.file, failed.exit_code, loaded.status) == ("failed", "01.csv", 1, "loaded")
    assert "程序里的错" in report_text(failed)
    assert "KeyError" in (inbox / "failed" / "01.csv.txt").read_text(encoding="utf-8")
    assert list(watched()) == []  # not again and again
    (inbox / "failed" / "01.csv").rename(inbox / "01.csv")
    assert [o.status for o in watched()] == ["loaded"]


def test_where_the_disk_fails_a_file_stays_in_the_inbox(home):
    inbox = home / "inbox" / "centre__work_order_event"
    inbox.mkdir(parents=True)
    (inbox / "01.csv").write_bytes(csv_bytes(PICTURE))

    with full_disk(100):
        (failed,) = (take(contract, file) for contract, file in finished())
    assert (failed.status, failed.exit_code, failed.refused_because.rule) == ("failed", 4, "not_finished")
    assert [o.status for o in watched()] == ["loaded"]
    assert whole_lake() == EXPECTED


def test_a_refused_file_is_taken_once_the_contract_knows_it(home, tmp_path, monkeypatch, file):
    file.write_bytes(csv_bytes(PICTURE.replace("环节", "步骤名")))
    assert ingest(EVENT, file).status == "refused"
    site = tmp_path / "site"
    (site / "bronze").mkdir(parents=True)
    contract = (ROOT / "schemas/bronze/centre__work_order_event.yaml").read_text(encoding="utf-8")
    (site / "bronze" / "centre__work_order_event.yaml").write_text(
        contract.replace("  - step\n", "  - step: {aliases: [步骤名]}\n"), encoding="utf-8"
    )
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(site))
    assert ingest(EVENT, file).status == "loaded"
    assert lake(EVENT, "event_no step _row _load") == WHOLE


def test_a_new_optional_field_is_added_to_the_table(home, tmp_path, monkeypatch, file):
    ingest(EVENT, file)
    site = tmp_path / "site"
    (site / "bronze").mkdir(parents=True)
    contract = (ROOT / "schemas/bronze/centre__work_order_event.yaml").read_text(encoding="utf-8")
    added = contract.rstrip() + "\n  - urgency?\n"
    (site / "bronze" / "centre__work_order_event.yaml").write_text(added, encoding="utf-8")
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(site))
    file.write_bytes(
        csv_bytes(PICTURE.replace("到达时间", "到达时间 | 紧急程度").replace("09:05:00", "09:05:00 | 紧急"))
    )
    ingest(EVENT, file)
    assert sorted((row["urgency"] for row in rows_of(EVENT)), key=str) == [None] * 3 + ["紧急"]
