"""Accounts of the demo: one for each department that hands in tables, and a steward."""

from __future__ import annotations

import getpass
import json
import secrets

from citybrain import contracts, lake
from citybrain.portal import accounts
from citybrain.portal.audit import Actor
from citybrain.portal.process import bureau
from citybrain.portal.settings import database_url
from citybrain.portal.store import Store

STEWARD = "steward"


def make_accounts() -> dict[str, tuple[str, str]]:
    """Name → department and password. What is there already stays, also a password that somebody has changed."""
    path = lake.folder("secrets") / "portal_demo_passwords.json"
    passwords = json.loads(path.read_text("utf-8")) if path.exists() else {}
    wanted = {**_uploaders(), STEWARD: bureau()}
    passwords |= {name: secrets.token_urlsafe(12) for name in wanted if name not in passwords}
    path.touch(mode=0o600)
    path.write_text(json.dumps(passwords), "utf-8")
    store = Store(database_url())
    store.migrate()
    with store.begin() as db:
        for name, department in wanted.items():
            if accounts.by_name(db, name) is None:
                role = "steward" if name == STEWARD else "uploader"
                accounts.add(db, Actor(getpass.getuser(), "demo"), name, department, role, passwords[name])
    store.engine.dispose()
    return {name: (department, passwords[name]) for name, department in wanted.items()}


def _uploaders() -> dict[str, str]:
    """Each department that uploads under the name of its first source, e.g. services → 区政务服务数据管理局."""
    found: dict[str, str] = {}
    for contract in contracts.load().values():
        if contract.delivery and "upload" in contract.delivery.how and contract.owner not in found.values():
            found[contract.group] = contract.owner
    return found
