"""The portal as a process: one for a home, served by uvicorn."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from citybrain import lake
from citybrain.portal import accounts


class AlreadyRunning(RuntimeError):  # noqa: N818
    """Another portal works on this home."""

    exit_code = 4


@contextmanager
def alone() -> Iterator[None]:
    """Two that take up the same unfinished deliveries would do them twice."""
    with (lake.folder("locks") / "portal.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"another portal is running on {lake.home()}") from None
        yield


def run(host: str, port: int) -> None:
    """Until it is told to end; what is under way then is taken up again at the next start."""
    import uvicorn

    from citybrain.portal.app import create_app

    with alone():
        uvicorn.run(create_app(), **options(host, port))


def options(host: str, port: int) -> dict[str, Any]:
    """How uvicorn serves it."""
    return {
        "host": host,
        "port": port,
        "log_level": "info",
        "access_log": False,  # the audit says who did what
        "server_header": False,
        "forwarded_allow_ips": os.environ.get("CITYBRAIN_PORTAL_PROXIES") or "127.0.0.1",
        "timeout_graceful_shutdown": 5,
    }


def admin_password() -> str:
    """Made once, like those of Airflow and Superset; the administrator should change it."""
    path = lake.folder("secrets") / "portal_admin_password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(12), "utf-8")
    return path.read_text("utf-8").strip()


def bureau() -> str:
    """The department of the bureau itself, as tables name it: whoever owns the table of departments."""
    from citybrain import contracts

    owner = contracts.load()["bronze.reference__department"].owner
    assert owner in accounts.departments()
    return owner
