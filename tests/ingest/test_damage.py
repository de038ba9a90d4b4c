"""What landing keeps is held against its hash before it is read again; what was changed or lost is said, by receipt."""

from __future__ import annotations

import pytest

from citybrain.ingest import ingest, landing, reingest, repair, report_text, trial_repair, withdraw
from citybrain.ingest.outcome import DamageError
from tests.ingest.pictures import csv_bytes, flat, lake

EVENT = "bronze.centre__work_order_event"
FIRST = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
    NH20260908000001 | 2    | 派遣 | 2026-02-30
"""
SECOND = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000002 | 1    | 派遣 | 2026-09-08 09:05:00
"""
LOADED = flat("""
    work_order_id    | event_no | step
    NH20260908000001 | 1        | 受理
    NH20260908000002 | 1        | 派遣
""")


@pytest.fixture
def first(deliver):
    outcome = deliver(EVENT, FIRST)
    deliver(EVENT, SECOND, name="另一份.csv")
    return landing.holder(outcome.receipt)


def bronze() -> str:
    head, *rows = lake(EVENT, "work_order_id event_no step").splitlines()
    return "\n".join([head, *sorted(rows)])


def damage(receipt: landing.Receipt, how: str) -> str:
    """Gives what is to be said of it."""
    if how == "original changed":
        receipt.original.write_bytes(csv_bytes(FIRST.replace("受理", "打回")))
        return "原件与收到时不同"
    if how == "original gone":
        receipt.original.unlink()
        return "原件不见了"
    torn = receipt.folder / "receipt.json"
    if how == "receipt torn":
        torn.write_bytes(torn.read_bytes()[:100])
    else:
        torn.unlink()
    return "回执文件读不出"


@pytest.mark.parametrize("how", ["original changed", "original gone", "receipt torn", "receipt gone"])
def test_a_damaged_delivery_fails_by_itself_and_its_rows_stay(first, how):
    said = damage(first, how)
    outcomes = {o.receipt: o for o in reingest(table=EVENT)}
    failed = outcomes.pop(first.receipt)
    assert (failed.status, failed.exit_code) == ("failed", 1)
    assert said in report_text(failed)
    assert "可以原样重来" not in report_text(failed)
    assert [(o.status, o.load) for o in outcomes.values()] == [("loaded", 2)]
    assert bronze() == LOADED
    assert lake("quarantine.centre__work_order_event", "row load") == "row | load\n3 | 1"


@pytest.mark.parametrize("how", ["original changed", "original gone", "receipt torn", "receipt gone"])
def test_nothing_is_repaired_upon_what_is_damaged(first, tmp_path, how):
    form = tmp_path / "修正.csv"
    form.write_text("行号,到达时间\n3,2026-09-08 10:00:00\n", "utf-8")
    said = damage(first, how)
    for attempt in (trial_repair, repair):
        with pytest.raises(DamageError, match=said):
            attempt(first.receipt, form)
    assert bronze() == LOADED
    assert not (first.folder / "repairs").exists()


def test_a_changed_repair_is_not_read_either(first, tmp_path):
    form = tmp_path / "修正.csv"
    form.write_text("行号,到达时间\n3,2026-09-08 10:00:00\n", "utf-8")
    repair(first.receipt, form)
    (kept,) = (first.folder / "repairs").iterdir()
    kept.write_text("行号,到达时间\n3,2026-09-09 10:00:00\n", "utf-8")
    with pytest.raises(DamageError, match="修正表与收到时不同"):
        trial_repair(first.receipt, form)
    (outcome,) = reingest(receipt=first.receipt)
    assert (outcome.status, "修正表与收到时不同" in report_text(outcome)) == ("failed", True)
    assert lake(EVENT, "event_no arrived_at").splitlines()[-1] == "2 | 2026-09-08 10:00:00"


@pytest.mark.parametrize("how", ["original changed", "original gone"])
def test_the_same_file_once_more_restores_an_original(first, tmp_path, how, caplog):
    damage(first, how)
    ingest(EVENT, tmp_path / "报送.csv")
    assert "恢复" in caplog.text
    assert first.original.read_bytes() == csv_bytes(FIRST)
    assert [o.status for o in reingest(table=EVENT)] == ["loaded", "loaded"]


def test_a_receipt_that_is_gone_is_not_taken_for_one_that_never_came(first, tmp_path):
    damage(first, "receipt gone")
    for call in (lambda: ingest(EVENT, tmp_path / "报送.csv"), lambda: withdraw(first.receipt)):
        with pytest.raises(DamageError, match="回执文件读不出"):
            call()
    assert bronze() == LOADED
