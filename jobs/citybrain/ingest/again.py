"""A delivery taken up again: withdrawn, parsed anew by today's contract, repaired. Each is a load of its own number.

Originals and receipts stay whatever is done. What a consumer of bronze sees in the change feed is what is different:
rows that a new reading leaves as they were are not written again and keep the number of the load they came with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.ingest import flow, landing, write
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.disk import digest_of
from citybrain.ingest.judge import Judged, database
from citybrain.ingest.landing import Receipt
from citybrain.ingest.layout import read_layout
from citybrain.ingest.outcome import DamageError, Issue, Outcome, Refused, SecretFileError, UsageError
from citybrain.ingest.repair import Patches, read_patches, write_form
from citybrain.ingest.schema import bronze_schema
from citybrain.ingest.sniff import secrecy
from citybrain.ingest.write import Part

_PERIOD = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


def withdraw(number: str) -> Outcome:
    """Takes the rows of a receipt out of bronze and quarantine; the original and the findings stay. Twice is once.

    Raises UsageError for an unknown number or what was not taken, and IngestError when disk or lake fail.
    """
    contract = flow.contract_of(landing.holder(number).table)
    with flow.surroundings(), landing.locked(contract.table):
        receipt = landing.holder(number)
        if receipt.status in ("refused", "destroyed"):
            raise UsageError(f"回执 {number} 没有入库，没有可以撤回的行")
        if receipt.status in ("landed", "loaded"):
            receipt = landing.update(receipt.changed(status="withdrawing", load=_next_load(receipt)))
            flow.reached("withdrawing")
        return _withdrawn(contract, receipt)


def _withdrawn(contract: Contract, receipt: Receipt) -> Outcome:
    """What is being withdrawn is so afterwards; what is neither loaded nor being withdrawn stays as it is."""
    if receipt.status != "withdrawing":
        return flow.outcome_of(contract, receipt, changes={"gone": 0})
    changes = {"gone": flow.removed(contract, receipt)}
    return flow.outcome_of(contract, landing.update(receipt.changed(status="withdrawn")), changes=changes)


def reingest(table: str | None = None, period: str | None = None, receipt: str | None = None) -> list[Outcome]:
    """Parses kept originals again by today's contract and publishes what is different, receipt by receipt.

    ``period`` (2026, 2026-03, 2026-03-05): only receipts that hold rows of it, or may when they are read, where the
    contract names a period; else those received in it. What has been withdrawn or destroyed stays so. A receipt or an
    original that is no longer what came fails, which its outcome says, and stops no other.
    """
    if (table is None) == (receipt is None) or (period and receipt):
        raise UsageError("请给出 --table（可加 --period）或 --receipt 之一")
    if period and not _PERIOD.fullmatch(period):
        raise UsageError(f"--period 应写成 2026、2026-03 或 2026-03-05，不是“{period}”")
    if receipt:
        known = landing.holder(receipt)
        return [_again(flow.contract_of(known.table), known.receipt)]
    contract = flow.contract_of(table or "")
    return [_again(contract, number) for number in _chosen(contract, period)]


def quarantined(number: str, out: Path) -> int:
    """Writes the quarantined rows of a receipt as a table to be corrected and handed in with ``repair``; how many.

    Raises UsageError for what was never taken: of that there are none.
    """
    receipt = landing.holder(number)
    if not receipt.detected:
        raise UsageError(f"回执 {number} 没有入库，没有隔离的行")
    rows = write.quarantined(receipt.table.replace("bronze.", "quarantine."), number)
    write_form(out, rows, receipt.detected)
    return len(rows)


def repair(number: str, file: Path, sender: str | None = None) -> Outcome:
    """Reads a delivery again with corrected rows in place of quarantined ones; the same corrections count once.

    Raises UsageError where the file is no table of repairs, or names a row that is not in quarantine; SecretFileError
    where it bears a mark of secrecy, of which the receipt tells from then on.
    """
    contract = flow.contract_of(landing.holder(number).table)
    flow.must_be_there(file)
    with flow.surroundings(), landing.locked(contract.table):
        receipt = landing.holder(number)
        try:
            corrections(contract, receipt, file)
        except SecretFileError:
            landing.note_destroyed(receipt, file, sender)
            raise
        landing.verify(receipt)
        receipt = landing.keep_repair(receipt, file, sender)
        flow.reached("repair kept")
        return _anew_or_refused(contract, receipt)


def corrections(contract: Contract, receipt: Receipt, file: Path) -> Patches:
    """What a table of repairs says of a receipt. Raises UsageError where it does not go with it; SecretFileError."""
    if secrecy(file, file.name):
        raise SecretFileError(file_issue("secret_file").message)
    number = receipt.receipt
    if receipt.status != "loaded" or not receipt.detected:
        raise UsageError(f"回执 {number} 没有入库，不能修正")
    try:
        patches = read_patches(file, receipt.detected.columns)
    except Refused as refusal:
        raise UsageError(file_issue(refusal.rule, **refusal.facts).message) from None
    known = digest_of(file) in {r.sha256 for r in receipt.repairs}
    held = {row["row"] for row in write.quarantined(f"quarantine.{contract.name}", number)}
    if not known and (wrong := sorted(set(patches) - held)):
        raise UsageError(f"回执 {number} 的第 {'、'.join(map(str, wrong))} 行不在隔离区，不能这样修正")
    return patches


def correct(number: str, file: Path, sender: str | None = None) -> tuple[Outcome, Outcome | None]:
    """A file in place of a delivery: it is taken first, then the old one is withdrawn. Twice is once.

    Gives what became of the new one and, where the old one had to be withdrawn, of that. A file that is refused
    changes nothing. Raises UsageError where it is the same file.
    """
    old = landing.holder(number)
    flow.must_be_there(file)
    if landing.expected(old.table, file).receipt == number:
        raise UsageError(f"这个文件与回执 {number} 的原件相同，没有可以更正的")
    outcome = flow.ingest(old.table, file, sender=sender, corrects=number)
    if outcome.status not in ("loaded", "already"):
        return outcome, None
    flow.reached("corrected")
    return outcome, withdraw(number) if old.status not in ("refused", "destroyed") else None


def _chosen(contract: Contract, period: str | None) -> list[str]:
    """Receipts in the order in which they arrived; last those of which nothing can be read, whatever the period."""
    known, damaged = [], []
    for number in landing.numbers(contract.table):
        try:
            known += [found] if (found := landing.find(contract.table, number)) else []
        except DamageError:
            damaged.append(number)
    wanted = _may_hold(contract, period, known) if period else known
    return [*(r.receipt for r in landing.in_order(wanted)), *damaged]


def _may_hold(contract: Contract, period: str, known: Sequence[Receipt]) -> list[Receipt]:
    """Bronze tells which receipts hold rows of a period, but for rows that are not in it: refused, quarantined, or lost
    with the lake. Of those any receipt may hold some that came when the period had begun."""
    column = contract.delivery.period if contract.delivery else None
    came = {r.receipt: f"{r.received_at.astimezone(SHANGHAI):%Y-%m-%d}" for r in known}
    if not column:
        return [r for r in known if came[r.receipt].startswith(period)]
    there = write.receipts_with(contract.table, "true")
    holding = write.receipts_with(contract.table, f"CAST({column} AS VARCHAR) LIKE {literal(period + '%')}")
    read = [r for r in known if r.status in ("landed", "refused", "loaded")]
    untold = {r.receipt for r in read if r.receipt not in there or r.counts.quarantined}
    return [r for r in known if r.receipt in holding or (r.receipt in untold and came[r.receipt] >= period)]


def _again(contract: Contract, number: str) -> Outcome:
    with flow.surroundings(), landing.locked(contract.table):
        try:
            receipt = landing.find(contract.table, number)
            assert receipt
            if receipt.status in ("landed", "refused", "loaded"):
                landing.verify(receipt)
        except DamageError as error:
            because = Issue(rule="landing_damaged", severity="block", fix="bureau", message=f"{error}。")
            return flow.failure(contract, because, receipt=number)
        if receipt.status in ("withdrawing", "withdrawn"):
            return _withdrawn(contract, receipt)
        if receipt.status != "loaded":
            return flow.outcome_of(contract, flow.processed(contract, receipt))
        return _anew_or_refused(contract, receipt)


def _anew_or_refused(contract: Contract, receipt: Receipt) -> Outcome:
    try:
        return _anew(contract, receipt.changed(load=_next_load(receipt)))
    except Refused as refusal:  # what was taken stays taken
        because = flow.recorded(contract, receipt, refusal)
        return flow.outcome_of(contract, receipt.changed(status="refused", refused_because=because))


def _anew(contract: Contract, receipt: Receipt) -> Outcome:
    layout = read_layout(contract, receipt.original)
    with flow.stage_of(receipt) as stage:
        judged = flow.judged(contract, receipt, layout, stage)
        flow.reached("judged")
        write.remove(
            f"quarantine.{contract.name}",
            f"receipt = '{receipt.receipt}' AND load < {receipt.load}",
            f"{receipt.receipt}.older",
            receipt.load,
        )
        flow.commit_findings(contract, receipt, judged)
        differences = _differences(contract, receipt, judged, stage)
        if differences.num_rows:
            write.apply(contract.table, differences, receipt.receipt, receipt.load)
        flow.reached("loaded")
    return flow.outcome_of(
        contract, landing.update(flow.done(contract, receipt, layout, judged)), changes=_counted(differences)
    )


def _next_load(receipt: Receipt) -> int:
    """Also after a load that was committed, but of which the receipt does not yet know."""
    tables = (receipt.table, receipt.table.replace("bronze.", "quarantine."))
    return 1 + max(receipt.load, *(write.loads(table, receipt.receipt) for table in tables))


def _differences(contract: Contract, receipt: Receipt, judged: Judged, stage: Path) -> pa.Table:
    """Rows of bronze that the new reading adds, changes or does not have any more (``_gone``)."""
    schema = bronze_schema(contract)
    content = [*contract.names, "_file", "_marks", "_delivered"]
    alike = " AND ".join(f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in content)
    address = ", ".join(f"coalesce(n.{name}, o.{name}) AS {name}" for name in ("_receipt", "_sheet", "_row"))
    rest = ", ".join(f"n.{name}" for name in schema.names if name not in ("_receipt", "_sheet", "_row"))
    with database(stage) as db:
        db.register("old", write.rows_of(contract.table, schema, contract.title, receipt.receipt))
        db.register("shape", schema.empty_table())
        db.execute(f"CREATE TABLE new AS FROM shape {_parts_sql(judged.bronze)}")
        found = db.execute(
            f"""SELECT {address}, {rest}, n._row IS NULL AS _gone, o._row IS NULL AS _added
            FROM old o FULL JOIN new n ON o._row = n._row AND coalesce(o._sheet, '') = coalesce(n._sheet, '')
            WHERE n._row IS NULL OR o._row IS NULL OR NOT ({alike})"""
        ).to_arrow_table()
    flags = [pa.field("_gone", pa.bool_()), pa.field("_added", pa.bool_())]
    return found.select([*schema.names, "_gone", "_added"]).cast(pa.schema([*schema, *flags]))


def _parts_sql(parts: Sequence[Part]) -> str:
    files = ", ".join(literal(str(part.path)) for part in parts)
    return f"UNION ALL BY NAME FROM read_parquet([{files}], union_by_name = true)" if parts else ""


def _counted(differences: pa.Table) -> dict[str, int]:
    rows, gone, added = differences.num_rows, *(sum(differences[c].to_pylist()) for c in ("_gone", "_added"))
    return {"added": added, "changed": rows - gone - added, "gone": gone}
