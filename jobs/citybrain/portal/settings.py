"""All that can be set of the portal, from the environment."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from citybrain import lake

MEGABYTE = 1 << 20


def _number(name: str, default: int) -> int:
    return int(os.environ.get(f"CITYBRAIN_PORTAL_{name}") or default)


def database_url() -> str:
    """In PostgreSQL when that is set (``CITYBRAIN_POSTGRES``), else in a file of its own below home."""
    if server := os.environ.get("CITYBRAIN_POSTGRES"):
        parts = urlsplit(server)
        return urlunsplit(("postgresql+psycopg2", parts.netloc, "/portal", parts.query, ""))
    return f"sqlite:///{lake.folder('portal') / 'portal.db'}"


def secret() -> str:
    """Made once, readable by its owner only: signs CSRF tokens and the cookie of a sign-in that is under way."""
    path = lake.folder("secrets") / "portal_secret_key"
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), "utf-8")
        try:
            os.link(fresh, path)  # whoever is first wins
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text("utf-8").strip()


@dataclass(frozen=True)
class Oidc:
    """The sign-in service of the bureau, where there is one."""

    issuer: str
    client_id: str
    client_secret: str
    name_claim: str = "preferred_username"
    title: str = "统一身份认证"


def _oidc() -> Oidc | None:
    env = {key: os.environ.get(f"CITYBRAIN_OIDC_{key}", "") for key in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")}
    if not env["ISSUER"]:
        return None
    claim, title = (os.environ.get(f"CITYBRAIN_OIDC_{key}") for key in ("NAME_CLAIM", "TITLE"))
    return Oidc(
        env["ISSUER"].rstrip("/"), env["CLIENT_ID"], env["CLIENT_SECRET"], claim or Oidc.name_claim, title or Oidc.title
    )


@dataclass(frozen=True)
class Settings:
    """``infra/README.md`` lists the variables."""

    database: str = field(default_factory=database_url)
    secret: str = field(default_factory=secret)
    secure: bool = field(default_factory=lambda: os.environ.get("CITYBRAIN_PORTAL_HTTPS") == "1")
    largest: int = field(default_factory=lambda: _number("LARGEST_MB", 1024) * MEGABYTE)  # file that a browser sends
    chunk: int = field(default_factory=lambda: _number("CHUNK_MB", 8) * MEGABYTE)  # of it in one request
    open_uploads: int = field(default_factory=lambda: _number("OPEN_UPLOADS", 60))  # of one account at a time
    workers: int = field(default_factory=lambda: _number("WORKERS", 2))  # processes that read files
    requests: int = field(default_factory=lambda: _number("REQUESTS", 1200))  # of one client in a minute
    contact: str = field(
        default_factory=lambda: os.environ.get("CITYBRAIN_PORTAL_CONTACT") or "区智运中心"
    )  # to be asked
    oidc: Oidc | None = field(default_factory=_oidc)

    @property
    def spool(self) -> Path:
        """Where files lie that are being handed in; no reader of the lake looks here."""
        return lake.folder("portal/uploads")


def migration_lock() -> Path:
    """Made when a portal is first prepared on this home, wherever its database is."""
    return lake.folder("locks") / "portal.migrate.lock"


def is_prepared() -> bool:
    """Whether there is a portal on this home, running or not."""
    return migration_lock().exists()


def is_demo() -> bool:
    """Whether the simulated city has been handed in here: then every page says 模拟数据."""
    return (lake.home() / "run" / "handed_in").exists()
