"""What the checks found, for people: by department, table, rule and day; in deliveries and before publishing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from citybrain import lake, ops
from citybrain.contracts import Contract
from citybrain.docs import words
from citybrain.duties.score import DIMENSIONS, scores
from citybrain.ingest.dirt import dirt_rules

DAYS = 30
WORST_FIRST = ("block", "warn", "note")
Row = dict[str, Any]

# Of a receipt that was loaded again only the newest load counts.
_NEWEST = """
    WITH newest AS (SELECT * FROM rows QUALIFY "load" = max("load") OVER (PARTITION BY "table", receipt))
"""
_ISSUES = f"""{_NEWEST}
    SELECT "table", rule, "column", any_value(header) AS header,
           arg_max(severity, received_at) AS severity, arg_max(fix, received_at) AS fix,
           arg_max(message, received_at) AS message, arg_max(receipt, received_at) AS receipt,
           arg_max(cell, received_at) AS cell, count(*) AS cells, count(DISTINCT receipt) AS receipts,
           strftime(max(received_at) AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d %H:%M') AS latest
    FROM newest GROUP BY "table", rule, "column"
"""
_ISSUES_BY_DAY = f"""{_NEWEST}
    SELECT strftime(received_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d') AS day, severity, count(*) AS n
    FROM newest GROUP BY ALL
"""
_RESULTS = """
    SELECT "table", rule, severity, fix, message, success, unexpected_count, checked_count, sample,
           strftime(checked_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d %H:%M') AS latest
    FROM rows QUALIFY row_number() OVER (PARTITION BY "table", rule ORDER BY checked_at DESC) = 1
    ORDER BY success, severity, "table", rule
"""
_RESULTS_BY_DAY = """
    SELECT strftime(checked_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d') AS day,
           CASE WHEN success THEN 'good' ELSE severity END AS severity, count(*) AS n
    FROM rows GROUP BY ALL
"""
_STOPPED = """
    SELECT "table", status, reason, strftime(finished_at AT TIME ZONE 'Asia/Shanghai', '%Y-%m-%d %H:%M') AS latest
    FROM rows QUALIFY row_number() OVER (PARTITION BY "table" ORDER BY finished_at DESC) = 1
    ORDER BY "table"
"""
_WAITING = "SELECT source_table, count(*) AS waiting FROM rows GROUP BY ALL ORDER BY waiting DESC, source_table"


def summary(declared: dict[str, Contract]) -> dict[str, Any]:
    """All that the page shows. Empty lists where nothing has been delivered or checked yet."""
    issues = sorted(ops.ask("ops.issue", _ISSUES), key=_worst)
    for issue in issues:
        issue |= _named(declared.get(issue["table"]), issue)
    results = ops.ask("ops.check_result", _RESULTS)
    for result in results:
        result["shown"] = list(_shown(declared.get(result["table"]), result["sample"]))
    broken = [r for r in results if not r["success"]]
    return {
        "scores": scores(),
        "dimensions": DIMENSIONS,
        "issues": issues,
        "results": results,
        "stopped": [r for r in ops.ask("ops.run", _STOPPED) if r["status"] in ("blocked", "failed")],
        "departments": _departments(declared, issues, broken),
        "tables": _tables(declared, issues, results),
        "places": [
            {"contract": declared[f"silver.{row['source_table']}"], "waiting": row["waiting"]}
            for row in ops.ask("silver.place_unmatched", _WAITING)
        ],
        "issue_days": _days(ops.ask("ops.issue", _ISSUES_BY_DAY), WORST_FIRST),
        "result_days": _days(ops.ask("ops.check_result", _RESULTS_BY_DAY), WORST_FIRST),
    }


def _named(contract: Contract | None, issue: Row) -> Row:
    """The rule and the column in Chinese: from the catalogue of dirt (or its own message) and the contract."""
    known = dirt_rules().get(issue["rule"])
    name = known.name if known else issue["message"].split("。")[0].split("（")[0]
    there = contract is not None and issue["column"] in contract.names
    title = contract.field(issue["column"]).title if contract and there else issue["header"] or ""
    return {"name": name, "title": title}


def _shown(contract: Contract | None, sample: str) -> Iterator[str]:
    """The values or rows of a result, of a row each value after its column's title."""
    titles = {f.name: f.title for f in contract.fields} if contract else {}
    try:
        entries = json.loads(sample)
    except ValueError:  # once what did not fit was cut off anywhere
        entries = [sample]
    for entry in entries:
        values = entry.items() if isinstance(entry, dict) else [("", entry)]
        yield "，".join(f"{titles.get(name, name)} {'空' if v is None else v}".strip() for name, v in values)


def _worst(issue: Row) -> tuple[int, int]:
    return WORST_FIRST.index(issue["severity"]), -issue["cells"]


def _departments(declared: dict[str, Contract], issues: list[Row], broken: list[Row]) -> list[Row]:
    """Who has to act on how much, the most blocked first."""
    found: dict[str, Row] = {}
    for row, kind in [(i, "issue") for i in issues] + [(r, "broken") for r in broken]:
        name = words.actor(row["fix"], declared.get(row["table"]))
        entry = found.setdefault(name, {"name": name, **dict.fromkeys((*WORST_FIRST, "broken"), 0), "latest": ""})
        if kind == "issue":
            entry[row["severity"]] += row["cells"]
        else:
            entry["broken"] += 1
        entry["latest"] = max(entry["latest"], row["latest"])
    return sorted(found.values(), key=lambda e: [-e[kind] for kind in (*WORST_FIRST, "broken")])


def _tables(declared: dict[str, Contract], issues: list[Row], results: list[Row]) -> list[Row]:
    """Of each table: how many rows were taken and sent back, what was found in deliveries, what the checks say."""
    found = []
    for table, contract in declared.items():
        of, checks = [i for i in issues if i["table"] == table], [r for r in results if r["table"] == table]
        taken = _count(table) if contract.layer == "bronze" else None
        back = _count(f"quarantine.{contract.name}") if contract.layer == "bronze" else None
        if not (of or checks or taken or back):
            continue
        cells = {s: sum(i["cells"] for i in of if i["severity"] == s) for s in WORST_FIRST}
        failed = [r for r in checks if not r["success"]]
        latest = max(r["latest"] for r in of + checks) if of or checks else ""
        found.append({"contract": contract, "taken": taken, "back": back, "cells": cells, "checks": checks,
                      "failed": len(failed), "latest": latest})  # fmt: skip
    return found


def _days(counted: list[Row], kinds: tuple[str, ...]) -> list[tuple[str, dict[str, int]]]:
    """The last ``DAYS`` days up to the newest, those without anything too; nothing where there is nothing."""
    if not counted:
        return []
    last = date.fromisoformat(max(row["day"] for row in counted))
    days = [str(last - timedelta(days=n)) for n in reversed(range(DAYS))]
    by = {(row["day"], row["severity"]): row["n"] for row in counted}
    return [(day, {kind: by.get((day, kind), 0) for kind in kinds}) for day in days]


def _count(table: str) -> int:
    """Rows of a table as its log tells; 0 where there is none."""
    from deltalake import DeltaTable

    uri = lake.table_uri(table)
    return DeltaTable(uri).count() if DeltaTable.is_deltatable(uri) else 0
