"""Deliveries taken up again: withdrawn, handed in once more, parsed anew; whatever is killed in between."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from citybrain.contracts.load import ROOT
from citybrain.ingest import UsageError, ingest, landing, quarantined, reingest, repair, withdraw
from citybrain.lake import table_uri
from tests.ingest.pictures import csv_bytes, flat, lake
from tests.lake import rows_of

EVENT = "bronze.centre__work_order_event"
QUARANTINE = "quarantine.centre__work_order_event"
PICTURE = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
    NH20260908000001 | 2    | 派出 | 2026/9/8 9:06
    NH20260908000001 | 3    | 派遣 | 2026-02-30
"""
OTHER = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000002 | 1    | 受理 | 2026-09-08 09:05:00
"""
BOTH = flat("""
    work_order_id    | event_no | step | _load
    NH20260908000001 | 1        | 受理 | 1
    NH20260908000002 | 1        | 受理 | 1
    NH20260908000001 | 2        | 派出 | 1
""")
ONLY_OTHER = flat("""
    work_order_id    | event_no | step | _load
    NH20260908000002 | 1        | 受理 | 1
""")


def bronze() -> str:
    head, *rows = lake(EVENT, "work_order_id event_no step _load").splitlines()
    return "\n".join([head, *sorted(rows, key=lambda row: row.split("|")[1::-1])])


def feed(since: int) -> list[tuple[str, int, str]]:
    """What a consumer of bronze is told after a version."""
    table = DeltaTable(table_uri(EVENT))
    if table.version() == since:
        return []
    changes = pa.table(table.load_cdf(starting_version=since + 1).read_all()).to_pylist()
    return sorted((c["_change_type"], c["_row"], c["step"]) for c in changes)


def version() -> int:
    return DeltaTable(table_uri(EVENT)).version()


@pytest.fixture
def first(deliver):
    outcome = deliver(EVENT, PICTURE)
    deliver(EVENT, OTHER, name="另一份.csv")
    assert bronze() == BOTH
    return outcome


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Replaces text in the contract of the events, as a site does that lays its own over the project's."""

    def replaced(old: str, new: str) -> None:
        folder = tmp_path / "site" / "bronze"
        folder.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "schemas/bronze/centre__work_order_event.yaml").read_text(encoding="utf-8")
        assert old in text
        (folder / "centre__work_order_event.yaml").write_text(text.replace(old, new), encoding="utf-8")
        monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(tmp_path / "site"))

    return replaced


def test_withdrawn_rows_vanish_and_consumers_are_told_while_original_and_findings_stay(first):
    before = version()
    outcome = withdraw(first.receipt)
    assert (outcome.status, outcome.load, outcome.changes) == ("withdrawn", 2, {"gone": 2})
    assert bronze() == ONLY_OTHER
    assert rows_of(QUARANTINE) == []
    assert feed(before) == [("delete", 2, "受理"), ("delete", 3, "派出")]
    receipt = landing.holder(first.receipt)
    assert receipt.original.read_bytes() == csv_bytes(PICTURE)
    assert {row["rule"] for row in rows_of("ops.issue") if row["receipt"] == first.receipt} == {
        "unreadable_date",
        "enum",
        "absent_column",
    }


def test_withdrawn_rows_leave_a_file_that_upkeep_has_made_of_several_receipts(first):
    DeltaTable(table_uri(EVENT)).optimize.compact()
    before = version()
    assert withdraw(first.receipt).changes == {"gone": 2}
    assert feed(before) == [("delete", 2, "受理"), ("delete", 3, "派出")]
    assert bronze() == ONLY_OTHER


def test_withdrawing_twice_is_harmless(first):
    withdraw(first.receipt)
    before = version()
    again = withdraw(first.receipt)
    assert (again.status, again.load, again.changes, version(), bronze()) == (
        "withdrawn",
        2,
        {"gone": 0},
        before,
        ONLY_OTHER,
    )
    with pytest.raises(UsageError, match="没有回执"):
        withdraw("R-0000000000000000")


def test_what_was_withdrawn_may_be_handed_in_again(first, deliver):
    withdraw(first.receipt)
    once_more = deliver(EVENT, PICTURE, name="重报.csv")
    assert (once_more.status, once_more.receipt, once_more.load) == ("loaded", first.receipt, 3)
    assert bronze() == BOTH.replace("受理 | 1", "受理 | 3", 1).replace("派出 | 1", "派出 | 3")
    assert lake(QUARANTINE, "row load") == flat("""
        row | load
        4   | 3
    """)


