"""The guide for clerks (上报指南): what to do, what becomes of a file, and each kind of dirt with its remedy."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from citybrain.docs import words
from citybrain.ingest.dirt import chapters, of_no_kind
from citybrain.portal.access import CurrentUser
from citybrain.portal.pages import render

router = APIRouter(prefix="/guide", include_in_schema=False)


@router.get("")
def guide_page(request: Request, _: CurrentUser) -> Response:
    return render(request, "guide.html", largest=request.app.state.portal.settings.largest)


@router.get("/problems")
def problems_page(request: Request, _: CurrentUser) -> Response:
    """The catalogue of dirt, as ``citybrain docs`` writes it, where the report on a delivery leads to it."""
    return render(request, "problems.html", chapters=chapters(), other=of_no_kind(), words=words)
