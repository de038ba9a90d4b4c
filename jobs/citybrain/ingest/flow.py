"""One delivery from the file to the lake, and the inbox. Each step leaves what the next needs; any may be repeated."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.ingest import landing
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.findings import Origin
from citybrain.ingest.judge import Judge, Judged
from citybrain.ingest.landing import Receipt
from citybrain.ingest.layout import Layout, read_layout
from citybrain.ingest.outcome import IngestError, Issue, Outcome, Refused, UsageError
from citybrain.ingest.report import summary
from citybrain.ingest.source import ahead
from citybrain.ingest.write import ISSUE_SCHEMA, QUARANTINE_SCHEMA, Part, bronze_schema, commit
from citybrain.lake import folder

_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")


def ingest(table: str, file: Path, *, receipt: str | None = None, sender: str | None = None) -> Outcome:
    """Lands a file and loads its good rows into bronze, the others into quarantine; the same bytes load once.

    Raises UsageError for a wrong call and IngestError when disk or lake fail; both leave nothing half done.
    """
    contract = _contract(table)
    if not file.is_file():
        raise UsageError(f"没有这个文件：{file}")
    with _surroundings(), landing.locked(contract.table):
        found = landing.receive(contract.table, file, receipt, sender)
        reached("landed")
        return _outcome(contract, _processed(contract, found), already=found.status == "loaded")


def ingest_inbox(tables: Sequence[str] | None = None) -> list[Outcome]:
    """Takes what lies in ``inbox/<table>/`` in the order of names; a file leaves the inbox once it has landed."""
    known = [c for c in contracts.load().values() if c.layer == "bronze"]
    chosen = [_contract(t) for t in tables] if tables else known
    outcomes = []
    for contract in chosen:
        for file in waiting(folder("inbox") / contract.name):
            outcomes.append(ingest(contract.table, file))
            reached("before leaving the inbox")
            file.unlink()
    return outcomes


def waiting(inbox: Path) -> list[Path]:
    """Finished files of an inbox folder; what is hidden, temporary or half written is left alone."""
    files = sorted(inbox.iterdir()) if inbox.is_dir() else []
    return [f for f in files if f.is_file() and not f.name.startswith((".", "~$")) and f.suffix not in _UNFINISHED]


def reached(step: str) -> None:
    """Named so that tests can stop the process here."""


def _contract(table: str) -> Contract:
    known = {c.table: c for c in contracts.load().values() if c.layer == "bronze"}
    name = table if table.startswith("bronze.") else f"bronze.{table}"
    if name not in known:
        raise UsageError(f"没有报送表 {table}；有：{'、'.join(c.name for c in known.values())}")
    return known[name]


def _processed(contract: Contract, receipt: Receipt) -> Receipt:
    if receipt.status == "destroyed" and receipt.refused_because:
        _record_refusal(contract, receipt, receipt.refused_because)
    if receipt.status in ("loaded", "destroyed"):
        return receipt
    try:
        return _loaded(contract, receipt)
    except Refused as refusal:
        because = file_issue(refusal.rule, **refusal.facts)
        _record_refusal(contract, receipt, because)
        if refusal.rule == "secret_file":
            return landing.destroy(receipt.changed(refused_because=because))
        return landing.update(receipt.changed(status="refused", refused_because=because))


def _record_refusal(contract: Contract, receipt: Receipt, because: Issue) -> None:
    """A refused file is in ``ops.issue`` as well, under a transaction of its own: it may be taken later."""
    facts = {"receipt": receipt.receipt, "load": receipt.load, "table": contract.table}
    row = {**facts, **because.model_dump(), "received_at": receipt.received_at}
    with _stage(receipt) as stage:
        path = stage / "refusal.parquet"
        pq.write_table(pa.Table.from_pylist([row], schema=ISSUE_SCHEMA), path)
        part = Part(path, 1, path.stat().st_size, {})
        _commit_issues(f"{contract.name}.{receipt.receipt}.refused", receipt.load, [part])


def _loaded(contract: Contract, receipt: Receipt) -> Receipt:
    layout = read_layout(contract, receipt.original)
    with _stage(receipt) as stage:
        judged = _judged(contract, receipt, layout, stage)
        reached("judged")
        _commit(contract, receipt, judged)
    detected = layout.detected.model_copy(update={"footer_rows": tuple(sorted(judged.footers))})
    done = receipt.changed(
        status="loaded",
        contract=fingerprint(contract),
        counts=judged.counts,
        refused_because=None,
        summary=summary(judged),
        issues=tuple(judged.issues),
        set_aside=tuple(judged.set_aside),
        marks=dict(sorted(judged.marks.items())),
        detected=detected,
    )
    return landing.update(done)


def _judged(contract: Contract, receipt: Receipt, layout: Layout, stage: Path) -> Judged:
    origin = Origin(receipt.receipt, receipt.load, receipt.file, layout.detected.sheet, receipt.received_at)
    with Judge(contract, layout.detected.columns, origin, stage) as judge:
        for segment in ahead(layout.source.segments(len(layout.detected.columns), layout.first_row)):
            judge.take(segment)
        judge.note(layout.issues)
        judged = judge.finish()
    assert contract.delivery
    if not judged.counts.delivered and contract.delivery.mode == "snapshot":
        raise Refused("no_rows")
    return judged


def _commit(contract: Contract, receipt: Receipt, judged: Judged) -> None:
    """Bronze last: whoever sees the rows can see what was wrong with the others."""
    r, load = receipt.receipt, receipt.load
    quarantine = f"quarantine.{contract.name}"
    title = f"{contract.title}：未能入库的行"
    commit(quarantine, QUARANTINE_SCHEMA, judged.quarantine, r, load, title, ("key",))
    reached("quarantined")
    _commit_issues(f"{contract.name}.{r}", load, judged.issue)
    reached("issues")
    commit(contract.table, bronze_schema(contract), judged.bronze, r, load, contract.title)
    reached("loaded")


def _commit_issues(app: str, load: int, parts: Sequence[Part]) -> None:
    """The one table that the ingests of all tables write."""
    with landing.locked("ops.issue"):
        commit("ops.issue", ISSUE_SCHEMA, parts, app, load, "报送数据的问题", ("text", "message"))


def fingerprint(contract: Contract) -> str:
    return hashlib.sha256(contract.model_dump_json().encode()).hexdigest()[:16]


@contextmanager
def _stage(receipt: Receipt) -> Iterator[Path]:
    """A folder for the files of one load, gone afterwards; what a killed process left there is not used."""
    stage = folder("stage") / "ingest" / f"{receipt.table}-{receipt.receipt}-{receipt.load}"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _surroundings() -> Iterator[None]:
    """What disk, memory and lake do wrong, said once and plainly."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException, DeltaError) as error:
        raise IngestError(f"入库没有完成，可以原样重来：{error}") from error


def _outcome(contract: Contract, receipt: Receipt, already: bool) -> Outcome:
    refused = receipt.status in ("refused", "destroyed")
    shared = receipt.model_dump(exclude={"status", "contract", "received_at", "counts"})
    return Outcome.model_validate(
        {
            **shared,
            "title": contract.title,
            "status": "refused" if refused else "already" if already else "loaded",
            "received_at": receipt.received_at.isoformat(),
            "counts": receipt.counts.model_dump(),
        }
    )
