"""The first page: which tables one's department hands in, and their templates."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from citybrain.contracts import Contract
from citybrain.docs.words import CADENCE, MODES
from citybrain.duties import arrivals
from citybrain.ingest import landing
from citybrain.portal import audit, deliveries, duties
from citybrain.portal.access import CurrentUser, User
from citybrain.portal.pages import render

if TYPE_CHECKING:
    from citybrain.portal.app import Portal

router = APIRouter(include_in_schema=False)
ALARMED = timedelta(days=30)  # how long the bureau is shown that a file bore a mark of secrecy
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def visible(request: Request, user: User) -> list[Contract]:
    """The tables that somebody sees, those of his own department first."""
    found = [c for c in request.app.state.portal.contracts.values() if user.sees(c)]
    return sorted(found, key=lambda c: (c.owner != user.department, c.owner, often(c), c.title))


def often(contract: Contract) -> int:
    """What comes often stands first."""
    return list(CADENCE).index(contract.delivery.every) if contract.delivery else len(CADENCE)


@router.get("/")
def tables_page(request: Request, user: CurrentUser) -> Response:
    shown = [
        {"contract": c, "last": last_loaded(c), "may": user.hands_in(c), "own": c.owner == user.department}
        for c in visible(request, user)
    ]
    secret = _destroyed(request, user) if user.of_bureau else []
    return render(request, "tables.html", tables=shown, secret=secret, cadence=CADENCE, modes=MODES)


def _destroyed(request: Request, user: User) -> list[dict[str, Any]]:
    """Files that bore a mark of secrecy, on the page that the bureau sees first: it has to act at once."""
    seen = {c.table: c for c in duties.delivered(user)}
    handed = {c.table for c in visible(request, user)}
    found = arrivals.destroyed(seen, datetime.now(UTC) - ALARMED)
    return [{"file": d, "contract": seen[d.table], "linked": d.table in handed} for d in found]


def last_loaded(contract: Contract, before: str = "") -> landing.Receipt | None:
    """The delivery that was loaded last, but for one."""
    paths = landing.table_folder(contract.table).glob("*/receipt.json")
    newest = sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found = (landing.find(contract.table, path.parent.name) for path in newest if path.parent.name != before)
    return next((r for r in found if r and r.status == "loaded"), None)


@router.get("/tables/{name}/template.xlsx")
def template(request: Request, user: CurrentUser, name: str) -> Response:
    return workbook_of(request.app.state.portal, user, name)


def workbook_of(portal: Portal, user: User, name: str) -> Response:
    """The form that a department fills in."""
    from citybrain.template import write_template

    contract = deliveries.table_of(portal, user, name)
    audit.note(portal.store, user.actor, "template", contract.name)
    with tempfile.TemporaryDirectory() as scratch:
        return attachment(write_template(contract, Path(scratch) / "x.xlsx").read_bytes(), f"{contract.title}.xlsx")


def attachment(content: bytes | Iterator[bytes], name: str, kind: str = XLSX) -> Response:
    """A download under a Chinese name, which no browser takes for a page."""
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    if isinstance(content, bytes):
        return Response(content, media_type=kind, headers=headers)
    return StreamingResponse(content, media_type=kind, headers=headers)
