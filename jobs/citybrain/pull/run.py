"""One pull a table: fetch, land, load. One that fails says so and stops no other.

What was fetched waits in ``pull/<table>/`` as a finished file until it is loaded; a pull begins with what an earlier
one left there. The watermark moves with the row of the good ``load`` in ``ops.pull``, and not before: whatever is
killed when, the next pull asks for the same rows again, and the same rows twice are once.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from citybrain import contracts, ingest
from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.ingest import Outcome, UsageError, landing
from citybrain.ingest.flow import contract_of, reached, surroundings
from citybrain.ingest.inbox import finished, take
from citybrain.lake import folder
from citybrain.pull import declared
from citybrain.pull.declared import Api, Connection
from citybrain.pull.harvest import Harvest
from citybrain.pull.steps import Facts, Recorder, Standing, standing, tell_killed

SENDERS = {"api": "接口拉取", "database": "数据库拉取"}
_SUFFIX = {"api": "json", "database": "csv"}
_SAID = {
    "loaded": "已入库",
    "already": "此前已入库",
    "unchanged": "没有新的",
    "refused": "未接收",
    "failed": "没有成功",
}


@dataclass(frozen=True)
class Pulled:
    """What became of the pull of one table."""

    table: str
    title: str
    status: str  # loaded, already, unchanged, refused, failed
    rows: int = 0
    receipt: str | None = None
    watermark: str | None = None
    reason: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status not in ("refused", "failed")

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    def text(self) -> str:
        told = [f"{self.title}（{self.table}）：{_SAID[self.status]}"]
        told += [f"取到 {self.rows:,} 行"] if self.rows else []
        told += [f"回执 {self.receipt}"] if self.receipt else []
        return "，".join([*told, *([self.reason] if self.reason else [])])


def pull(tables: Sequence[str] = ()) -> Iterator[Pulled]:
    """Pulls the named tables, or all that have a connection. Raises UsageError for one that has none."""
    known = contracts.load()
    connections = declared.load(known)
    chosen = [contract_of(table) for table in tables] or [known[table] for table in connections]
    if missing := [c.name for c in chosen if c.table not in connections]:
        raise UsageError(f"没有登记连接：{'、'.join(missing)}（site 文件夹下 pulls/<表名>.yaml）")
    for contract in chosen:
        yield from _pulled(contract, connections[contract.table])


def watched(tables: Sequence[str] | None = None) -> Iterator[Outcome]:
    """The inbox, with an outcome row for each step, as for what is pulled."""
    tell_killed()
    recorders: dict[str, Recorder] = {}
    try:
        for contract, file in finished(tables):
            recorder = recorders.setdefault(contract.table, Recorder(contract.table, "folder"))
            if outcome := _taken_from_inbox(contract, file, recorder):
                yield outcome
    finally:
        for recorder in recorders.values():
            recorder.close()


def _taken_from_inbox(contract: Contract, file: Path, recorder: Recorder) -> Outcome | None:
    """Lands and loads a file in one; that it has landed is told after."""
    with recorder.step("load") as facts:
        if (outcome := take(contract, file)) is None:
            facts.error = "another process has taken the file"
            return None
        _judge(facts, outcome)
        facts.receipt = outcome.receipt or None
        facts.error = error = outcome.refused_because.message if outcome.refused_because else None
    failed = outcome.status == "failed" and not outcome.sha256
    with recorder.step("land", bytes=outcome.size, receipt=facts.receipt) as facts:
        facts.status, facts.error = ("failed", error) if failed else ("ok", None)
    return outcome


def _pulled(contract: Contract, connection: Connection) -> Iterator[Pulled]:
    recorder = Recorder(contract.table, connection.how)
    try:
        with _alone(contract):
            tell_killed()
            for file in _left(contract):
                yield _taken(contract, connection, file, recorder, standing(contract.table))
            yield _fresh(contract, connection, recorder)
    except Exception as error:
        why = recorder.secrets.hidden(f"{type(error).__name__}: {error}")
        yield Pulled(contract.table, contract.title, "failed", reason=why)
    finally:
        recorder.close()


def _fresh(contract: Contract, connection: Connection, recorder: Recorder) -> Pulled:
    was, began = standing(contract.table), datetime.now(UTC)
    draft = _spool(contract) / f"{recorder.attempt}.part"
    harvest = _fetched(connection, was, draft, recorder, began)
    reached("fetched")
    if not harvest.rows or harvest.digest == was.digest:
        draft.unlink()
        with recorder.step("load", rows=harvest.rows, receipt=was.receipt) as facts:
            facts.status, facts.watermark = "unchanged", harvest.watermark or was.watermark
            facts.digest = was.digest
        return Pulled(contract.table, contract.title, "unchanged", harvest.rows, watermark=facts.watermark)
    name = f"{contract.title} {began.astimezone(SHANGHAI):%Y%m%d-%H%M%S}.{_SUFFIX[connection.how]}"
    file = draft.rename(draft.with_name(name.replace("/", "／")))
    reached("spooled")
    return _taken(contract, connection, file, recorder, Standing(harvest.watermark, harvest.digest), harvest.rows)


def _fetched(connection: Connection, was: Standing, draft: Path, recorder: Recorder, began: datetime) -> Harvest:
    from citybrain.pull import api, database  # each brings its library

    with draft.open("wb") as out:
        if isinstance(connection, Api):
            return api.fetch(connection, was.watermark, out, recorder, began)
        return database.fetch(connection, was.watermark, out, recorder, began)


def _taken(
    contract: Contract, connection: Connection, file: Path, recorder: Recorder, then: Standing, rows: int = 0
) -> Pulled:
    """Lands and loads a finished file; ``then`` is where the pull stands when that is done."""
    sender = SENDERS[connection.how]
    with recorder.step("land", bytes=file.stat().st_size) as facts, surroundings(), landing.locked(contract.table):
        facts.receipt = landing.receive(contract.table, file, None, sender).receipt
    with recorder.step("load", receipt=facts.receipt) as facts:
        outcome = ingest.ingest(contract.table, file, sender=sender)
        _judge(facts, outcome)
        if facts.status == "ok":
            facts.watermark, facts.digest = then.watermark, then.digest
        reached("taken")
    recorder.flush()
    file.unlink()
    why = outcome.refused_because.message if outcome.refused_because else ""
    moved = then.watermark if facts.status == "ok" else None
    return Pulled(
        contract.table, contract.title, outcome.status, rows, outcome.receipt, moved, why, dict(outcome.counts)
    )


def _judge(facts: Facts, outcome: Outcome) -> None:
    facts.status = {"loaded": "ok", "already": "ok"}.get(outcome.status, outcome.status)
    facts.rows = outcome.counts.get("delivered")


def _spool(contract: Contract) -> Path:
    home = folder("pull") / contract.name
    home.mkdir(exist_ok=True)
    return home


def _left(contract: Contract) -> list[Path]:
    """Finished files that an earlier pull did not come to load; what it had not finished fetching goes."""
    for draft in _spool(contract).glob("*.part"):
        draft.unlink()
    return sorted(_spool(contract).iterdir())


@contextmanager
def _alone(contract: Contract) -> Iterator[None]:
    """One pull of a table at a time; the lock goes with the process."""
    with (folder("locks") / f"pull.{contract.table}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
