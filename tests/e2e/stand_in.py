"""Speaks as `citybrain` does and keeps versions instead of data, so that a scheduler can be tested without an engine.

A table is a number, its version; a build notes which versions of its inputs it took in. As with the real one, versions
are pinned before the work and committed after it, so what arrives meanwhile is still to be done.
"""

import fcntl
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from citybrain import contracts, hints, lake

WORK = 0.3  # seconds a build takes
CONTRACTS = contracts.load()
GOLD = [c.table for c in CONTRACTS.values() if c.layer == "gold"]


@contextmanager
def books() -> Iterator[dict[str, dict]]:
    """The versions of all tables, what each table consumed, and what the serving file holds."""
    path = lake.folder("stand_in") / "books.json"
    with (path.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = json.loads(path.read_text()) if path.exists() else {"version": {}, "consumed": {}, "served": {}}
        yield held
        path.with_suffix(".new").write_text(json.dumps(held))
        path.with_suffix(".new").replace(path)


def inputs(held: dict[str, dict], table: str) -> dict[str, int]:
    return {name: held["version"][name] for name in CONTRACTS[table].inputs if name in held["version"]}


def commit(held: dict[str, dict], table: str) -> int:
    held["version"][table] = held["version"].get(table, 0) + 1
    return held["version"][table]


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")


def load(table: str, file: Path) -> None:
    with books() as held:
        commit(held, table)
    say(table=table, receipt=file.stem, status="loaded", counts={"accepted": 1})


def ingest(table: str, file: str) -> None:
    table = f"bronze.{table.removeprefix('bronze.')}"
    load(table, Path(file))
    hints.published([table])


def ingest_inbox(*tables: str) -> None:
    for table in tables:
        for file in sorted((lake.folder("inbox") / table.removeprefix("bronze.")).glob("*.csv")):
            load(table, file)
            file.unlink()


def run(*tables: str) -> None:
    for contract in contracts.in_order(CONTRACTS):
        if contract.table in tables:
            with books() as held:
                pinned, consumed = inputs(held, contract.table), held["consumed"].get(contract.table, {})
            if pinned == consumed:
                say(table=contract.table, status="unchanged")
                continue
            time.sleep(WORK)
            with books() as held:
                held["consumed"][contract.table] = pinned
                say(table=contract.table, status="published", version=commit(held, contract.table), rows={})


def lag() -> None:
    with books() as held:
        behind = [c.table for c in CONTRACTS.values() if inputs(held, c.table) != held["consumed"].get(c.table, {})]
        say(tables=behind, serving=held["served"] != gold(held))


def serve() -> None:
    with books() as held:
        found = gold(held)
    time.sleep(WORK)
    with books() as held:
        held["served"] = found


def gold(held: dict[str, dict]) -> dict[str, int]:
    return {table: held["version"][table] for table in GOLD if table in held["version"]}


if __name__ == "__main__":
    verb, *words = [word for word in sys.argv[1:] if word not in ("--json", "--table")]
    if words[:1] == ["--inbox"]:
        verb, words = "ingest_inbox", words[1:]
    known = {"ingest": ingest, "ingest_inbox": ingest_inbox, "run": run, "lag": lag, "serve": serve}
    known.get(verb, lambda *_: None)(*words)  # upkeep, pulls, the digest: no table gets a new version by them
