"""Signed-in browsers: a random cookie, of which only the hash is kept, that ends when it idles or grows old."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session as Db

from citybrain.portal.accounts import key_of
from citybrain.portal.models import Account, Session, now

COOKIE = "citybrain_portal"  # cookies are shared by the ports of a host
BEFORE = "citybrain_portal_before"  # of a browser that is about to sign in
IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)
_NOTED = timedelta(minutes=1)  # how exactly it is kept when a session was last seen


def start(db: Db, account: Account) -> str:
    """What the cookie is to hold. It is always a new one, so nobody can have given it to the browser before."""
    secret = secrets.token_urlsafe(32)
    db.add(Session(key=key_of(secret), account_id=account.id))
    db.execute(delete(Session).where((Session.seen_at < now() - IDLE) | (Session.created_at < now() - LONGEST)))
    return secret


def account_of(db: Db, secret: str) -> Account | None:
    session = db.get(Session, key_of(secret))
    if session is None or session.seen_at < now() - IDLE or session.created_at < now() - LONGEST:
        return None
    if session.seen_at < now() - _NOTED:
        session.seen_at = now()
    account = db.get(Account, session.account_id)
    return account if account and account.active else None


def end(db: Db, secret: str) -> None:
    db.execute(delete(Session).where(Session.key == key_of(secret)))


def csrf_of(cookie: str, key: str) -> str:
    """What a form of ours carries and a page of somebody else cannot know."""
    return hmac.new(key.encode(), b"csrf:" + cookie.encode(), hashlib.sha256).hexdigest()
