"""One delivery from the file to the lake. Each step leaves what the next needs; any may be repeated."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.ingest import landing, series
from citybrain.ingest.complete import completed, width_of
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.findings import Origin
from citybrain.ingest.first_look import FirstLook
from citybrain.ingest.judge import Judge, Judged, memory
from citybrain.ingest.landing import Receipt
from citybrain.ingest.layout import Layout, read_layout
from citybrain.ingest.outcome import Column, IngestError, Issue, Outcome, Refused, UsageError
from citybrain.ingest.repair import Patches, patched, read_patches
from citybrain.ingest.report import summary
from citybrain.ingest.schema import ISSUE_SCHEMA, QUARANTINE_SCHEMA, bronze_schema
from citybrain.ingest.source import ahead
from citybrain.ingest.write import Part, commit, loads, remove
from citybrain.lake import folder


def ingest(
    table: str, file: Path, *, receipt: str | None = None, sender: str | None = None, corrects: str | None = None
) -> Outcome:
    """Lands a file and loads its good rows into bronze, the others into quarantine; the same bytes load once.

    What has been withdrawn may be handed in again. ``corrects`` is the receipt in whose place the file comes: it is not
    judged by that one's rows. Raises UsageError for a wrong call and IngestError when disk or lake fail; both leave
    nothing half done.
    """
    contract = contract_of(table)
    must_be_there(file)
    with surroundings(), landing.locked(contract.table):
        found = landing.receive(contract.table, file, receipt, sender)
        reached("landed")
        if found.status in ("withdrawing", "withdrawn"):
            removed(contract, found)
            found = landing.again(found, sender)
        if corrects or found.status != "loaded":
            found = landing.in_place_of(found, corrects)
        return outcome_of(contract, processed(contract, found), already=found.status == "loaded")


def reached(step: str) -> None:
    """Named so that tests can stop the process here."""


def must_be_there(file: Path) -> None:
    if not file.is_file():
        raise UsageError(f"没有这个文件：{file}")


def contract_of(table: str) -> Contract:
    known = {c.table: c for c in contracts.load().values() if c.layer == "bronze"}
    name = table if table.startswith("bronze.") else f"bronze.{table}"
    if name not in known:
        raise UsageError(f"没有报送表 {table}；有：{'、'.join(c.name for c in known.values())}")
    return known[name]


def processed(contract: Contract, receipt: Receipt) -> Receipt:
    """Loads what has landed, unless that is done; or says why not."""
    if receipt.status == "destroyed" and receipt.refused_because:
        _record_refusal(contract, receipt, receipt.refused_because)
    if receipt.status not in ("landed", "refused"):
        return receipt
    try:
        return _loaded(contract, receipt)
    except Refused as refusal:
        because = recorded(contract, receipt, refusal)
        if refusal.rule == "secret_file":
            return landing.destroy(receipt.changed(refused_because=because))
        return landing.update(receipt.changed(status="refused", refused_because=because))


def removed(contract: Contract, receipt: Receipt) -> int:
    """Takes the rows of a receipt that is being withdrawn out of bronze and quarantine; how many were in bronze."""
    number = receipt.receipt
    gone = remove(contract.table, f"_receipt = '{number}'", number, receipt.load)
    reached("rows removed")
    remove(f"quarantine.{contract.name}", f"receipt = '{number}'", number, receipt.load)
    reached("quarantine removed")
    return gone


def recorded(contract: Contract, receipt: Receipt, refusal: Refused) -> Issue:
    because = file_issue(refusal.rule, **refusal.facts)
    _record_refusal(contract, receipt, because)
    return because


def _record_refusal(contract: Contract, receipt: Receipt, because: Issue) -> None:
    """A refused file is in ``ops.issue`` as well, under a transaction of its own: it may be taken later."""
    facts = {"receipt": receipt.receipt, "load": receipt.load, "table": contract.table}
    row = {**facts, **because.model_dump(), "received_at": receipt.received_at}
    with stage_of(receipt) as stage:
        path = stage / "refusal.parquet"
        pq.write_table(pa.Table.from_pylist([row], schema=ISSUE_SCHEMA), path)
        part = Part(path, 1, path.stat().st_size, {})
        _commit_issues(f"{contract.name}.{receipt.receipt}.refused", receipt.load, [part])


def _loaded(contract: Contract, receipt: Receipt) -> Receipt:
    layout = read_layout(contract, receipt.original)
    receipt = _begun(contract, receipt)
    with stage_of(receipt) as stage:
        result = judged(contract, receipt, layout, stage)
        reached("judged")
        commit_findings(contract, receipt, result)
        commit(contract.table, bronze_schema(contract), result.bronze, receipt.receipt, receipt.load, contract.title)
        reached("loaded")
    return landing.update(done(contract, receipt, layout, result))


def _begun(contract: Contract, receipt: Receipt) -> Receipt:
    """By which contract it is read is noted before anything is committed: what a load by another one has left, when it
    was killed, goes before this one."""
    by = fingerprint(contract)
    if receipt.contract == by:
        return receipt
    tables = {contract.table: receipt.receipt, f"quarantine.{contract.name}": receipt.receipt,
              "ops.issue": _issues_of(contract, receipt)}  # fmt: skip
    if receipt.contract and any(loads(table, app) >= receipt.load for table, app in tables.items()):
        receipt = receipt.changed(load=receipt.load + 1)
        removed(contract, receipt)
        receipt = receipt.changed(load=receipt.load + 1)
    return landing.update(receipt.changed(contract=by))


def done(contract: Contract, receipt: Receipt, layout: Layout, judged: Judged) -> Receipt:
    """The receipt of a delivery that has been loaded."""
    return receipt.changed(
        status="loaded",
        contract=fingerprint(contract),
        counts=judged.counts,
        refused_because=None,
        summary=summary(judged),
        issues=tuple(judged.issues),
        set_aside=tuple(judged.set_aside),
        marks=dict(sorted(judged.marks.items())),
        detected=layout.detected.model_copy(update={"footer_rows": tuple(sorted(judged.footers))}),
    )


def judged(contract: Contract, receipt: Receipt, layout: Layout, stage: Path, patches: Patches | None = None) -> Judged:
    """Every row read and judged, in files of the stage; with the receipt's repairs, unless others are given."""
    origin = Origin(receipt.receipt, receipt.load, receipt.file, layout.detected.sheet, receipt.received_at)
    with Judge(contract, layout.detected.columns, origin, stage) as judge:
        columns = layout.detected.columns
        segments = completed(layout.source.segments(width_of(columns), layout.first_row), columns, contract)
        if patches := patches_of(receipt, columns) if patches is None else patches:
            segments = patched(segments, patches, len(columns))
        for glance in ahead(map(FirstLook(judge.compiled).at, ahead(segments))):
            judge.take(glance)
        judge.note(layout.issues)
        result = judge.finish()
        judge.note(series.findings(contract, receipt, layout.detected, result.bronze, stage))
    assert contract.delivery
    if not result.counts.delivered and contract.delivery.mode == "snapshot":
        raise Refused("no_rows")
    return result


