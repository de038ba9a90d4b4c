"""A short history played in steps, by a process of its own: `python -m tests.jobs.play FIRST STEPS`; prints the tables.

With CITYBRAIN_KILL_AT=n the process is killed (SIGKILL) at the n-th boundary between two steps of the runner.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import UTC, date, datetime
from typing import Any

from citybrain import contracts, engine
from citybrain.maintain import maintain
from citybrain.runner import build as building
from citybrain.runner import feed, state
from citybrain.runner.build import Stage, build
from citybrain.runner.plan import plan
from citybrain.runner.publish import publish
from tests.jobs.lakehouse import content, deliver, interpreted, withdraw

FLOW, DUE = "gold.governance__work_order_flow_daily", "gold.governance__work_order_due_daily"
# A table of each kind of build.
WATCHED = ["silver.industry", "silver.work_order", FLOW, DUE, "gold.platform__indicator_value"]
TABLES = ["silver.town", "gold.reference__area", *WATCHED]
LARGE = 5  # rows, from which on a table is kept and changed as a large one: orders are six, a cube's cells are fewer
TOWNS = [{"town_code": "440605011", "town_name": "桂城街道", "valid_from": date(2003, 1, 1)}]


def order(n: int, hour: int, **more: Any) -> dict[str, Any]:
    moment = datetime(2026, 3, 1, hour, tzinfo=UTC)
    given = {"reported_at": moment, "accepted_at": moment, "updated_at": moment, "town_code": "440605011"}
    return {"work_order_id": f"NH{20260301000000 + n}", "source_system": "网格系统", **given, **more}


def industries(**names: str) -> list[dict[str, Any]]:
    since = date(2017, 10, 1)
    return [
        {"industry_section": section, "industry_name": name, "first_division": n, "last_division": n,
         "valid_from": since}
        for n, (section, name) in enumerate(names.items())
    ]  # fmt: skip


def hand_in(step: int) -> None:
    """Three deliveries: orders; corrections of some and one more; the first one taken back. A code table changes."""
    late = datetime(2026, 3, 9, tzinfo=UTC)
    if step == 0:
        deliver("bronze.reference__town", TOWNS, "T")
        deliver("bronze.reference__industry", industries(A="农业", B="采矿业", C="制造业"), "I0")
        deliver("bronze.centre__work_order", [order(n, n, deadline_at=late) for n in range(6)], "O0")
    elif step == 1:
        moved = [order(n, 20, closed_at=late, deadline_at=late, updated_at=late) for n in (1, 2, 7)]
        deliver("bronze.reference__industry", industries(A="农、林、牧、渔业", C="制造业", D="电力"), "I1", nth=1)
        deliver("bronze.centre__work_order", moved, "O1", nth=1)
    else:
        withdraw("bronze.centre__work_order", "O0")


def bring_up_to_date() -> None:
    spark = interpreted(engine.session())
    for table in TABLES:
        contract, intended = contracts.load()[table], plan(contracts.load()[table])
        if intended.extent != "nothing":
            stage = build(spark, intended, f"run-{table}-{intended.sequence}-{os.getpid()}")
            if stage.is_empty:
                state.note_idle(table, intended.target, intended.inputs, intended.fingerprint)
            else:
                publish(spark, contract, stage)


def kill_at(nth: int) -> list[str]:
    """Puts a boundary before and after everything that leaves a trace; returns what will have been passed."""
    passed: list[str] = []

    def boundary(name: str) -> None:
        passed.append(name)
        if len(passed) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def guard(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def guarded(*arguments: Any, **named: Any) -> Any:
            boundary(name)
            result = original(*arguments, **named)
            boundary(name)
            return result

        setattr(owner, name, guarded)

    guard(building, "_written")
    guard(state, "write_atomically")
    for name in ("create", "insert", "merge", "replace", "mark_rows", "sort", "optimize", "vacuum"):
        guard(engine, name)
    guard(feed, "keep")
    guard(Stage, "drop")
    return passed


def main(first: int, steps: int) -> None:
    passed = kill_at(int(os.environ.get("CITYBRAIN_KILL_AT") or 0))
    state.LARGE = LARGE
    for step in range(first, steps):
        if state.pin("bronze.centre__work_order").version < step:  # a step is one commit; a killed run goes on here
            hand_in(step)
        if step:
            assert all(done.ok for done in maintain(WATCHED))
        bring_up_to_date()
    sys.stdout.write(json.dumps({"passed": passed, "tables": printed()}, ensure_ascii=False) + "\n")


def printed() -> dict[str, list[list[str]]]:
    return {table: [[str(cell) for cell in row] for row in content(table)] for table in WATCHED}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
