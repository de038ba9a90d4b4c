"""Pages of what has been handed in: the list, and each receipt with its report."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from citybrain.contracts import Contract
from citybrain.ingest.landing import Receipt
from citybrain.portal import deliveries, reports, tables
from citybrain.portal.access import CurrentUser, User
from citybrain.portal.models import OPEN, Delivery
from citybrain.portal.pages import go, render
from citybrain.portal.words import STATUS, report_of

router = APIRouter(include_in_schema=False)
_LISTED = 100


@router.get("/receipts")
def history_page(request: Request, user: CurrentUser, table: str = "") -> Response:
    portal = request.app.state.portal
    seen = tables.visible(request, user)
    chosen = [deliveries.table_of(portal, user, table)] if table else seen
    names = {c.name: c for c in chosen}
    with portal.store.begin() as db:
        query = select(Delivery).where(Delivery.state.in_((*OPEN, "failed")), Delivery.table.in_(names))
        waiting = list(db.scalars(query.order_by(Delivery.created_at.desc()).limit(_LISTED)))
    shown: dict[str, Any] = {
        "waiting": waiting,
        "receipts": reports.listed(portal, user, chosen, _LISTED),
        "tables": seen,
        "table": table,
    }
    return render(request, "history.html", contracts={f"bronze.{n}": c for n, c in names.items()}, **shown)


@router.get("/receipts/{number}")
def receipt_page(request: Request, user: CurrentUser, number: str) -> Response:
    contract, receipt = reports.shown(request.app.state.portal, user, number)
    outcome = reports.outcome_of(contract, receipt)
    shown: dict[str, Any] = {"contract": contract, "receipt": receipt, "outcome": outcome, "report": report_of(outcome)}
    return render(request, "receipt.html", **shown, **_may(user, contract, receipt), status=STATUS[receipt.status])


def _may(user: User, contract: Contract, receipt: Receipt) -> dict[str, Any]:
    """What the page offers, and which receipt came in place of this one."""
    loaded = receipt.status == "loaded"
    came = reports.recent([contract], 200)
    heir = next((r.receipt for r in came if r.corrects == receipt.receipt and r.status == "loaded"), None)
    return {"change": loaded and user.hands_in(contract), "own": user.unmasked(contract), "heir": heir}


@router.post("/receipts/{number}/withdraw")
def withdraw(request: Request, user: CurrentUser, number: str) -> Response:
    deliveries.withdraw(request.app.state.portal, user, number)
    return go(f"/receipts/{number}")


@router.get("/receipts/{number}/report.json")
def report_json(request: Request, user: CurrentUser, number: str) -> Response:
    return reports.report_text(request.app.state.portal, user, number)


@router.get("/receipts/{number}/report.xlsx")
def report_xlsx(request: Request, user: CurrentUser, number: str) -> Response:
    return reports.report_workbook(request.app.state.portal, user, number)


@router.get("/receipts/{number}/quarantine.xlsx")
def quarantine(request: Request, user: CurrentUser, number: str) -> Response:
    return reports.quarantine_form(request.app.state.portal, user, number)


@router.get("/receipts/{number}/original")
def original(request: Request, user: CurrentUser, number: str) -> Response:
    return reports.original(request.app.state.portal, user, number)