def patches_of(receipt: Receipt, columns: Sequence[Column]) -> Patches:
    """All repairs of a receipt; of one row the last stands."""
    patches: dict[int, Mapping[int, str | None]] = {}
    for repair in receipt.repairs:
        patches |= read_patches(receipt.folder / "repairs" / repair.file, columns)
    return patches


def commit_findings(contract: Contract, receipt: Receipt, judged: Judged) -> None:
    """Before the rows of bronze: whoever sees those can see what was wrong with the others."""
    r, load = receipt.receipt, receipt.load
    title = f"{contract.title}：未能入库的行"
    commit(f"quarantine.{contract.name}", QUARANTINE_SCHEMA, judged.quarantine, r, load, title, ("key",))
    reached("quarantined")
    _commit_issues(_issues_of(contract, receipt), load, judged.issue)
    reached("issues")


def _issues_of(contract: Contract, receipt: Receipt) -> str:
    """Under which name a receipt's loads stand in the log of ``ops.issue``, which has those of all tables."""
    return f"{contract.name}.{receipt.receipt}"


def _commit_issues(app: str, load: int, parts: Sequence[Part]) -> None:
    """The one table that the ingests of all tables write."""
    with landing.locked("ops.issue"):
        commit("ops.issue", ISSUE_SCHEMA, parts, app, load, "报送数据的问题", ("text", "message"))


def fingerprint(contract: Contract) -> str:
    return hashlib.sha256(contract.model_dump_json().encode()).hexdigest()[:16]


@contextmanager
def stage_of(receipt: Receipt) -> Iterator[Path]:
    """A folder for the files of one load, gone afterwards; what a killed process left there is not used."""
    stage = folder("stage") / "ingest" / f"{receipt.table}-{receipt.receipt}-{receipt.load}"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def surroundings() -> Iterator[None]:
    """What disk, memory and lake do wrong, said once and plainly."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise IngestError(
            f"没有完成：读这个文件，{memory()} 内存不够，多半是行很长。请拆成几个较小的文件再报；拆不了的，请区智运中心"
            "调大内存（CITYBRAIN_INGEST_MEMORY）"
        ) from error
    except (OSError, duckdb.IOException, DeltaError) as error:
        raise IngestError(f"入库没有完成，可以原样重来：{error}") from error


def failure(contract: Contract, because: Issue, receipt: str = "", file: str = "", size: int = 0) -> Outcome:
    """What is said of a delivery that could not be dealt with."""
    return Outcome(
        receipt=receipt,
        table=contract.table,
        title=contract.title,
        file=file,
        status="failed",
        load=0,
        sha256="",
        size=size,
        sender=None,
        received_at="",
        counts={},
        refused_because=because,
    )


def outcome_of(
    contract: Contract, receipt: Receipt, already: bool = False, changes: Mapping[str, int] | None = None
) -> Outcome:
    """What is said of a receipt; ``already``: nothing had to be done."""
    refused = receipt.status in ("refused", "destroyed")
    withdrawn = "withdrawn" if receipt.status == "withdrawn" else "loaded"
    shared = receipt.model_dump(exclude={"status", "contract", "received_at", "counts", "repairs", "destroyed_repairs"})
    return Outcome.model_validate(
        {
            **shared,
            "title": contract.title,
            "status": "refused" if refused else "already" if already else withdrawn,
            "received_at": receipt.received_at.isoformat(),
            "counts": receipt.counts.model_dump(),
            "changes": dict(changes or {}),
        }
    )
