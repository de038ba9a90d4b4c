"""Accounts, passwords (argon2id), API tokens, and how many wrong attempts are borne."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from citybrain import contracts
from citybrain.portal import audit
from citybrain.portal.audit import Actor
from citybrain.portal.models import ROLES, Account, Token, now
from citybrain.portal.models import Session as SignedIn

WINDOW = timedelta(minutes=15)
WRONG_OF_NAME, WRONG_OF_ADDRESS = 5, 30  # wrong attempts within the window, after which nothing is tried any more
SHORTEST = 10  # characters of a password
TOKEN_PREFIX = "cbp_"
_NAME = re.compile(r"[\w.@-]{1,64}")
_hasher = PasswordHasher()


class AccountError(ValueError):
    """What is asked of an account is not possible; the message is for the one who asked."""

    exit_code = 2


class Limited(Exception):  # noqa: N818 (a verdict, not a failure)
    """Too many wrong attempts; for a while none is tried."""


@cache
def departments() -> tuple[str, ...]:
    """Who owns tables, from the contracts."""
    return tuple(sorted({c.owner for c in contracts.load().values() if c.layer == "bronze"}))


def add(db: Session, actor: Actor, name: str, department: str, role: str, password: str | None) -> Account:
    """A new account; without a password it signs in by OpenID Connect only."""
    if not _NAME.fullmatch(name):
        raise AccountError("账户名只能用文字、字母、数字和 . _ @ -，不超过 64 个字符")
    if role not in ROLES:
        raise AccountError(f"没有角色 {role}；有：{'、'.join(ROLES)}")
    if department not in departments():
        raise AccountError(f"没有部门“{department}”；契约中的责任单位有：{'、'.join(departments())}")
    if by_name(db, name):
        raise AccountError(f"账户 {name} 已经有了")
    account = Account(name=name, department=department, role=role, password_hash=password and hashed(password))
    db.add(account)
    db.flush()
    audit.record(db, actor, "account_add", name, department=department, role=role)
    return account


def by_name(db: Session, name: str) -> Account | None:
    return db.scalar(select(Account).where(Account.name == name))


def hashed(password: str) -> str:
    if len(password) < SHORTEST:
        raise AccountError(f"密码至少 {SHORTEST} 个字符")
    if len(password) > 256:
        raise AccountError("密码太长")
    return _hasher.hash(password)


def set_password(db: Session, actor: Actor, account: Account, password: str) -> None:
    """A new password ends every session of the account."""
    account.password_hash = hashed(password)
    db.execute(delete(SignedIn).where(SignedIn.account_id == account.id))
    audit.record(db, actor, "password", account.name)


def set_active(db: Session, actor: Actor, account: Account, active: bool) -> None:
    account.active = active
    if not active:
        db.execute(delete(SignedIn).where(SignedIn.account_id == account.id))
    audit.record(db, actor, "account_change", account.name, active=active)


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def verify(account: Account | None, password: str) -> bool:
    """Takes as long for a name that nobody has as for a wrong password."""
    stored = account.password_hash if account and account.active else None
    try:
        _hasher.verify(stored or _nobody(), password[:1024])
    except (Argon2Error, InvalidHashError):
        return False
    return stored is not None


def check_limit(db: Session, actor: Actor) -> None:
    """Raises Limited after too many wrong attempts for a name, or from an address."""
    if (
        audit.count(db, "sign_in_failed", WINDOW, account=actor.name) >= WRONG_OF_NAME
        or audit.count(db, "sign_in_failed", WINDOW, address=actor.address) >= WRONG_OF_ADDRESS
    ):
        raise Limited


def key_of(secret: str) -> str:
    """What is kept of a session or a token: enough to recognise it, useless to a thief."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_token(db: Session, actor: Actor, account: Account, title: str, days: int) -> str:
    """A new key of the API, which is shown this once."""
    if not 0 < days <= 730 or not 0 < len(title) <= 64:
        raise AccountError("令牌要有名称（不超过 64 个字），有效期 1 至 730 天")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = Token(key=key_of(secret), account_id=account.id, title=title, expires_at=now() + timedelta(days=days))
    db.add(token)
    db.flush()
    audit.record(db, actor, "token_add", f"{account.name}/{token.id}", title=title, days=days)
    return secret


def revoke_token(db: Session, actor: Actor, token: Token) -> None:
    token.revoked_at = token.revoked_at or now()
    audit.record(db, actor, "token_revoke", str(token.id), title=token.title)


def of_token(db: Session, secret: str) -> Account | None:
    """Whose key it is, while it and the account are valid."""
    token = db.scalar(select(Token).where(Token.key == key_of(secret)))
    if token is None or token.revoked_at or token.expires_at <= now():
        return None
    account = db.get(Account, token.account_id)
    return account if account and account.active else None
