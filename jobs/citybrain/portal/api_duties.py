"""The HTTP API, the other half: what is owed, what is to be mended, how good it was. As the pages of duties show it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from fastapi import APIRouter, Request
from pydantic import Field

from citybrain.duties.owed import Duty
from citybrain.duties.score import Dimension, Trace
from citybrain.duties.tickets import Ticket
from citybrain.portal import duties
from citybrain.portal.access import CurrentUser
from citybrain.portal.api import REFUSALS, Answer

T = TypeVar("T", Duty, Ticket)
router = APIRouter(prefix="/api/v1", responses=REFUSALS)


class DimensionInfo(Answer):
    dimension: Dimension
    points: float | None = Field(description="满分 100；没有依据的没有分")
    good: int
    of: int
    against: list[Trace] = Field(description="失分处，多的在前")


class ScoreInfo(Answer):
    owner: str
    points: float | None
    dimensions: list[DimensionInfo]


@router.get("/duties", summary="报送日历：每张表每一期应在哪天前报送、报了没有")
def list_duties(request: Request, user: CurrentUser) -> list[Duty]:
    return [_plain(d) for d in duties.owed(request.app.state.portal, user)]


@router.get("/tickets", summary="问题数据工单：隔离的行，应在哪天前改正；left 为 0 的已了结")
def list_tickets(request: Request, user: CurrentUser) -> list[Ticket]:
    return [_plain(t) for t in duties.to_mend(request.app.state.portal, user)]


@router.get("/quality", summary="质量评分（GB/T 36344），高的在前")
def list_scores(request: Request, user: CurrentUser) -> list[ScoreInfo]:
    return [ScoreInfo.model_validate(s.row()) for s in duties.scored(request.app.state.portal, user)]


def _plain(found: T) -> T:
    """Tables go by their names without the layer, as everywhere in the API."""
    return replace(found, table=found.table.removeprefix("bronze."))
