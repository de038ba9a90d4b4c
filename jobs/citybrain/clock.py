"""The district's clocks: days, deadlines and reports are those of Shanghai."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def minute(instant: datetime | str) -> str:
    """An instant as people read it. Raises ValueError for a text that is none."""
    moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
