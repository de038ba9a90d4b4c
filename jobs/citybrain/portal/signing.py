"""Signing in and out, one's own password and keys."""

from __future__ import annotations

import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session as Db

from citybrain.portal import accounts, audit, sessions
from citybrain.portal.access import CurrentUser, NotSignedIn, Refusal, address_of, current_user
from citybrain.portal.accounts import AccountError, Limited
from citybrain.portal.audit import Actor
from citybrain.portal.models import Account, Token
from citybrain.portal.pages import go, render
from citybrain.portal.settings import Settings

router = APIRouter(include_in_schema=False)
WRONG = "账户名或密码不对"
LIMITED = "尝试次数过多，请 15 分钟后再试，或请管理员重置密码"


@router.get("/login")
def login_page(request: Request, next: str = "/") -> Response:
    try:
        current_user(request)
    except NotSignedIn:
        return _login(request, next)
    return go(local(next))


@router.post("/login")
def login(
    request: Request,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form(max_length=1024)] = "/",
) -> Response:
    portal = request.app.state.portal
    actor = Actor(name.strip(), address_of(request))
    with portal.signing:  # one after the other: attempts at once would all be tried before the first is counted
        try:
            with portal.store.begin() as db:
                accounts.check_limit(db, actor)
                account = accounts.by_name(db, actor.name)
        except Limited:
            with portal.store.begin() as db:
                audit.record(db, actor, "sign_in_limited")
            return _login(request, next, LIMITED, 429)
        good = accounts.verify(account, password)
        with portal.store.begin() as db:
            if not good or account is None:
                audit.record(db, actor, "sign_in_failed")
                return _login(request, next, WRONG, 401)
            return signed_in(db, portal.settings, request, account, next)


def signed_in(db: Db, settings: Settings, request: Request, account: Account, next: str) -> Response:
    """A new session, in place of whatever the browser had."""
    if old := request.cookies.get(sessions.COOKIE):
        sessions.end(db, old)
    secret = sessions.start(db, account)
    audit.record(db, Actor(account.name, address_of(request)), "sign_in")
    answer = go(local(next))
    _set_cookie(answer, settings, sessions.COOKIE, secret, int(sessions.LONGEST.total_seconds()))
    answer.delete_cookie(sessions.BEFORE, path="/")
    return answer


def local(path: str) -> str:
    """A path of ours; anything else leads to the first page."""
    return path if re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", path) else "/"


@router.post("/logout")
def logout(request: Request, user: CurrentUser) -> RedirectResponse:
    with request.app.state.portal.store.begin() as db:
        sessions.end(db, request.cookies.get(sessions.COOKIE, ""))
        audit.record(db, user.actor, "sign_out")
    answer = go("/login")
    answer.delete_cookie(sessions.COOKIE, path="/")
    return answer


@router.get("/account")
def account_page(request: Request, _: CurrentUser) -> Response:
    return _account(request)


@router.post("/account/password")
def change_password(
    request: Request,
    user: CurrentUser,
    old: Annotated[str, Form(max_length=1024)] = "",
    new: Annotated[str, Form(max_length=1024)] = "",
    again: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    portal = request.app.state.portal
    with portal.signing:
        try:
            with portal.store.begin() as db:
                accounts.check_limit(db, user.actor)
                account = db.get(Account, user.id)
            if not accounts.verify(account, old):
                with portal.store.begin() as db:
                    audit.record(db, user.actor, "sign_in_failed")
                return _account(request, "原密码不对", 400)
            if new != again:
                return _account(request, "两次输入的新密码不一样", 400)
            with portal.store.begin() as db:
                account = db.get_one(Account, user.id)
                accounts.set_password(db, user.actor, account, new)
                return signed_in(db, portal.settings, request, account, "/account")
        except Limited:
            return _account(request, LIMITED, 429)
        except AccountError as error:
            return _account(request, str(error), 400)


@router.post("/account/tokens")
def new_token(
    request: Request,
    user: CurrentUser,
    title: Annotated[str, Form(max_length=64)] = "",
    days: Annotated[int, Form()] = 365,
) -> Response:
    try:
        with request.app.state.portal.store.begin() as db:
            secret = accounts.add_token(db, user.actor, db.get_one(Account, user.id), title.strip(), days)
    except AccountError as error:
        return _account(request, str(error), 400)
    return _account(request, secret=secret)


@router.post("/account/tokens/{number}/revoke")
def revoke_token(request: Request, user: CurrentUser, number: int) -> Response:
    with request.app.state.portal.store.begin() as db:
        token = db.get(Token, number)
        if token is None or token.account_id != user.id:
            raise Refusal(404, "没有这个令牌")
        accounts.revoke_token(db, user.actor, token)
    return go("/account")


def _login(request: Request, next: str, error: str = "", status: int = 200) -> Response:
    settings = request.app.state.portal.settings
    before = request.cookies.get(sessions.BEFORE) or secrets.token_urlsafe(24)
    request.state.before = before
    request.state.user = None
    request.cookies.pop(sessions.COOKIE, None)  # an old one must not be what the form's token is made of
    answer = render(request, "login.html", status, next=local(next), error=error, oidc=settings.oidc)
    answer.delete_cookie(sessions.COOKIE, path="/")
    _set_cookie(answer, settings, sessions.BEFORE, before, 3600)
    return answer


def _account(request: Request, error: str = "", status: int = 200, secret: str = "") -> Response:
    user = current_user(request)
    with request.app.state.portal.store.begin() as db:
        account = db.get_one(Account, user.id)
        tokens = list(db.scalars(select(Token).where(Token.account_id == user.id).order_by(Token.id.desc())))
    shown = {"account": account, "tokens": tokens, "error": error, "secret": secret, "shortest": accounts.SHORTEST}
    return render(request, "account.html", status, **shown)


def _set_cookie(answer: Response, settings: Settings, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=settings.secure, path="/")
