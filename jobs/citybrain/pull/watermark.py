"""How far a source has been read: the highest value of a column, kept as text. Times are Shanghai's wall clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from citybrain.clock import SHANGHAI
from citybrain.pull.declared import PullError, Watermark

Mark = datetime | date | Decimal | str
_EPOCHS = {"epoch_ms": 1000, "epoch_s": 1}


def read(mark: Watermark, value: Any) -> Mark | None:
    """What a cell says; None where it says nothing that can be compared."""
    if value is None or value == "":
        return None
    try:
        if mark.kind in ("timestamp", "instant"):
            return _moment(value, mark.format)
        if mark.kind == "date":
            moment = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
            return moment.date() if isinstance(moment, datetime) else moment
        return Decimal(str(value)) if mark.kind == "number" else str(value)
    except (ValueError, InvalidOperation):
        return None


def text(value: Mark) -> str:
    """How it is kept; ``read`` takes it back."""
    return value.isoformat() if isinstance(value, date) else str(value)


def since(mark: Watermark, kept: str | None) -> Mark | None:
    """From where on to ask: what was kept or the declared start, less the overlap; None: everything."""
    at = read(mark, kept or mark.start)
    if at is None and (kept or mark.start):
        raise PullError(f"the watermark {kept or mark.start!r} is no {mark.kind}")
    if isinstance(at, datetime):
        return at - timedelta(seconds=mark.overlap)
    if isinstance(at, date):
        return at - timedelta(days=mark.overlap)
    return at - mark.overlap if isinstance(at, Decimal) else at


def asked(mark: Watermark, at: Mark) -> str:
    """As the request of an API says it."""
    if isinstance(at, datetime) and (factor := _EPOCHS.get(mark.format)):
        return str(int(at.replace(tzinfo=SHANGHAI).timestamp()) * factor)
    return at.strftime(mark.format) if isinstance(at, datetime) else text(at)


def bound(mark: Watermark, at: Mark) -> Any:
    """As a database compares it."""
    if isinstance(at, Decimal) and at == at.to_integral_value():
        return int(at)  # which every driver knows
    return at.replace(tzinfo=SHANGHAI) if mark.kind == "instant" and isinstance(at, datetime) else at


def highest(mark: Watermark, values: Iterable[Any], kept: str | None, now: datetime) -> str | None:
    """How far has been read after these rows: it never goes back; what claims to be of the future does not count."""
    marks = [m for value in values if (m := read(mark, value)) is not None]
    ceiling = now.astimezone(SHANGHAI).replace(tzinfo=None)
    if mark.kind in ("timestamp", "instant"):
        marks = [m for m in marks if m <= ceiling]  # type: ignore[operator]
    elif mark.kind == "date":
        marks = [m for m in marks if m <= ceiling.date()]  # type: ignore[operator]
    if (before := read(mark, kept)) is not None:
        marks.append(before)
    return text(max(marks)) if marks else None


def later(one: Mark, other: Mark) -> bool:
    """Of two marks of one kind."""
    return one > other  # type: ignore[operator]


def _moment(value: Any, form: str) -> datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime.combine(value, time())
    elif form in _EPOCHS and str(value).lstrip("-").isdecimal():
        moment = datetime.fromtimestamp(int(str(value)) / _EPOCHS[form], UTC)
    else:
        moment = _written(str(value), form)
    return moment.astimezone(SHANGHAI).replace(tzinfo=None) if moment.tzinfo else moment


def _written(value: str, form: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return datetime.strptime(value, form)  # noqa: DTZ007
