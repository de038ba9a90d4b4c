"""Years of work orders with their steps (模拟数据), in bronze as ingest puts them there.

Each value follows from an order's number, the day too: orders are numbered in the order in which they were reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from citybrain import contracts
from citybrain.contracts import SYSTEM_FIELDS, Contract
from citybrain.contracts.load import ROOT
from citybrain.duck import type_of
from citybrain.ingest import ingest
from citybrain.ingest.plain import write_part
from citybrain.ingest.schema import bronze_schema
from citybrain.ingest.write import commit

ORDER, EVENT = "bronze.centre__work_order", "bronze.centre__work_order_event"
CODES = ("town", "village", "category", "deadline_rule", "calendar_day", "boundary", "place_name")
DAY_BEGINS = "TIMESTAMPTZ '2026-10-01 00:00:00+08'"  # all history lies before it, the day's news on it
STEPS = ("受理", "立案", "派遣", "处置", "结案")
ROWS_A_PART = 250_000

_MACROS = """
CREATE MACRO dice(i, salt, sides) AS (hash(i * 64 + salt) % sides)::BIGINT;
CREATE MACRO one_of(i, salt, choices) AS choices[1 + dice(i, salt, len(choices))];
"""


@dataclass(frozen=True)
class History:
    """So many orders, reported in the days before DAY_BEGINS, as many on each."""

    orders: int
    days: int

    @property
    def of_last_year(self) -> int:
        return self.orders * 365 // self.days


def code_tables() -> None:
    for name in CODES:
        ingest(f"reference__{name}", ROOT / f"schemas/codes/{name}.csv")


def deliver(ids: str, history: History, receipt: str, hours: int, scratch: Path) -> None:
    """Orders and their steps. ``ids``: a SELECT of column i, from ``history.orders`` on for new ones;
    ``hours`` after the day's begin, they were exported."""
    with duckdb.connect() as db:
        db.execute(f"{_MACROS} SET TimeZone = 'Asia/Shanghai'")
        db.execute(f"CREATE VIEW orders AS {_orders(ids, history, hours)}")
        _commit(db, ORDER, "FROM orders", receipt, scratch)
        _commit(db, EVENT, _events(), receipt, scratch)


def _orders(ids: str, history: History, hours: int) -> str:
    seconds_apart = history.days * 86_400 / history.orders
    return f"""
        SELECT 'NH' || strftime(reported_at, '%Y%m%d') || lpad(i::VARCHAR, 8, '0') AS work_order_id,
            one_of(i, 1, ['网格系统', '12345热线', '数字城管']) AS source_system, i::VARCHAR AS source_no,
            one_of(i, 2, ['电话', '网络', '微信', '网格员上报', '视频']) AS channel,
            one_of(i, 3, ['咨询', '求助', '投诉', '举报', '建议']) AS request_type,
            one_of(i, 4, ['井盖缺损', '路灯不亮', '暴露垃圾', '占道经营', '噪音扰民']) || '（模拟）' AS request_title,
            '桂澜路' || dice(i, 5, 300) || '号，来电 138'
                || lpad(dice(i, 6, 100000000)::VARCHAR, 8, '0') AS request_text,
            one_of(i, 7, ['0101', '0102']) AS minor_category_code, '01' AS major_category_code,
            one_of(i, 8, ['一般', '一般', '紧急']) AS urgency,
            (440605121 + dice(i, 9, 6))::VARCHAR AS town_code,
            113 + dice(i, 10, 20000) / 100000 AS lon, 23 + dice(i, 11, 20000) / 100000 AS lat, 'CGCS2000' AS crs,
            one_of(i, 12, ['D03', 'D07', 'D11']) AS handling_unit,
            '已结案' AS work_order_status,
            '138' || lpad(dice(i, 13, 100000000)::VARCHAR, 8, '0') AS reporter_phone,
            reported_at, reported_at + INTERVAL 1 HOUR AS accepted_at,
            reported_at + to_seconds(7200 + dice(i + {hours}, 14, 900000)) AS closed_at,
            greatest(reported_at, {DAY_BEGINS} - INTERVAL 20 YEAR) + to_hours({hours}) AS updated_at,
            {DAY_BEGINS} + to_hours({hours}) AS _received_at
        FROM (SELECT i, {DAY_BEGINS} + to_seconds(((i - {history.orders}) * {seconds_apart})::BIGINT) AS reported_at
              FROM ({ids}))"""


def _events() -> str:
    steps = ", ".join(f"({n}, '{step}')" for n, step in enumerate(STEPS, 1))
    return f"""
        SELECT work_order_id, n AS event_no, step, handling_unit AS event_unit, _received_at,
            reported_at + to_seconds((epoch(closed_at - reported_at) * n / {len(STEPS)})::BIGINT) AS arrived_at,
            arrived_at AS finished_at, '已办（模拟）' AS opinion
        FROM orders, (VALUES {steps}) steps(n, step)"""


def _commit(db: duckdb.DuckDBPyConnection, table: str, rows: str, receipt: str, scratch: Path) -> None:
    contract = contracts.load()[table]
    folder = scratch / f"{receipt}-{contract.name}"
    db.execute(f"CREATE OR REPLACE TEMP TABLE given AS {rows}")
    have = {name for name, *_ in db.execute("DESCRIBE given").fetchall()}
    parts = []
    total = db.execute("SELECT count(*) FROM given").fetchone()[0]  # type: ignore[index]
    folder.mkdir(parents=True)
    for first in range(0, total, ROWS_A_PART):
        path = folder / f"{first}.parquet"
        chosen = f"(FROM given WHERE rowid BETWEEN {first} AND {first + ROWS_A_PART - 1})"
        rows = db.execute(f"SELECT {_columns(contract, have, receipt)} FROM {chosen}").to_arrow_table()
        parts.append(write_part(rows, path))
    schema = bronze_schema(contract)
    assert commit(table, schema, parts, receipt, 1, contract.title)


def _columns(contract: Contract, have: set[str], receipt: str) -> str:
    system = {"_receipt": f"'{receipt}'", "_load": "1::INTEGER", "_row": "row_number() OVER ()",
              "_marks": "[]::VARCHAR[]", "_file": "'工单.csv'", "_sheet": "NULL::VARCHAR",
              "_delivered": "NULL::MAP(VARCHAR, VARCHAR)",
              "_received_at": "_received_at"}  # fmt: skip
    own = [f"{f.name if f.name in have else 'NULL'}::{type_of(f)} AS {f.name}" for f in contract.fields]
    return ", ".join([*own, *(f"{system[name]} AS {name}" for name in SYSTEM_FIELDS)])
