"""What Airflow is to start, derived from the contracts, and how it reads what the started processes say. Pure.

One DAG run is one process ``citybrain …``. With ``--json`` it prints an object a line on stdout, all else on stderr:

    ingest --inbox --table T …   {"table", "receipt", "status", "counts": {…}}           one a receipt
    pull T …                     {"table", "receipt", "status", "counts": {…}, "reason"}   one a table
    run T …                      {"table", "status", "version", "rows": {…}, "reason"}   one a table
    maintain                     {"table", "status", "files_before", "files_after", "deleted", "reason"}   one a table
    digest                       {"table", "status", "rows": {…}}   once
    lag                          {"tables": [T…], "blocked": {T: reason…}, "serving": true|false}   once
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from citybrain.contracts import Contract, in_order

Result = dict[str, Any]

INTERVALS = ("hour", "day", "week", "month", "quarter", "once")  # as in delivery.every, most frequent first
CONFORM, SERVE, CATCH_UP, MAINTAIN, MORNING = "conform", "serve", "catch_up", "maintain", "morning"
NEWS = ("loaded", "published")  # after these a table may hold something that it did not hold before
COMPLAINTS = ("blocked", "failed")  # the bureau must look; refused and quarantined are told to the department


@dataclass(frozen=True)
class Process:
    """What one DAG starts: for which tables, on whose behalf, and the tables whose news start it."""

    dag_id: str
    title: str
    owner: str
    command: tuple[str, ...]
    wakes_on: tuple[str, ...] = ()
    every: str | None = None  # of a source: how often it delivers


def sources(contracts: Mapping[str, Contract]) -> list[Process]:
    """Of each source one process that loads what lies in its inboxes."""
    return [_source(name, members) for name, members in _groups(contracts, "bronze")]


def pulls(contracts: Mapping[str, Contract], connected: Iterable[str]) -> dict[str, Process]:
    """The processes that pull what the site has connections for, by the DAG of their source."""
    pulled = {table: contracts[table] for table in connected}
    return {f"ingest__{name}": _pull(name, members) for name, members in _groups(pulled, "bronze")}


def conform(contracts: Mapping[str, Contract]) -> Process:
    """All of silver in one process: its tables read each other."""
    return _built(CONFORM, "清洗与规范", [c for c in in_order(dict(contracts)) if c.layer == "silver"])


def themes(contracts: Mapping[str, Contract]) -> list[Process]:
    """Of each theme one process that brings its gold tables up to date."""
    return [_built(f"theme__{name}", "专题统计", members) for name, members in _groups(contracts, "gold")]


def serve(contracts: Mapping[str, Contract]) -> Process:
    gold = [c for c in contracts.values() if c.layer == "gold"]
    return Process(SERVE, "发布供查询的数据", keeper(gold), ("serve",), tuple(c.table for c in gold))


def catch_up(contracts: Mapping[str, Contract]) -> Process:
    return Process(CATCH_UP, "补跑落后的表", keeper(contracts.values()), ("lag", "--json"))


def maintain(contracts: Mapping[str, Contract]) -> Process:
    return Process(MAINTAIN, "合并小文件、清理旧文件与旧运行记录", keeper(contracts.values()), ("maintain", "--json"))


def morning(contracts: Mapping[str, Contract]) -> Process:
    return Process(MORNING, "催报与晨报", keeper(contracts.values()), ("digest", "--keep", "--json"))


def dag_of(table: str) -> str:
    """The DAG that brings a built table up to date."""
    layer, name = table.split(".")
    return CONFORM if layer == "silver" else f"theme__{name.split('__')[0]}"


def upstream(contracts: Mapping[str, Contract]) -> dict[str, set[str]]:
    """Of each DAG that builds: the other DAGs that build what it reads."""
    found: dict[str, set[str]] = {SERVE: {dag_of(c.table) for c in contracts.values() if c.layer == "gold"}}
    for contract in contracts.values():
        if contract.build:
            made = {dag_of(table) for table in contract.inputs if contracts[table].build}
            found.setdefault(dag_of(contract.table), set()).update(made - {dag_of(contract.table)})
    return found


def asset_uri(table: str) -> str:
    return f"x-lake://{table.replace('.', '/')}"


def keeper(members: Iterable[Contract]) -> str:
    """Who owns most of these tables."""
    return Counter(sorted(c.owner for c in members)).most_common(1)[0][0]


def _groups(contracts: Mapping[str, Contract], layer: str) -> list[tuple[str, list[Contract]]]:
    members = sorted((c for c in in_order(dict(contracts)) if c.layer == layer), key=lambda c: c.group)
    return [(name, list(group)) for name, group in groupby(members, key=lambda c: c.group)]


def _source(name: str, members: list[Contract]) -> Process:
    titles = "、".join(c.title for c in members)
    tables = (word for c in members for word in ("--table", c.table))
    command = ("ingest", "--inbox", *tables, "--json")
    every = min((c.delivery.every for c in members if c.delivery), key=INTERVALS.index)
    return Process(f"ingest__{name}", f"入湖：{titles}", keeper(members), command, every=every)


def _pull(name: str, members: list[Contract]) -> Process:
    titles = "、".join(c.title for c in members)
    return Process(
        f"ingest__{name}", f"拉取：{titles}", keeper(members), ("pull", *(c.table for c in members), "--json")
    )


def _built(dag_id: str, what: str, members: list[Contract]) -> Process:
    titles = "、".join(c.title for c in members)
    made = {c.table for c in members}
    wakes_on = tuple(sorted({name for c in members for name in c.inputs} - made))
    command = ("run", *(c.table for c in members), "--json")
    return Process(dag_id, f"{what}：{titles}", keeper(members), command, wakes_on)


def results(stdout: str) -> list[Result]:
    """The JSON objects among the lines a process printed; other lines are talk."""
    found = []
    for line in stdout.splitlines():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"this line of the process' answer is not JSON ({error}): {line[:200]}") from error
    return found


def news(said: Iterable[Result]) -> dict[str, Result]:
    """Tables that hold something new, with what to say of it. A receipt of which no row was accepted is no news."""
    tables: dict[str, Result] = {}
    for result in said:
        if result["status"] in NEWS and result.get("counts", {}).get("accepted", 1):
            facts = tables.setdefault(result["table"], {"version": result["version"]} if "version" in result else {})
            if "receipt" in result:
                facts.setdefault("receipts", []).append(result["receipt"])
    return tables


def complaints(said: Iterable[Result]) -> list[str]:
    """A line for each table that somebody in the bureau must look at."""
    return [line(result) for result in said if result.get("status") in COMPLAINTS]


def line(result: Result) -> str:
    """A result for a log, without what it quotes from the delivered cells: they may be about persons."""
    parts = [str(result[key]) for key in ("table", "receipt", "status", "reason") if result.get(key)]
    counted = {**result.get("counts", {}), **result.get("rows", {})}
    return " ".join([*parts, *(f"{what} {n}" for what, n in counted.items() if n)])


def lagging(said: Iterable[Result]) -> dict[str, list[str]]:
    """Of ``citybrain lag --json``: the DAGs to start, and for the sake of which tables."""
    start: dict[str, list[str]] = {}
    for answer in said:
        for table in answer["tables"]:
            start.setdefault(dag_of(table), []).append(table)
        if answer["serving"]:
            start[SERVE] = ["serving"]
    return start


def blocked(said: Iterable[Result]) -> dict[str, str]:
    """Of ``citybrain lag --json``: tables that a rule keeps as they were, and which. No start would help."""
    return {table: why for answer in said for table, why in answer.get("blocked", {}).items()}