@pytest.mark.parametrize(
    ("then", "step"),
    [
        *itertools.product(["withdraw", "ingest"], ["withdrawing", "rows removed", "quarantine removed"]),
        ("reingest", "rows removed"),
    ],
)
def test_a_killed_withdrawal_is_finished_by_whatever_comes_next(first, deliver, then, step):
    killed(f"withdraw({first.receipt!r})", step)
    if then == "withdraw":
        assert withdraw(first.receipt).status == "withdrawn"
        assert bronze() == ONLY_OTHER
    elif then == "reingest":
        assert {o.status for o in reingest(table=EVENT)} == {"withdrawn", "loaded"}
        assert bronze() == ONLY_OTHER
    else:
        assert deliver(EVENT, PICTURE).load == 3
        assert bronze() == BOTH.replace("受理 | 1", "受理 | 3", 1).replace("派出 | 1", "派出 | 3")
    assert withdraw(first.receipt).load == (4 if then == "ingest" else 2)
    assert (bronze(), rows_of(QUARANTINE)) == (ONLY_OTHER, [])


def test_a_new_reading_publishes_only_what_is_different(first, site):
    site("  - step\n", "  - step: {values: {派出: 派遣}}\n")
    before = version()
    (outcome,) = reingest(receipt=first.receipt)
    assert (outcome.status, outcome.load, outcome.changes) == ("loaded", 2, {"added": 0, "changed": 1, "gone": 0})
    assert feed(before) == [("update_postimage", 3, "派遣"), ("update_preimage", 3, "派出")]
    assert bronze() == BOTH.replace("派出 | 1", "派遣 | 2")
    assert lake(QUARANTINE, "row load") == flat("""
        row | load
        4   | 2
    """)


def test_rows_come_out_of_quarantine_and_go_into_it_as_the_contract_says(first, site):
    site("  - step\n", "  - step: {severity: block}\n")
    before = version()
    (outcome,) = reingest(receipt=first.receipt)
    assert outcome.changes == {"added": 0, "changed": 0, "gone": 1}
    assert feed(before) == [("delete", 3, "派出")]
    assert lake(QUARANTINE, "row reasons") == flat("""
        row | reasons
        3   | enum:C3
        4   | unreadable_date:D4
    """)
    site("title: 工单流转日志", "title: 工单流转日志")  # as it was
    (outcome,) = reingest(receipt=first.receipt)
    assert (outcome.load, outcome.changes) == (3, {"added": 1, "changed": 0, "gone": 0})
    assert bronze() == BOTH.replace("派出 | 1", "派出 | 3")


def test_nothing_different_is_no_commit(first):
    before = version()
    outcomes = reingest(table=EVENT)
    assert [(o.load, o.changes) for o in outcomes] == [(2, {"added": 0, "changed": 0, "gone": 0})] * 2
    assert (version(), bronze()) == (before, BOTH)


def test_a_contract_that_would_refuse_the_file_leaves_its_rows(first, site):
    site("  - event_unit?\n", "  - event_unit\n")
    (outcome,) = reingest(receipt=first.receipt)
    assert (outcome.status, outcome.refused_because.rule) == ("refused", "missing_column")
    assert bronze() == BOTH
    assert landing.holder(first.receipt).status == "loaded"


@pytest.mark.parametrize("step", ["judged", "quarantined", "issues", "loaded"])
def test_a_killed_reading_is_finished_by_the_next(first, site, step):
    site("  - step\n", "  - step: {values: {派出: 派遣}}\n")
    killed(f"reingest(receipt={first.receipt!r})", step)
    reingest(receipt=first.receipt)
    assert lake(EVENT, "event_no step").splitlines()[1:] in (["1 | 受理", "1 | 受理", "2 | 派遣"],)
    assert lake(QUARANTINE, "row") == "row\n4"
    before = version()
    reingest(receipt=first.receipt)
    assert version() == before


