"""Who asks, and what he may see and do. What somebody may not see is not there for him: 404, not 403."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request

from citybrain.contracts import Contract
from citybrain.portal import accounts, sessions
from citybrain.portal.audit import Actor
from citybrain.portal.models import Account

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class NotSignedIn(Exception):  # noqa: N818 (an answer, not a failure)
    """Nobody known asks; a browser is led to the sign-in, a program gets 401."""


class Refusal(Exception):  # noqa: N818
    """The request is understood and not done; the message is for the one who asks."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class User:
    """Who asks."""

    id: int
    name: str
    department: str
    role: str
    address: str
    by_token: bool

    @property
    def actor(self) -> Actor:
        return Actor(self.name, self.address)

    @property
    def of_bureau(self) -> bool:
        return self.role in ("steward", "administrator")

    def sees(self, contract: Contract) -> bool:
        """A department's own tables; the bureau sees all."""
        return self.of_bureau or contract.owner == self.department

    def hands_in(self, contract: Contract) -> bool:
        """Deliver, correct, repair, withdraw: the department itself, or a steward for it."""
        return self.role == "steward" or contract.owner == self.department

    def unmasked(self, contract: Contract) -> bool:
        """Personal cells are shown to the department that delivers them, and to nobody else."""
        return contract.owner == self.department


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def bearer(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def current_user(request: Request) -> User:
    """The signed-in account, by token or by session. Raises NotSignedIn."""
    known: User | None = getattr(request.state, "user", None)
    if known is None:
        token, cookie = bearer(request), request.cookies.get(sessions.COOKIE)
        account: Account | None = None
        if token or cookie:
            with request.app.state.portal.store.begin() as db:
                account = accounts.of_token(db, token) if token else sessions.account_of(db, cookie or "")
        if account is None:
            raise NotSignedIn
        facts = (account.id, account.name, account.department, account.role)
        known = request.state.user = User(*facts, address_of(request), by_token=token is not None)
    return known


def administrator(user: Annotated[User, Depends(current_user)]) -> User:
    if user.role != "administrator":
        raise Refusal(404, "没有这个页面")
    return user


def steward(user: Annotated[User, Depends(current_user)]) -> User:
    """The bureau: stewards and administrators."""
    if not user.of_bureau:
        raise Refusal(404, "没有这个页面")
    return user


CurrentUser = Annotated[User, Depends(current_user)]
Administrator = Annotated[User, Depends(administrator)]
Steward = Annotated[User, Depends(steward)]


def csrf_token(request: Request) -> str:
    cookie = request.cookies.get(sessions.COOKIE) or getattr(request.state, "before", None)
    cookie = cookie or request.cookies.get(sessions.BEFORE) or ""
    return sessions.csrf_of(cookie, request.app.state.portal.settings.secret) if cookie else ""


async def guard(request: Request) -> None:
    """Asked of every request of the application: what changes anything must come from a page of ours.

    A key in a header is sent by no browser by itself; a request without any cookie is nobody's.
    """
    if request.method in SAFE_METHODS or bearer(request):
        return
    cookies = request.cookies
    if not (cookies.get(sessions.COOKIE) or cookies.get(sessions.BEFORE)) and request.url.path.startswith("/api/"):
        return
    origin = request.headers.get("origin")
    strange = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    given: Any = request.headers.get("x-csrf-token")
    if given is None and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        given = (await request.form()).get("csrf")
    wanted = csrf_token(request)
    if strange or not wanted or not hmac.compare_digest(str(given or "").encode(), wanted.encode()):
        raise Refusal(403, "页面已过期，请返回上一页，刷新后重新提交")
