"""The HTTP API: what the pages do, for programs. A token in the header, or the session of a page of ours."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from citybrain.ingest import Outcome
from citybrain.portal import deliveries, reports, tables
from citybrain.portal.access import CurrentUser, Refusal, User
from citybrain.portal.models import Delivery, Purpose

OFFSET = "application/offset+octet-stream"
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="报送编号")]
Number = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", description="回执号")]
Table = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,127}$", description="表名，如 services__case")]


class Said(BaseModel):
    """Why not."""

    detail: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Said, "description": "请求读不出"}, 401: {"model": Said, "description": "没有有效的令牌"},
    403: {"model": Said, "description": "可以看，不能做"}, 404: {"model": Said, "description": "没有，或不归本部门"},
    409: {"model": Said, "description": "现在不能这样做"}, 413: {"description": "太大"},
    422: {"model": Said, "description": "请求的内容不对"}, 429: {"description": "太频繁或太多"},
}  # fmt: skip
router = APIRouter(prefix="/api/v1", responses=REFUSALS)


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Me(Answer):
    name: str
    department: str
    role: Literal["uploader", "steward", "administrator"]


class TableInfo(Answer):
    table: str
    title: str
    owner: str
    grain: str
    every: str
    mode: str
    hands_in: bool


class NewUpload(BaseModel):
    """What is to be sent."""

    model_config = ConfigDict(extra="forbid")
    table: str = Field(max_length=128, examples=["services__case"])
    file: str = Field(min_length=1, max_length=1024, examples=["办件 2026-09.xlsx"])
    size: int = Field(ge=0, le=1 << 50, description="字节数")
    purpose: Purpose = "deliver"
    receipt: str | None = Field(None, max_length=80, description="更正或修正哪个回执")
    direct: bool = Field(False, description="收齐就入库，不等确认")


class DeliveryInfo(Answer):
    id: str
    table: str
    purpose: Purpose
    of_receipt: str | None
    file: str
    size: int
    offset: int
    chunk: int = Field(description="一次最多发送的字节数")
    state: Literal["uploading", "checking", "checked", "loading", "done", "failed", "dropped"]
    receipt: str | None
    error: str | None
    preview: Outcome | None = Field(description="试读的结果，没有入库")


class PieceInfo(Answer):
    start: int
    end: int = Field(description="不含；与 start 相同时，后面还没有收到")
    sha256: str


class ReceiptInfo(Answer):
    receipt: str
    table: str
    file: str
    sha256: str
    status: Literal["landed", "loaded", "refused", "destroyed", "withdrawing", "withdrawn"]
    received_at: str
    sender: str | None
    counts: dict[str, int]


@router.get("/me", summary="当前账户")
def me(user: CurrentUser) -> Me:
    return Me.model_validate({"name": user.name, "department": user.department, "role": user.role})


@router.get("/tables", summary="可以看到的表")
def list_tables(request: Request, user: CurrentUser) -> list[TableInfo]:
    return [
        TableInfo(
            table=c.name,
            title=c.title,
            owner=c.owner,
            grain=c.grain,
            every=c.delivery.every if c.delivery else "",
            mode=c.delivery.mode if c.delivery else "",
            hands_in=user.hands_in(c),
        )
        for c in tables.visible(request, user)
    ]


@router.get("/tables/{table}/template", summary="填报模板（xlsx）", response_class=Response)
def template(request: Request, user: CurrentUser, table: Table) -> Response:
    return tables.workbook_of(request.app.state.portal, user, table)


@router.post("/uploads", status_code=201, summary="开始一次报送")
def begin(request: Request, response: Response, user: CurrentUser, new: NewUpload) -> DeliveryInfo:
    portal = request.app.state.portal
    facts = (new.table, new.file, new.size, new.purpose, new.receipt, new.direct)
    delivery = deliveries.begin(portal, user, *facts)
    response.headers["location"] = f"/api/v1/uploads/{delivery.id}"
    return _info(request, delivery)


@router.get("/uploads", summary="同名同大小、没有传完的报送，最近的在前")
def list_unfinished(
    request: Request,
    user: CurrentUser,
    table: Annotated[str, Query(max_length=128)],
    file: Annotated[str, Query(min_length=1, max_length=1024)],
    size: Annotated[int, Query(ge=0, le=1 << 50)],
    purpose: Purpose = "deliver",
    receipt: Annotated[str | None, Query(max_length=80)] = None,
) -> list[DeliveryInfo]:
    """要接着传的，先用 sha256 核对收到的部分是不是同一个文件的。"""
    found = deliveries.unfinished(request.app.state.portal, user, table, file, size, purpose, receipt)
    return [_info(request, delivery) for delivery in found]


@router.get("/uploads/{id}/sha256", summary="收到的一段的 SHA-256")
def digest(
    request: Request, user: CurrentUser, id: Id, start: Annotated[int, Query(ge=0, le=1 << 50)] = 0
) -> PieceInfo:
    """从 start 起，最多 chunk 个字节。"""
    portal = request.app.state.portal
    end, sha = deliveries.digest(portal, deliveries.own_delivery(portal, user, id), start)
    return PieceInfo(start=start, end=end, sha256=sha)


@router.head("/uploads/{id}", summary="已收到多少", response_class=Response)
def progress(request: Request, user: CurrentUser, id: Id) -> Response:
    portal = request.app.state.portal
    _, delivery = deliveries.delivery_of(portal, user, id)
    offset = deliveries.offset_of(portal, delivery)
    return Response(headers={"upload-offset": str(offset), "upload-length": str(delivery.size)})


_BYTES = {"requestBody": {"required": True, "content": {OFFSET: {"schema": {"type": "string", "format": "binary"}}}}}


@router.patch("/uploads/{id}", status_code=204, summary="发送下一段", openapi_extra=_BYTES, response_class=Response)
async def append(
    request: Request, user: CurrentUser, id: Id, upload_offset: Annotated[int, Header(ge=0, le=1 << 50)]
) -> Response:
    """从 Upload-Offset 起的字节，一次最多 chunk 个。断线后已收到的部分保留：用 HEAD 问收到了多少，从那里接着发。
    最后一个字节到齐，就开始读文件。"""
    if request.headers.get("content-type") != OFFSET:
        raise Refusal(422, f"内容类型应是 {OFFSET}")
    portal = request.app.state.portal
    delivery = await run_in_threadpool(deliveries.own_delivery, portal, user, id)
    offset = await _take(request, delivery, upload_offset)
    await run_in_threadpool(deliveries.complete, portal, user, delivery)
    return Response(status_code=204, headers={"upload-offset": str(offset)})


async def _take(request: Request, delivery: Delivery, offset: int) -> int:
    with deliveries.appending(request.app.state.portal, delivery, offset) as handle:
        try:
            async for block in request.stream():
                if offset + len(block) > delivery.size:
                    raise Refusal(413, "收到的比开始时说的多")
                deliveries.write(handle, block)
                offset += len(block)
        except ClientDisconnect:
            raise Refusal(400, "连接断了，请续传") from None
    return offset


@router.get("/uploads/{id}", summary="报送到了哪一步，试读的结果")
def state(request: Request, user: CurrentUser, id: Id) -> DeliveryInfo:
    return _info(request, deliveries.shown(request.app.state.portal, user, id)[1])


@router.get("/uploads/{id}/report.xlsx", summary="试读的结果：标出问题的表格", response_class=Response)
def preview(request: Request, user: CurrentUser, id: Id) -> Response:
    return reports.preview_workbook(request.app.state.portal, user, id)


@router.post("/uploads/{id}/confirm", status_code=202, summary="确认入库")
def confirm(request: Request, user: CurrentUser, id: Id) -> DeliveryInfo:
    deliveries.confirm(request.app.state.portal, user, id)
    return _now(request, user, id)


@router.post("/uploads/{id}/retry", status_code=202, summary="再试一次")
def retry(request: Request, user: CurrentUser, id: Id) -> DeliveryInfo:
    deliveries.retry(request.app.state.portal, user, id)
    return _now(request, user, id)


@router.delete("/uploads/{id}", status_code=204, summary="放弃", response_class=Response)
def drop(request: Request, user: CurrentUser, id: Id) -> Response:
    deliveries.drop(request.app.state.portal, user, id)
    return Response(status_code=204)


@router.get("/receipts", summary="最近的回执")
def list_receipts(
    request: Request,
    user: CurrentUser,
    table: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[ReceiptInfo]:
    portal = request.app.state.portal
    chosen = [deliveries.table_of(portal, user, table)] if table else tables.visible(request, user)
    return [
        ReceiptInfo(
            receipt=r.receipt,
            table=r.table.removeprefix("bronze."),
            file=r.file,
            sha256=r.sha256,
            status=r.status,
            received_at=r.received_at.isoformat(),
            sender=r.sender,
            counts=r.counts.model_dump(),
        )
        for r in reports.listed(portal, user, chosen, limit)
    ]


@router.get("/receipts/{receipt}", summary="回执与问题清单")
def receipt(request: Request, user: CurrentUser, receipt: Number) -> Outcome:
    return reports.outcome_of(*reports.shown(request.app.state.portal, user, receipt))


@router.get("/receipts/{receipt}/report.xlsx", summary="标出问题的表格", response_class=Response)
def report(request: Request, user: CurrentUser, receipt: Number) -> Response:
    return reports.report_workbook(request.app.state.portal, user, receipt)


@router.get("/receipts/{receipt}/quarantine.xlsx", summary="隔离的行，改好后以 repair 报送", response_class=Response)
def quarantine(request: Request, user: CurrentUser, receipt: Number) -> Response:
    return reports.quarantine_form(request.app.state.portal, user, receipt)


@router.get("/receipts/{receipt}/original", summary="原件，只给报送部门", response_class=FileResponse)
def original(request: Request, user: CurrentUser, receipt: Number) -> FileResponse:
    return reports.original(request.app.state.portal, user, receipt)


@router.post("/receipts/{receipt}/withdraw", summary="撤回")
def withdraw(request: Request, user: CurrentUser, receipt: Number) -> Outcome:
    portal = request.app.state.portal
    deliveries.withdraw(portal, user, receipt)
    return reports.outcome_of(*deliveries.receipt_of(portal, user, receipt))


def _now(request: Request, user: User, id: str) -> DeliveryInfo:
    return _info(request, deliveries.delivery_of(request.app.state.portal, user, id)[1])


def _info(request: Request, delivery: Delivery) -> DeliveryInfo:
    portal = request.app.state.portal
    columns = ("id", "table", "purpose", "of_receipt", "file", "size", "state", "receipt", "error", "preview")
    facts: dict[str, Any] = {name: getattr(delivery, name) for name in columns}
    facts |= {"offset": deliveries.offset_of(portal, delivery), "chunk": portal.settings.chunk}
    return DeliveryInfo.model_validate(facts)
