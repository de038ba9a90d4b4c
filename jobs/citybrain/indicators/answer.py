"""An indicator's value with all that is needed to dispute it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class FigureAmount:
    """One base quantity of the formula; ``amount`` is None where the answer is one that was published."""

    figure: str
    title: str
    table: str
    amount: Decimal | None


@dataclass(frozen=True)
class SourceVersion:
    """The version of a gold table that the answer was computed from."""

    table: str
    title: str
    version: int
    committed_at: datetime


class Scope(Protocol):
    """Where and when: which rows of a cube a number adds up. An answer is one."""

    @property
    def area_level(self) -> str: ...
    @property
    def area_code(self) -> str: ...
    @property
    def period_start(self) -> date: ...
    @property
    def period_end(self) -> date: ...
    @property
    def as_of(self) -> date: ...


@dataclass(frozen=True)
class IndicatorAnswer:
    indicator_id: str
    name: str
    variant: str
    variant_title: str
    unit: str
    rounding: int
    area_code: str
    area_name: str
    area_level: str
    period_kind: str
    period: str
    period_start: date
    period_end: date  # not later than as_of
    as_of: date
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    formula: str
    description: str
    sql: str
    figures: tuple[FigureAmount, ...]
    sources: tuple[SourceVersion, ...]
    file: Path  # the serving file that was asked
    known_at: datetime | None = None
    published_at: datetime | None = None
    revision: int | None = None

    @property
    def shown(self) -> str:
        """The value as it is printed."""
        return self.show(self.value)

    def show(self, value: float | None) -> str:
        """Rounded half up, with its unit; a ratio without a denominator is a dash."""
        if value is None:
            return "—"
        rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-self.rounding), rounding=ROUND_HALF_UP)
        return f"{rounded:,}%" if self.unit == "%" else f"{rounded:,} {self.unit}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: numbers as numbers, moments as text."""
        return {"shown": self.shown, **{key: plain(value) for key, value in asdict(self).items()}}


def number(amount: Decimal | None) -> str:
    """With thousands, without needless zeros; nothing is a dash."""
    return "—" if amount is None else f"{amount.normalize():,f}"


def plain(value: Any) -> Any:
    """The value as JSON can say it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | Path):
        return value.isoformat() if isinstance(value, date) else str(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
