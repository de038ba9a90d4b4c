"""What is shown and downloaded of receipts: lists, the outcome, the annotated workbook, quarantined rows."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Response
from fastapi.responses import FileResponse

from citybrain.contracts import Contract
from citybrain.ingest import Outcome, flow, landing, write
from citybrain.ingest.landing import Receipt
from citybrain.ingest.outcome import DamageError
from citybrain.portal import annotate, audit, deliveries
from citybrain.portal.access import Refusal, User
from citybrain.portal.tables import attachment

if TYPE_CHECKING:
    from citybrain.portal.app import Portal

_log = logging.getLogger(__name__)
OTHERS = "原件里可能有个人信息，只供报送部门下载"


def recent(contracts: Iterable[Contract], limit: int) -> list[Receipt]:
    """The receipts that changed last; only these are read. One that cannot be read hides no other."""
    paths = [path for c in contracts for path in landing.table_folder(c.table).glob("*/receipt.json")]
    paths = sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)[:limit]
    found = [_found(f"bronze.{path.parent.parent.name}", path.parent.name) for path in paths]
    return sorted((r for r in found if r), key=lambda r: r.received_at, reverse=True)


def _found(table: str, number: str) -> Receipt | None:
    try:
        return landing.find(table, number)
    except DamageError as error:
        _log.warning("%s", error)
        return None


def listed(portal: Portal, user: User, contracts: Iterable[Contract], limit: int) -> list[Receipt]:
    """What somebody asked to see of what was handed in."""
    audit.note(portal.store, user.actor, "view", what="报送历史")
    return recent(contracts, limit)


def shown(portal: Portal, user: User, number: str) -> tuple[Contract, Receipt]:
    """A receipt that somebody looks at, with the cells in which something is wrong."""
    found = deliveries.receipt_of(portal, user, number)
    audit.note(portal.store, user.actor, "view", number)
    return found


def outcome_of(contract: Contract, receipt: Receipt) -> Outcome:
    return flow.outcome_of(contract, receipt)


def report_workbook(portal: Portal, user: User, number: str) -> Response:
    """The delivered table with its wrong cells marked, and the list of errors."""
    contract, receipt = deliveries.receipt_of(portal, user, number)
    if receipt.detected is None:
        raise Refusal(409, "这次报送没有读成表格，没有可以标注的")
    file = landing.untouched(receipt)
    findings = write.findings_of(receipt.table, number, receipt.load)
    _audit(portal, user, number, "report.xlsx")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "x.xlsx"
        annotate.annotate(contract, file, findings, out, masked=not user.unmasked(contract))
        return attachment(out.read_bytes(), f"{Path(receipt.file).stem}-问题标注.xlsx")


def report_text(portal: Portal, user: User, number: str) -> Response:
    """The outcome as JSON."""
    contract, receipt = deliveries.receipt_of(portal, user, number)
    _audit(portal, user, number, "report.json")
    text = outcome_of(contract, receipt).to_json()
    return attachment(text.encode(), f"{receipt.receipt}.json", "application/json")


def preview_workbook(portal: Portal, user: User, id: str) -> Response:
    """The same of a file that is not loaded yet."""
    contract, delivery = deliveries.delivery_of(portal, user, id)
    findings = portal.work.findings_of(delivery)
    if delivery.state != "checked" or not findings.exists():
        raise Refusal(409, "没有可以标注的表格")
    file = portal.work.file_of(delivery)
    if delivery.purpose == "repair":
        file = landing.untouched(deliveries.receipt_of(portal, user, delivery.of_receipt or "")[1])
    _audit(portal, user, id, "report.xlsx")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "x.xlsx"
        annotate.annotate(contract, file, annotate.read(findings), out, masked=not user.unmasked(contract))
        return attachment(out.read_bytes(), f"{Path(delivery.file).stem}-问题标注.xlsx")


def quarantine_form(portal: Portal, user: User, number: str) -> Response:
    """The rows to be mended. Whoever may not see personal cells mends the others: what the form lacks stays."""
    contract, receipt = deliveries.receipt_of(portal, user, number)
    if receipt.status != "loaded" or receipt.detected is None:
        raise Refusal(409, "这次报送没有入库，没有隔离的行")
    rows = write.quarantined(f"quarantine.{contract.name}", number)
    hidden = set() if user.unmasked(contract) else annotate.personal_positions(contract, receipt.detected)
    _audit(portal, user, number, "quarantine.xlsx")
    with tempfile.TemporaryDirectory() as scratch:
        out = annotate.quarantine_form(rows, receipt.detected, hidden, Path(scratch) / "x.xlsx")
        return attachment(out.read_bytes(), f"{Path(receipt.file).stem}-待修正.xlsx")


def original(portal: Portal, user: User, number: str) -> FileResponse:
    """The untouched file."""
    contract, receipt = deliveries.receipt_of(portal, user, number)
    if not user.unmasked(contract):
        raise Refusal(403, OTHERS)
    if receipt.status == "destroyed":
        raise Refusal(404, "原件没有留存")
    file = landing.untouched(receipt)
    _audit(portal, user, number, "original")
    return FileResponse(file, filename=receipt.file, media_type="application/octet-stream")


def _audit(portal: Portal, user: User, subject: str, what: str) -> None:
    audit.note(portal.store, user.actor, "download", subject, what=what)