@pytest.mark.parametrize("step", ["quarantined", "issues"])
def test_what_a_killed_reading_committed_does_not_pass_for_that_by_another_contract(first, site, step):
    site("  - step\n", "  - step: {values: {派出: 派遣}}\n")
    killed(f"reingest(receipt={first.receipt!r})", step)
    site("  - step\n", "  - step: {severity: block}\n")
    (outcome,) = reingest(receipt=first.receipt)
    assert (outcome.load, outcome.changes) == (3, {"added": 0, "changed": 0, "gone": 1})
    assert lake(QUARANTINE, "row load") == flat("""
        row | load
        3   | 3
        4   | 3
    """)


@pytest.mark.parametrize("step", ["judged", "quarantined", "issues", "loaded"])
def test_what_a_killed_load_committed_does_not_pass_for_that_by_another_contract(home, tmp_path, site, step):
    path = tmp_path / "流转.csv"
    path.write_bytes(csv_bytes(PICTURE))
    killed(f"ingest({EVENT!r}, Path({str(path)!r}))", step)
    site("  - step\n", "  - step: {severity: block}\n")
    outcome = ingest(EVENT, path)
    load = 1 if step == "judged" else 3
    assert (outcome.counts["accepted"], outcome.counts["quarantined"], outcome.load) == (1, 2, load)
    assert lake(EVENT, "event_no _load") == f"event_no | _load\n1 | {load}"
    assert lake(QUARANTINE, "row load") == f"row | load\n3 | {load}\n4 | {load}"
    assert ingest(EVENT, path).status == "already"


def told(receipt: landing.Receipt) -> dict[str, object]:
    """A receipt without the number of its load."""
    return receipt.model_dump(exclude={"load"})


def everything() -> dict[str, object]:
    """What receipts say, and what the lake holds of them: of the findings, those of the last load."""
    receipts = landing.receipts(EVENT)
    last = {(r.receipt, r.load) for r in receipts if r.status in ("loaded", "refused", "destroyed")}
    issues = [row for row in rows_of("ops.issue") if (row["receipt"], row["load"]) in last]
    tables = {EVENT: rows_of(EVENT), QUARANTINE: rows_of(QUARANTINE), "ops.issue": issues}
    loadless = {t: [{k: v for k, v in row.items() if k not in ("load", "_load")} for row in tables[t]] for t in tables}
    return {"receipts": [told(r) for r in receipts], **{t: sorted(map(repr, rows)) for t, rows in loadless.items()}}


@pytest.fixture
def of_every_kind(first, deliver, tmp_path):
    """Deliveries in every state that lasts."""
    form = tmp_path / "修正.csv"
    form.write_text("行号,到达时间\n4,2026-09-08 10:00:00\n", "utf-8")
    order = "NH20260908000001"

    def like_first(number: str, name: str):
        return deliver(EVENT, PICTURE.replace(order, f"NH2026090800000{number}"), name=name).receipt

    repair(like_first("3", "修正过.csv"), form)
    withdraw(like_first("4", "撤回.csv"))
    withdraw(like_first("5", "又报.csv"))
    like_first("5", "又报.csv")
    deliver(EVENT, PICTURE.replace("2026-09-08 09:05:00", "不详").replace("2026/9/8 9:06", "不详"), name="全部隔离.csv")
    deliver(EVENT, "甲 | 乙\n1 | 2", name="未接收.csv")
    deliver(EVENT, PICTURE.replace("派出", "机密★"), name="涉密.csv")
    reingest(receipt=first.receipt)


def test_the_lake_is_rebuilt_from_the_landing_zone_alone(of_every_kind, home):
    before = everything()
    assert {r["status"] for r in before["receipts"]} == {"loaded", "withdrawn", "refused", "destroyed"}
    assert [len(before[t]) for t in (EVENT, QUARANTINE)] == [8, 5]
    shutil.rmtree(home / "lake")
    shutil.rmtree(home / "landing" / "centre__work_order_event" / ".content")
    assert sum(o.changes.get("added", 0) for o in reingest(table=EVENT)) == 8
    assert everything() == before


