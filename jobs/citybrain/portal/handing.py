"""Pages of a delivery on its way: choose a file, see what would become of it, say yes or no."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from citybrain.contracts import Contract
from citybrain.ingest import Outcome
from citybrain.portal import deliveries, drift, reports, tables
from citybrain.portal.access import CurrentUser, Refusal
from citybrain.portal.models import UNDER_WAY, Delivery
from citybrain.portal.pages import go, render
from citybrain.portal.words import report_of

router = APIRouter(include_in_schema=False)


@router.get("/tables/{name}")
def upload_page(request: Request, user: CurrentUser, name: str) -> Response:
    portal = request.app.state.portal
    contract = deliveries.table_of(portal, user, name)
    shown: dict[str, Any] = {"contract": contract, "may": user.hands_in(contract)}
    shown["largest"] = deliveries.largest_of(portal, "deliver")
    return render(request, "upload.html", receipts=reports.recent([contract], 8), **shown)


@router.get("/receipts/{number}/correct")
def correct_page(request: Request, user: CurrentUser, number: str) -> Response:
    return _again(request, user, number, "correct")


@router.get("/receipts/{number}/repair")
def repair_page(request: Request, user: CurrentUser, number: str) -> Response:
    return _again(request, user, number, "repair")


def _again(request: Request, user: CurrentUser, number: str, purpose: str) -> Response:
    portal = request.app.state.portal
    contract, receipt = deliveries.receipt_of(portal, user, number)
    deliveries.may_hand_in(user, contract)
    if receipt.status != "loaded":
        raise Refusal(409, "这次报送没有入库，不能更正或修正")
    shown: dict[str, Any] = {"contract": contract, "receipt": receipt, "purpose": purpose}
    shown["largest"] = deliveries.largest_of(portal, purpose)
    return render(request, "again.html", **shown)


@router.get("/deliveries/{id}")
def delivery_page(request: Request, user: CurrentUser, id: str) -> Response:
    portal = request.app.state.portal
    contract, delivery = deliveries.shown(portal, user, id)
    if delivery.state == "done" and delivery.receipt:
        return go(f"/receipts/{delivery.receipt}")
    shown: dict[str, Any] = {"contract": contract, "delivery": delivery, "may": user.hands_in(contract)}
    if delivery.state == "uploading":
        return render(request, "unfinished.html", offset=deliveries.offset_of(portal, delivery), **shown)
    if delivery.state in UNDER_WAY:
        return render(request, "working.html", **shown)
    if delivery.state == "checked":
        return render(request, "preview.html", **shown, **_preview(contract, delivery))
    return render(request, "ended.html", **shown)


def _preview(contract: Contract, delivery: Delivery) -> dict[str, Any]:
    outcome = Outcome.model_validate(delivery.preview)
    last = tables.last_loaded(contract, before=outcome.receipt)
    known = (last.detected, last.counts) if last else (None, None)
    compared = outcome.detected and delivery.purpose != "repair"  # whose outcome is of the file that is repaired
    change = drift.compare(contract, outcome, *known) if compared else None
    return {"outcome": outcome, "report": report_of(outcome), "drift": change, "last": last}


@router.post("/deliveries/{id}/confirm")
def confirm(request: Request, user: CurrentUser, id: str) -> Response:
    deliveries.confirm(request.app.state.portal, user, id)
    return go(f"/deliveries/{id}")


@router.post("/deliveries/{id}/retry")
def retry(request: Request, user: CurrentUser, id: str) -> Response:
    deliveries.retry(request.app.state.portal, user, id)
    return go(f"/deliveries/{id}")


@router.post("/deliveries/{id}/drop")
def drop(request: Request, user: CurrentUser, id: str) -> Response:
    portal = request.app.state.portal
    _, delivery = deliveries.delivery_of(portal, user, id)
    deliveries.drop(portal, user, id)
    return go(f"/tables/{delivery.table}")


@router.get("/deliveries/{id}/report.xlsx")
def report(request: Request, user: CurrentUser, id: str) -> Response:
    return reports.preview_workbook(request.app.state.portal, user, id)
