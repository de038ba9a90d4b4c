"""For administrators: accounts, and the record of what was done."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import select

from citybrain.portal import accounts, audit
from citybrain.portal.access import Administrator, Refusal
from citybrain.portal.accounts import AccountError
from citybrain.portal.models import Account
from citybrain.portal.pages import go, render

router = APIRouter(prefix="/admin", include_in_schema=False)


@router.get("/accounts")
def accounts_page(request: Request, user: Administrator) -> Response:
    audit.note(request.app.state.portal.store, user.actor, "view", what="账户管理")
    return _accounts(request)


@router.post("/accounts")
def add_account(
    request: Request,
    user: Administrator,
    name: Annotated[str, Form(max_length=64)] = "",
    department: Annotated[str, Form(max_length=64)] = "",
    role: Annotated[str, Form(max_length=16)] = "uploader",
    by_oidc: Annotated[bool, Form()] = False,
) -> Response:
    password = None if by_oidc else secrets.token_urlsafe(12)
    try:
        with request.app.state.portal.store.begin() as db:
            accounts.add(db, user.actor, name.strip(), department, role, password)
    except AccountError as error:
        return _accounts(request, error=str(error), status=400)
    return _accounts(request, made=(name.strip(), password))


@router.post("/accounts/{number}/password")
def reset_password(request: Request, user: Administrator, number: int) -> Response:
    password = secrets.token_urlsafe(12)
    with request.app.state.portal.store.begin() as db:
        account = _account(db.get(Account, number))
        accounts.set_password(db, user.actor, account, password)
    return _accounts(request, made=(account.name, password))


@router.post("/accounts/{number}/active")
def set_active(request: Request, user: Administrator, number: int, active: Annotated[bool, Form()]) -> Response:
    if number == user.id:
        raise Refusal(400, "不能停用自己的账户")
    with request.app.state.portal.store.begin() as db:
        accounts.set_active(db, user.actor, _account(db.get(Account, number)), active)
    return go("/admin/accounts")


@router.get("/audit")
def audit_page(request: Request, user: Administrator, account: str = "", subject: str = "") -> Response:
    audit.note(request.app.state.portal.store, user.actor, "view", what="操作记录")
    with request.app.state.portal.store.begin() as db:
        entries = audit.latest(db, 300, account=account, subject=subject)
    return render(
        request,
        "audit.html",
        entries=entries,
        actions=audit.ACTIONS,
        details=audit.DETAILS,
        account=account,
        subject=subject,
    )


def _account(found: Account | None) -> Account:
    if found is None:
        raise Refusal(404, "没有这个账户")
    return found


def _accounts(
    request: Request, error: str = "", status: int = 200, made: tuple[str, str | None] | None = None
) -> Response:
    with request.app.state.portal.store.begin() as db:
        known = list(db.scalars(select(Account).order_by(Account.department, Account.name)))
    shown = {"accounts": known, "departments": accounts.departments(), "error": error, "made": made}
    return render(request, "accounts.html", status, **shown)