def test_quarantined_rows_are_handed_out_corrected_and_taken(first, tmp_path):
    form = tmp_path / "修正.csv"
    assert quarantined(first.receipt, form) == 1
    assert form.read_text("utf-8-sig").splitlines() == [
        "行号,工单编号,序号,环节,到达时间,原因",
        "4,NH20260908000001,3,派遣,2026-02-30,"
        "D4 “到达时间”的“2026-02-30”不是存在的、没有歧义的日期时间。请写成 2026-09-08 或 2026-09-08 09:05:00。",
    ]
    form.write_text(form.read_text("utf-8-sig").replace("2026-02-30", "2026-09-08 10:00:00", 1), "utf-8-sig")
    before = version()
    outcome = repair(first.receipt, form)
    assert (outcome.load, outcome.changes) == (2, {"added": 1, "changed": 0, "gone": 0})
    assert outcome.counts == {"delivered": 3, "accepted": 3, "quarantined": 0, "set_aside": 0}
    assert feed(before) == [("insert", 4, "派遣")]
    assert rows_of(QUARANTINE) == []
    assert landing.holder(first.receipt).original.read_bytes() == csv_bytes(PICTURE)
    repair(first.receipt, form)
    reingest(receipt=first.receipt)
    assert feed(before) == [("insert", 4, "派遣")]  # neither the same repair nor a new reading changes anything


def test_a_row_of_a_wrong_width_is_repaired_too(deliver, tmp_path):
    outcome = deliver(EVENT, PICTURE + "    NH20260908000001 | 4 | 派遣 | 2026-09-08 09:08:00 | 多 | 余")
    form = tmp_path / "修正.csv"
    form.write_text("行号,工单编号,到达时间\n5,NH20260908000009,2026-09-08 09:09:00\n", "utf-8")
    assert repair(outcome.receipt, form).counts["quarantined"] == 1
    assert lake(EVENT, "_row work_order_id event_no").splitlines()[-1] == "5 | NH20260908000009 | 4"


def test_what_is_no_repair_is_said(first, tmp_path):
    form = tmp_path / "修正.csv"
    for text, said in (
        ("工单编号\nNH20260908000001\n", "有“行号”一列"),
        ("行号,颜色\n4,红\n", "原文件没有的列：颜色"),
        ("行号,环节\n四,派遣\n", "不是行号：四"),
        ("行号,环节\n2,派遣\n4,派遣\n", "第 2 行不在隔离区"),
    ):
        form.write_text(text, "utf-8")
        with pytest.raises(UsageError, match=said):
            repair(first.receipt, form)
    assert bronze() == BOTH


def test_a_repair_of_what_todays_contract_refuses_is_told_and_waits(first, site, tmp_path):
    form = tmp_path / "修正.csv"
    form.write_text("行号,到达时间\n4,2026-09-08 10:00:00\n", "utf-8")
    site("  - event_unit?\n", "  - event_unit\n")
    outcome = repair(first.receipt, form)
    assert (outcome.status, outcome.refused_because.rule) == ("refused", "missing_column")
    assert bronze() == BOTH
    site("title: 工单流转日志", "title: 工单流转日志")  # as it was
    assert reingest(receipt=first.receipt)[0].changes["added"] == 1


@pytest.mark.parametrize("step", ["repair kept", "quarantined", "loaded"])
def test_a_killed_repair_is_finished_by_the_next(first, tmp_path, step):
    form = tmp_path / "修正.csv"
    form.write_text("行号,到达时间\n4,2026-09-08 10:00:00\n", "utf-8")
    killed(f"repair({first.receipt!r}, __import__('pathlib').Path({str(form)!r}))", step)
    assert repair(first.receipt, form).counts["accepted"] == 3
    assert lake(EVENT, "_row event_no").splitlines()[-1] == "4 | 3"
    assert rows_of(QUARANTINE) == []


def test_bytes_are_known_although_the_index_of_contents_is_gone(first, home, tmp_path):
    shutil.rmtree(home / "landing" / "centre__work_order_event" / ".content")
    copy = tmp_path / "再报.csv"
    copy.write_bytes(csv_bytes(PICTURE))
    again = ingest(EVENT, copy, receipt="HZ-1")
    assert (again.status, again.receipt) == ("already", first.receipt)


def killed(call: str, step: str) -> None:
    """Runs a call in a process of its own that is killed at a step."""
    script = f"""
import os, signal
from pathlib import Path
from citybrain.ingest import flow, ingest, reingest, repair, withdraw
def kill(reached):
    if reached == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
flow.reached = kill
{call}
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "jobs")}
    assert subprocess.run([sys.executable, "-c", script], env=env, check=False).returncode == -signal.SIGKILL
