"""Deliveries of a test's own, received when the test says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from citybrain.ingest import Outcome, landing
from tests.ingest.conftest import deliver, home

__all__ = ["deliver", "home"]

SHANGHAI = ZoneInfo("Asia/Shanghai")
CASE = "bronze.services__case"
ITEM = "1" * 31


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the clock of the landing zone: ``at("2026-03-02 09:00")``, Shanghai's."""

    def at(moment: str) -> None:
        instant = datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI)
        monkeypatch.setattr(landing, "_now", lambda: instant)

    return at


@pytest.fixture
def received(at: Callable[[str], None], deliver: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Delivers a drawing at a moment."""

    def received(moment: str, table: str, picture: str, **more: str) -> Outcome:
        at(moment)
        return deliver(table, picture, **more)

    return received


def cases(*rows: str) -> str:
    """Cases drawn: ``NB1 | 2026-03-01 08:00:00`` a row."""
    return "\n".join(["办件编号 | 事项编码 | 受理时间", *(r.replace("|", f"| {ITEM} |", 1) for r in rows)])
