"""Upkeep of what ingest writes: fewer files, the same rows, and still each load once. No JVM."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from citybrain import contracts
from citybrain.ingest.schema import QUARANTINE_SCHEMA, bronze_schema
from citybrain.ingest.write import Part, commit
from citybrain.lake import PlaceError, table_uri
from citybrain.maintain import maintain, tables
from tests.lake import rows_of

ORDERS, BACK = "bronze.centre__work_order", "quarantine.centre__work_order"
ORDER_ROWS, RECEIPTS = bronze_schema(contracts.load()[ORDERS]), 500


@pytest.fixture
def twelve(deliver):
    """Twelve deliveries, each with a good row and a bad one."""
    head = "工单编号 | 上报时间\n"
    return [
        deliver(
            ORDERS, f"{head}NH202603010000{n:02d} | 2026-03-01 09:00\nNH202603010001{n:02d} | 2026-02-30", f"{n}.csv"
        )
        for n in range(12)
    ]


def rows(table: str) -> list[str]:
    return sorted(map(repr, rows_of(table)))


def test_many_receipts_become_one_file_with_the_same_rows(twelve):
    before = {table: rows(table) for table in tables()}
    assert set(before) == {ORDERS, BACK, "ops.issue"}
    done = {d.table: d for d in maintain(keep_days=0)}
    for table in before:
        assert done[table].files_before >= 12
        assert (done[table].files_after, done[table].deleted) == (1, done[table].files_before)
    assert {table: rows(table) for table in tables()} == before
    assert [d.status for d in maintain(keep_days=0)] == ["unchanged"] * 3


@pytest.fixture
def many(tmp_path, home):
    """RECEIPTS loads of one order each, committed as ingest commits them, and then looked after."""
    part = tmp_path / "part.parquet"
    for n in range(RECEIPTS):
        order = {"work_order_id": f"NH{n:014d}", "_receipt": f"R{n}", "_load": 1, "_row": 2}
        row = {field.name: order.get(field.name) for field in ORDER_ROWS}
        pq.write_table(pa.Table.from_pylist([row], ORDER_ROWS), part)
        assert commit(ORDERS, ORDER_ROWS, [Part(part, 1, part.stat().st_size, {})], f"R{n}", 1, "工单")
    (done,) = maintain([ORDERS], keep_days=0)
    return done


def test_many_receipts_cost_a_reader_after_upkeep_one_file_and_one_checkpoint(many):
    """Not the clock but what a reader opens: the checkpoint, no commit after it, one file; and every row is there."""
    assert (many.files_before, many.files_after, many.deleted) == (RECEIPTS, 1, RECEIPTS)
    log = Path(table_uri(ORDERS)) / "_delta_log"
    checkpoint = json.loads((log / "_last_checkpoint").read_text())["version"]
    assert [f.name for f in log.glob("*.json") if int(f.stem) > checkpoint] == []
    assert len(list(Path(table_uri(ORDERS)).glob("**/*.parquet"))) == 1 + len(list(log.glob("*.parquet")))
    assert {row["_receipt"] for row in rows_of(ORDERS)} == {f"R{n}" for n in range(RECEIPTS)}


def test_what_was_replaced_stays_for_a_week(twelve):
    assert {d.deleted for d in maintain()} == {0}


def test_a_load_is_still_known_after_checkpoint_and_clean_up(twelve):
    maintain(keep_days=0)
    before = rows(BACK)
    for outcome in twelve:
        assert commit(BACK, QUARANTINE_SCHEMA, [], outcome.receipt, 1, "again") is False
    assert rows(BACK) == before


def test_a_table_that_cannot_be_kept_is_told_and_the_others_go_on(twelve):
    Path(DeltaTable(table_uri(BACK)).file_uris()[0]).write_bytes(b"torn")
    done = {d.table: d for d in maintain(keep_days=0)}
    assert done[BACK].status == "failed"
    assert done[BACK].reason
    assert done[ORDERS].status == done["ops.issue"].status == "maintained"


def test_a_lake_that_is_elsewhere_is_not_taken_for_an_empty_one(monkeypatch):
    monkeypatch.setenv("CITYBRAIN_LAKE", "s3a://city/lake")
    with pytest.raises(PlaceError, match="local disks only, not s3a://city/lake"):
        maintain()
