"""One size of the refresh bench, in a process of its own: `python -m tests.bench.refresh ORDERS DAYS`; prints JSON.

A home that holds the history of an earlier call is taken up with the days that follow; `--no-full` leaves out the full
recomputation. Together they measure one day again after a change of the code, in minutes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from citybrain import duck, lake
from citybrain.maintain import maintain
from citybrain.runner import run
from citybrain.runner.run import Result, session
from tests.bench import history
from tests.bench.history import History
from tests.measured import bytes_read, jvm

DAY, OLD_SHARE = 3_000, 0.05  # orders of a day that are new or changed; of them older than a year
SILVER = ["silver.work_order_event", "silver.work_order"]
CUBES = [
    f"gold.governance__{name}"
    for name in ("work_order_flow_daily", "work_order_state_daily", "work_order_due_daily", "handling_hours_daily",
                 "event_point_daily")
]  # fmt: skip
FLOW = """
    SELECT moment::DATE AS stat_date, town_code, major_category_code, source_system, sum(reported) AS reported_count,
        sum(closed) AS closed_count, count(*) AS row_count
    FROM (SELECT *, unnest([
        {'moment': reported_at, 'reported': 1, 'closed': 0}, {'moment': accepted_at, 'reported': 0, 'closed': 0},
        {'moment': filed_at, 'reported': 0, 'closed': 0}, {'moment': dispatched_at, 'reported': 0, 'closed': 0},
        {'moment': disposed_at, 'reported': 0, 'closed': 0}, {'moment': closed_at, 'reported': 0, 'closed': 1}],
        recursive := true) FROM %s)
    WHERE moment IS NOT NULL GROUP BY ALL"""


def both_read() -> int:
    """Bytes that Spark's JVM and this process have read since they began."""
    return bytes_read(jvm()) + bytes_read()


def cpu_seconds() -> float:
    """What Spark's JVM and this process have computed since they began; on a busy machine steadier than time."""
    used = Path(jvm(), "stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK") + time.process_time()


def measured(tables: list[str], full: bool = False) -> dict[str, Any]:
    began, before, used = time.monotonic(), both_read(), cpu_seconds()
    told, took = before, {}

    def tell(result: Result) -> None:
        nonlocal told
        sys.stderr.write(f"{result.to_json()}\n")
        told, since = both_read(), told
        took[result.table] = (result.seconds, told - since)

    results = run(tables, full=full, tell=tell)
    assert all(result.ok for result in results), results
    return {"seconds": time.monotonic() - began, "cpu": cpu_seconds() - used, "bytes": both_read() - before,
            "tables": took}  # fmt: skip


def a_day(past: History, day: int) -> str:
    """Two thirds new orders; the others changed: mostly recent ones, a twentieth of the day older than a year."""
    new, old = DAY * 2 // 3, int(DAY * OLD_SHARE)
    recent = DAY - new - old
    orders, year = past.orders, past.of_last_year
    assert year < orders, "some orders are to be older than a year"
    return f"""
        SELECT {orders} + {day * new} + i AS i FROM range({new}) r(i)
        UNION ALL SELECT {orders} - 1 - hash(i * 7 + {day})::UBIGINT % {year} FROM range({recent}) r(i)
        UNION ALL SELECT hash(i * 11 + {day})::UBIGINT % {orders - year} FROM range({old}) r(i)"""


def by_duckdb() -> dict[str, Any]:
    """The flow cube from scratch, in SQL of DuckDB; it must say what the cube says."""
    db = duck.open_lake()
    began = time.monotonic()
    db.execute(f"CREATE TABLE flow AS {FLOW % duck.scan('silver.work_order')}")
    seconds = time.monotonic() - began
    names = "stat_date, town_code, major_category_code, source_system, reported_count, closed_count, row_count"
    ours = f"SELECT {names} FROM {duck.scan(CUBES[0])}"
    assert not db.execute(f"(SELECT {names} FROM flow EXCEPT {ours}) UNION ALL ({ours} EXCEPT FROM flow)").fetchall()
    return {"seconds": seconds}


def build_history(past: History) -> dict[str, Any]:
    """Years of orders, delivered, built and kept up; returns what building them cost."""
    history.code_tables()
    history.deliver(f"SELECT i FROM range({past.orders}) r(i)", past, "H", 0, lake.home() / "scratch")
    run([f"silver.{name}" for name in history.CODES])
    built = measured([*SILVER, *CUBES])
    assert all(done.ok for done in maintain([history.ORDER, history.EVENT, *SILVER, *CUBES]))
    return built


def deliver_day(past: History, day: int) -> None:
    ids = f"SELECT DISTINCT i FROM ({a_day(past, day)})"
    history.deliver(ids, past, f"D{day}", 24 * (day + 1), lake.home() / "scratch")


def main(past: History, full: bool) -> None:
    notes = lake.home() / "bench.json"
    known = json.loads(notes.read_text()) if notes.exists() else {"built": build_history(past), "days": 0}
    answer = {"built": known["built"]}
    for day, what in enumerate(("warming", "refresh"), known["days"]):
        notes.write_text(json.dumps({"built": known["built"], "days": day + 1}))
        deliver_day(past, day)
        answer[what] = measured([*SILVER, *CUBES])
    if full:
        answer |= {"full": measured([*SILVER, *CUBES], full=True), "duckdb": by_duckdb()}
    sys.stdout.write(json.dumps(answer) + "\n")
    session().stop()


if __name__ == "__main__":
    main(History(int(sys.argv[1]), int(sys.argv[2])), "--no-full" not in sys.argv)
