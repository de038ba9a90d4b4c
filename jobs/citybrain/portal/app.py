"""The application: its parts, its routers, and what is said when something is refused."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.ingest.outcome import DamageError
from citybrain.portal import (
    administration,
    api,
    api_duties,
    documentation,
    duties,
    guide,
    handing,
    history,
    oidc,
    signing,
    tables,
)
from citybrain.portal.access import NotSignedIn, Refusal, guard
from citybrain.portal.pages import HERE, go, render
from citybrain.portal.settings import Settings
from citybrain.portal.shield import Shield, TooLarge
from citybrain.portal.store import Store
from citybrain.portal.work import Work

PARTS = (signing, oidc, tables, handing, history, duties, guide, administration, documentation, api, api_duties)
API = "/api/"
_log = logging.getLogger("uvicorn.error.portal")
MESSAGES = {404: "没有这个页面", 405: "不能这样访问这个地址", 413: "请求内容太大"}


class Portal:
    """What every request finds at ``request.app.state.portal``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.database)
        self.work = Work(self.store, settings)
        self.signing = threading.Lock()
        self.oidc = oidc.client_of(settings.oidc) if settings.oidc else None

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """The tables that departments hand in, by name."""
        return {c.name: c for c in contracts.load().values() if c.delivery and "upload" in c.delivery.how}


def create_app(settings: Settings | None = None) -> FastAPI:
    portal = Portal(settings or Settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        portal.store.migrate()
        portal.work.start()
        yield
        portal.work.stop()
        portal.store.engine.dispose()

    app = FastAPI(
        title="citybrain 上报门户",
        lifespan=lifespan,
        docs_url=None,  # its page would fetch scripts from outside
        redoc_url=None,
        openapi_url="/api/openapi.json",
        dependencies=[Depends(guard)],
    )
    app.state.portal = portal
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    for part in PARTS:
        app.include_router(part.router)
    app.add_api_route("/health", health, include_in_schema=False)
    chosen = portal.settings
    app.add_middleware(
        SessionMiddleware,  # holds what a sign-in elsewhere needs until it comes back; nobody's session
        secret_key=chosen.secret,
        session_cookie="citybrain_portal_oidc",
        max_age=600,
        path="/oidc",
        https_only=chosen.secure,
    )
    app.add_middleware(Shield, secure=chosen.secure, requests=chosen.requests, chunk=chosen.chunk)
    _say_what_is_refused(app)
    return app


def health(request: Request) -> JSONResponse:
    """Whether the database answers; asked by the supervisor."""
    with request.app.state.portal.store.begin() as db:
        db.connection().exec_driver_sql("SELECT 1 FROM account WHERE 1 = 0")
    return JSONResponse({"status": "healthy"})


def _say_what_is_refused(app: FastAPI) -> None:
    app.add_exception_handler(NotSignedIn, _not_signed_in)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(TooLarge, _too_large)
    app.add_exception_handler(DamageError, _damaged)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _crashed)


def _not_signed_in(request: Request, _: Exception) -> Response:
    if request.url.path.startswith(API):
        return JSONResponse({"detail": "请先登录，或给出有效的令牌"}, 401, {"www-authenticate": "Bearer"})
    wanted = request.url.path if request.method == "GET" else "/"
    return go(f"/login?next={quote(wanted)}")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _answer(request, error.status, error.message)


def _too_large(request: Request, _: Exception) -> Response:
    return _answer(request, 413, MESSAGES[413])


def _damaged(request: Request, error: Exception) -> Response:
    """Where it lies is for the bureau, in the log."""
    _log.error("%s", error)
    return _answer(request, 500, "存档的原件或回执与收到时不同，已经记录，请与区智运中心联系；已入库的行没有动")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request, error.status_code, MESSAGES.get(error.status_code, "请求没有完成"), error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    where = "、".join(sorted({str(e["loc"][-1]) for e in error.errors()}))
    return _answer(request, 422, f"请求的内容不对：{where}")


def _crashed(request: Request, _: Exception) -> Response:
    """The traceback is in the log; the one who asked learns nothing of it."""
    return _answer(request, 500, "程序出错，已经记录；请稍后再试，或与区智运中心联系")


def _answer(request: Request, status: int, message: str, headers: object = None) -> Response:
    kept = dict(headers) if isinstance(headers, dict) else None
    if request.url.path.startswith(API):
        return JSONResponse({"detail": message}, status, kept)
    return render(request, "message.html", status, title=message, code=status)
