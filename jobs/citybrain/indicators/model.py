"""What a figure and an indicator may say. Pure pydantic, as strict as the contracts."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from citybrain.contracts.model import Strict

Grain = Literal["district", "town", "village"]
Direction = Literal["higher", "lower", "none"]
PeriodKind = Literal["day", "week", "month", "quarter", "year"]
AREA_LEVELS: dict[Grain, str] = {"district": "区", "town": "镇街", "village": "村居"}
AREA_COLUMNS: dict[Grain, str] = {"town": "town_code", "village": "village_code"}  # the district is every row
_TERM = re.compile(r"\s*([+-]?)\s*([a-z][a-z0-9_]*)")


class QuestionError(ValueError):
    """The question itself is wrong: no such indicator, variant, area or period. The message says what there is."""

    exit_code = 2


class Clock(Strict):
    """The data's own time: the last ``date`` of ``table`` with a row that meets ``where``. Never today."""

    table: str
    date: str
    where: str


class Figure(Strict):
    """One sum over one table: a ``flow`` within the period (perhaps only what is ``known`` by as_of), a stock at the
    period's end (``level``) or just before its beginning (``opening``); each names the date column it goes by."""

    id: str
    title: str
    table: str
    sum: str
    where: str | None = None
    flow: str | None = None
    known: str | None = None
    level: str | None = None
    opening: str | None = None
    bins: str | None = None  # of a histogram: the column whose k holds what is in (k−1, k]
    clock: str  # name of the file of figures, whose clock it is
    areas: tuple[str, ...]  # area columns of the table, which the registry looks up

    @model_validator(mode="after")
    def _one_form(self) -> Figure:
        if sum(x is not None for x in (self.flow, self.level, self.opening)) != 1:
            raise ValueError("give exactly one of `flow`, `level`, `opening`")
        if (self.known or self.bins) and not self.flow:
            raise ValueError("`known` and `bins` belong to a flow")
        return self

    @property
    def form(self) -> Literal["flow", "level", "opening"]:
        return "flow" if self.flow else "level" if self.level else "opening"

    @property
    def date(self) -> str:
        return self.flow or self.level or self.opening or ""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(c for c in (self.sum, self.date, self.known, self.bins) if c)


def terms(expression: str) -> tuple[tuple[int, str], ...]:
    """``a + b - c`` as ((1, a), (1, b), (−1, c)); raises ValueError for anything but sums of figures."""
    found: list[tuple[int, str]] = []
    position = 0
    while match := _TERM.match(expression, position):
        if found and not match[1]:
            break
        found.append((-1 if match[1] == "-" else 1, match[2]))
        position = match.end()
    if not found or expression[position:].strip():
        raise ValueError(f"{expression!r} is not a sum or difference of figures")
    return tuple(found)


def _checked(expression: Any) -> Any:
    if isinstance(expression, str):
        terms(expression)
    return expression


def _scale(value: Any) -> Any:
    return Fraction(value) if isinstance(value, int | str) else value


Expression = Annotated[str, BeforeValidator(_checked)]
Scale = Annotated[Fraction, BeforeValidator(_scale)]


class Percentile(Strict):
    of: str  # a figure with bins
    percent: int = Field(gt=0, lt=100)


class Variant(Strict):
    """One way of computing the indicator (口径). What it does not say, the indicator says."""

    id: str
    title: str
    description: str | None = None
    numerator: Expression | None = None
    denominator: Expression | None = None
    percentile: Percentile | None = None
    scale: Scale = Fraction(1)
    additive: bool
    unit: str
    direction: Direction
    rounding: int = Field(ge=0, le=6)
    grains: tuple[Grain, ...]
    effective_from: date | None = None
    effective_to: date | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Variant:
        if (self.numerator is None) == (self.percentile is None):
            raise ValueError("give either `numerator` (and perhaps `denominator`) or `percentile`")
        if self.denominator and not self.numerator:
            raise ValueError("a denominator needs a numerator")
        if self.percentile and self.additive:
            raise ValueError("percentiles are not additive")
        return self

    @property
    def figures(self) -> tuple[str, ...]:
        """Every figure it needs, once, in order of mention."""
        if self.percentile:
            return (self.percentile.of,)
        both = terms(self.numerator or "") + (terms(self.denominator) if self.denominator else ())
        return tuple(dict.fromkeys(name for _, name in both))


class Indicator(Strict):
    """One number that people ask for by name, with every way of computing it that is in use."""

    id: str = Field(pattern=r"^[A-Z]{2}\d{2}$")
    name: str
    en: str
    theme: str
    owner: str
    unit: str
    direction: Direction
    grains: tuple[Grain, ...] = Field(min_length=1)
    periods: tuple[PeriodKind, ...] = Field(min_length=1)
    kind: Literal["computed", "imported"]
    rounding: int = Field(ge=0, le=6)
    min_denominator: int = Field(ge=0)  # below it a value is shown, but not ranked
    source: str
    source_columns: tuple[str, ...] = Field(min_length=1)
    description: str
    default: str
    variants: dict[str, Variant] = Field(min_length=1)

    @model_validator(mode="after")
    def _default_exists(self) -> Indicator:
        if self.default not in self.variants:
            raise ValueError(f"the default variant {self.default} is not declared")
        return self


class Theme(Strict):
    title: str
    panel: str


class Themes(Strict):
    panels: dict[str, str]
    themes: dict[str, Theme]


class FiguresFile(Strict):
    clock: Clock
    figures: dict[str, dict[str, Any]]
