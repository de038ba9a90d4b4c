"""Tells Airflow that tables hold something new when it was not Airflow that changed them: by hand, by the portal.

Only a hint, so that their readers need not wait: what is not told, the DAG ``catch_up`` finds. It fails no caller.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from citybrain import lake

USER = "steward"  # may post events; infra/airflow/airflow.cfg says who else there is
TIMEOUT = 5.0  # seconds an answer may take

_log = logging.getLogger(__name__)
_open = build_opener(ProxyHandler({})).open  # Airflow is a neighbour; a proxy to the world would not know it


def published(tables: Iterable[str]) -> None:
    """Wakes the readers of ``tables``; does nothing where no Airflow is set up (``CITYBRAIN_AIRFLOW_URL``)."""
    news = sorted(set(tables))
    url, passwords = os.environ.get("CITYBRAIN_AIRFLOW_URL"), lake.home() / "secrets/airflow_passwords.json"
    if not (news and url and passwords.exists()):
        return
    try:
        _tell(url.rstrip("/"), passwords, news)
    except Exception as error:  # whatever it is, the tables are published and the caller goes on
        _log.warning("Airflow was not told of %s; catch_up will find them (%s: %s)", ", ".join(news), url, error)


def _tell(url: str, passwords: Path, tables: list[str]) -> None:
    login = {"username": USER, "password": json.loads(passwords.read_text("utf-8"))[USER]}
    token = _ask(f"{url}/auth/token", login)["access_token"]
    known = _asset_ids(url, token)
    for table in tables:
        if table in known:  # others have no reader
            _ask(f"{url}/api/v2/assets/events", {"asset_id": known[table], "extra": {}}, token)


def _asset_ids(url: str, token: str) -> dict[str, int]:
    known: dict[str, int] = {}
    offset, total = 0, 1
    while offset < total:
        page = _ask(f"{url}/api/v2/assets?order_by=id&limit=100&offset={offset}", token=token)
        known |= {asset["name"]: asset["id"] for asset in page["assets"]}
        offset, total = offset + 100, page["total_entries"]
    return known


def _ask(url: str, body: dict[str, Any] | None = None, token: str | None = None) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = Request(url, json.dumps(body).encode() if body is not None else None, headers)
    with _open(request, timeout=TIMEOUT) as answer:
        return json.load(answer)
