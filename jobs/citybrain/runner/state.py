"""What a table's last commit says of itself: which versions of its inputs it holds, by which rules, at which step.

The state rides in the commit's user metadata, so that rows and state change together or not at all. It is read by
delta-rs, without a JVM.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from citybrain import lake

UPKEEP = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "ADD COLUMNS")  # commits that change no row
LARGE = 500_000  # rows
UPKEEP_AT_MOST = 100  # versions looked back over, commit by commit


@dataclass(frozen=True)
class Pin:
    """One version of one incarnation of a table; ``id`` None: the table does not exist yet and counts as empty."""

    id: str | None
    version: int


@dataclass(frozen=True)
class State:
    """The state after a publish."""

    run: str
    sequence: int
    fingerprint: str
    inputs: dict[str, Pin] = field(default_factory=dict)
    shares: dict[str, list[int]] = field(default_factory=dict)  # rule → rows of the kind, rows looked at

    def to_json(self) -> str:
        return json.dumps({"citybrain": asdict(self)}, sort_keys=True)

    @staticmethod
    def from_json(text: str | None) -> State | None:
        document = json.loads(text).get("citybrain") if text else None
        if document is None:
            return None
        inputs = {name: Pin(**pin) for name, pin in document.pop("inputs").items()}
        return State(inputs=inputs, **document)


def pin(table: str) -> Pin:
    """The newest version of a table now."""
    from deltalake import DeltaTable

    uri = lake.table_uri(table)
    if not DeltaTable.is_deltatable(uri):
        return Pin(None, -1)
    delta = DeltaTable(uri)
    return Pin(str(delta.metadata().id), delta.version())


def is_large(table: str, pin: Pin) -> bool:
    """Whether a table is known to be so large that its rows are put in order and looked for, not read through."""
    return pin.id is not None and rows(table, pin.version) >= LARGE


def rows(table: str, version: int) -> int:
    """How many rows a table had, or a few more; 0 where that would have to be counted."""
    import pyarrow as pa
    from deltalake import DeltaTable

    uri = lake.table_uri(table)
    if "://" in uri:
        return 0
    counts = pa.table(DeltaTable(uri, version=version).get_add_actions())["num_records"].to_pylist()
    return sum(count or 0 for count in counts)


def state(table: str) -> State | None:
    """The state in the newest commit that carries one; None for a table never published.

    Every commit of ours carries it, OPTIMIZE too, so it is nearly always the newest; strangers' commits are passed by.
    """
    from deltalake import DeltaTable

    uri = lake.table_uri(table)
    if not DeltaTable.is_deltatable(uri):
        return None
    delta = DeltaTable(uri)
    for limit in (5, None):
        for entry in delta.history(limit):
            if found := State.from_json(_user_metadata(entry)):
                return found
    return None


def held(table: str) -> State | None:
    """The state in the newest commit; None where that is a stranger's, who may have changed any row."""
    entries = commits(table, pin(table).version, 1)
    return State.from_json(_user_metadata(entries[0])) if entries else None


def run_of(commit: dict[str, Any]) -> str | None:
    """The run that published a commit; None for a stranger's."""
    found = State.from_json(_user_metadata(commit))
    return found.run if found else None


def commits(table: str, version: int, count: int) -> list[dict[str, Any]]:
    """What the log says of ``version`` and the ``count`` − 1 before it, newest first; fewer where the log is cut off.

    delta-rs tells the history from the newest commit on, whatever version was opened, and numbers it wrongly then.
    """
    from deltalake import DeltaTable

    uri = lake.table_uri(table)
    while True:
        delta = DeltaTable(uri)
        later = delta.version() - version
        entries = delta.history(later + count)
        if DeltaTable(uri).version() == delta.version():  # nobody committed in between
            return entries[later:]


def forwarded(table: str, before: Pin, now: Pin) -> Pin:
    """``now`` where nothing but maintenance lies between the two versions, i.e. the rows are the same; else ``before``.

    Compaction and VACUUM make versions but no news: nobody has to look again, or to read a change feed across them.
    """
    steps = now.version - before.version
    if before.id is None or before.id != now.id or not 0 < steps <= UPKEEP_AT_MOST:
        return before
    between = commits(table, now.version, steps)
    only = len(between) == steps and all(entry.get("operation") in UPKEEP for entry in between)
    return now if only else before


def _user_metadata(entry: dict[str, Any]) -> str | None:
    text = entry.get("userMetadata")
    return text if isinstance(text, str) and text.startswith("{") else None


@contextmanager
def lock(table: str) -> Iterator[None]:
    """One runner at a time on a table, whoever asks: DAG, command line or backfill. Waits; freed when a holder dies."""
    with (lake.folder("locks") / f"{table}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def idle(table: str, target: Pin) -> tuple[dict[str, Pin], str] | None:
    """Input versions (and the fingerprint) that were looked at and made no difference to the table as of ``target``."""
    document = _noted(table, "idle")
    if not document or forwarded(table, Pin(**document["target"]), target) != target:
        return None
    return {name: Pin(**value) for name, value in document["inputs"].items()}, document["fingerprint"]


def note_idle(table: str, target: Pin, inputs: dict[str, Pin], fingerprint: str) -> None:
    """Remembers that ``inputs`` made no difference: no commit, nobody woken, and not looked at again."""
    _note(table, "idle", _attempt(target, inputs, fingerprint))


def blocked(table: str, target: Pin, inputs: dict[str, Pin], fingerprint: str) -> str:
    """Why this very build (same table, same inputs, same rules) was blocked before; empty if it was not."""
    document = _noted(table, "blocked")
    if document.get("fingerprint") != fingerprint or set(document["inputs"]) != set(inputs):
        return ""
    pins = [(table, document["target"], target), *((n, document["inputs"][n], inputs[n]) for n in inputs)]
    same = all(forwarded(name, Pin(**then), now) == now for name, then, now in pins)
    return str(document["reason"]) if same else ""


def note_blocked(table: str, target: Pin, inputs: dict[str, Pin], fingerprint: str, reason: str) -> None:
    """Remembers which rules refused the build; until an input or a rule changes it would end the same."""
    _note(table, "blocked", {**_attempt(target, inputs, fingerprint), "reason": reason})


def _attempt(target: Pin, inputs: dict[str, Pin], fingerprint: str) -> dict[str, Any]:
    consumed = {name: asdict(value) for name, value in inputs.items()}
    return {"target": asdict(target), "inputs": consumed, "fingerprint": fingerprint}


def _note(table: str, what: str, document: dict[str, Any]) -> None:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    write_atomically(lake.folder("stage") / f"{table}.{what}.json", text)


def _noted(table: str, what: str) -> dict[str, Any]:
    path = lake.folder("stage") / f"{table}.{what}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
