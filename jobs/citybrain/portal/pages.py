"""Rendering: one environment, one layout, the words that templates share."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from citybrain.clock import minute
from citybrain.docs.words import kind, valid
from citybrain.portal import menu, words
from citybrain.portal.access import User, csrf_token
from citybrain.portal.models import PURPOSES, ROLES, STATES
from citybrain.portal.settings import is_demo

HERE = Path(__file__).parent


def render(request: Request, name: str, status_code: int = 200, **content: Any) -> HTMLResponse:
    """A page in the layout; templates find the user, the menu and the CSRF token by themselves."""
    user: User | None = getattr(request.state, "user", None)
    facts = {
        "user": user,
        "menu": menu.entries(user.role) if user else [],
        "path": request.url.path,
        "csrf": csrf_token(request),
        "demo": is_demo(),
        "contact": request.app.state.portal.settings.contact,
    }
    return HTMLResponse(_environment().get_template(name).render(**facts, **content), status_code)


def go(path: str) -> RedirectResponse:
    """After a form: to a page that may be loaded again."""
    return RedirectResponse(path, 303)


@cache
def _environment() -> Environment:
    found = FileSystemLoader(HERE / "templates")
    environment = Environment(loader=found, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters.update(moment=moment, thousands=lambda n: f"{n:,}", size=size)
    environment.globals.update(ROLES=ROLES, PURPOSES=PURPOSES, STATES=STATES, kind=kind, valid=valid)
    environment.globals.update(WEIGHTS=words.WEIGHTS, STATUS=words.STATUS, KINDS=words.KINDS, ASIDE=words.ASIDE)
    return environment


def moment(value: datetime | str | None) -> str:
    """In Chinese time, to the minute."""
    return minute(value) if value else "—"


def size(count: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} 字节"
