"""Signing in by the bureau's own service (OpenID Connect): it says who somebody is, the account here what he may do."""

from __future__ import annotations

import logging
from typing import Any

from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from citybrain.portal import accounts, audit
from citybrain.portal.access import Refusal, address_of
from citybrain.portal.audit import Actor
from citybrain.portal.pages import render
from citybrain.portal.settings import Oidc
from citybrain.portal.signing import local, signed_in

router = APIRouter(include_in_schema=False)
UNKNOWN = "统一身份认证通过了，但这里没有给您开账户，请联系区智运中心的系统管理员"
FAILED = "统一身份认证没有完成，请重新登录"
_log = logging.getLogger("uvicorn.error.portal")


def client_of(oidc: Oidc) -> Any:
    """Authorization code with PKCE; state, nonce, signature, issuer and audience are checked by the library."""
    registry = OAuth()
    return registry.register(
        "bureau",
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        server_metadata_url=f"{oidc.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "trust_env": False},
    )


@router.get("/oidc/start")
async def start(request: Request, next: str = "/") -> Response:
    request.session["next"] = local(next)
    try:
        answer: Response = await _client(request).authorize_redirect(request, str(request.url_for("finish")))
    except Exception as error:
        raise _failed(error) from error
    return answer


@router.get("/oidc/finish")
async def finish(request: Request) -> Response:
    client, oidc = _client(request), request.app.state.portal.settings.oidc
    try:
        token = await client.authorize_access_token(request)
        claims = token["userinfo"]
        name, subject = str(claims[oidc.name_claim]), str(claims["sub"])
    except Exception as error:  # the service does not answer, or answers nonsense
        raise _failed(error) from error
    next = request.session.pop("next", "/")
    return await run_in_threadpool(_enter, request, name, subject, next)


def _enter(request: Request, name: str, subject: str, next: str) -> Response:
    """The account of that name, which belongs from the first time on to one subject of the service."""
    portal = request.app.state.portal
    actor = Actor(name, address_of(request))
    with portal.store.begin() as db:
        account = accounts.by_name(db, name)
        known = account is not None and account.active and account.password_hash is None
        if account is not None and known and account.subject in (None, subject):
            account.subject = subject
            return signed_in(db, portal.settings, request, account, next)
        audit.record(db, actor, "sign_in_failed", by="oidc")
    return render(request, "message.html", 403, title=UNKNOWN, code=403)


def _client(request: Request) -> Any:
    client = request.app.state.portal.oidc
    if client is None:
        raise Refusal(404, "没有这个页面")
    return client


def _failed(error: Exception) -> Refusal:
    _log.warning("OpenID Connect: %s: %s", type(error).__name__, error)
    return Refusal(401, FAILED)
