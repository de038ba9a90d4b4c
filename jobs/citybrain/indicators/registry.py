"""Reads figures, indicators and themes, and refuses what does not hold together, with file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from citybrain import contracts
from citybrain.contracts import Contract, ContractError
from citybrain.contracts.load import folders, found, line_of, read_yaml, validated
from citybrain.indicators.model import (
    AREA_COLUMNS,
    Clock,
    Figure,
    FiguresFile,
    Indicator,
    QuestionError,
    Themes,
    Variant,
)

JOURNAL = "gold.platform__indicator_value"
AREAS = "gold.reference__area"
_INHERITED = ("unit", "direction", "rounding", "grains")  # a variant has the indicator's unless it says otherwise


@dataclass(frozen=True)
class Registry:
    themes: Themes
    clocks: dict[str, Clock]
    figures: dict[str, Figure]
    indicators: dict[str, Indicator]

    def indicator(self, id: str) -> Indicator:
        if id not in self.indicators:
            raise QuestionError(f"没有指标 {id}；已声明的有：{'、'.join(self.indicators)}")
        return self.indicators[id]

    def variant(self, id: str, variant: str | None = None) -> Variant:
        indicator = self.indicator(id)
        name = variant or indicator.default
        if name not in indicator.variants:
            raise QuestionError(f"{id} {indicator.name}没有口径 {name}；可用的口径：{'、'.join(indicator.variants)}")
        return indicator.variants[name]

    def clock_of(self, variant: Variant) -> Clock:
        return self.clocks[self.figures[variant.figures[0]].clock]

    def variants(self) -> Iterator[tuple[Indicator, Variant]]:
        for indicator in self.indicators.values():
            for variant in indicator.variants.values():
                yield indicator, variant


@dataclass
class _Draft:
    """What is read so far, and where it stands, for the message."""

    tables: dict[str, Contract]
    clocks: dict[str, Clock] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    indicators: dict[str, Indicator] = field(default_factory=dict)


@dataclass(frozen=True)
class _Spot:
    """A place in a file, so that a check can say where."""

    path: Path
    node: yaml.Node
    at: tuple[Any, ...]

    def __truediv__(self, step: Any) -> _Spot:
        return _Spot(self.path, self.node, (*self.at, step))

    def error(self, message: str) -> ContractError:
        return ContractError(f"{self.path}:{line_of(self.node, self.at)}: {message}")


@cache
def registry() -> Registry:
    """The registry of the project and the site, read once in a process."""
    return load()


def load(schemas: tuple[Path, ...] | None = None, tables: dict[str, Contract] | None = None) -> Registry:
    """Every figure and indicator, checked against the contracts. Raises ContractError with file and line."""
    where = schemas or folders()
    draft = _Draft(tables if tables is not None else contracts.load(where))
    for path in found(where, "figures/*.yaml"):
        _read_figures(path, draft)
    themes, indicator_files = None, found(where, "indicators/*.yaml")
    for path in [p for p in indicator_files if p.stem == "themes"]:
        node, raw = read_yaml(path)
        themes = validated(Themes, raw, path, node)
        _check_themes(themes, _Spot(path, node, ("themes",)))
    if themes is None:
        raise ContractError(f"{where[0] / 'indicators/themes.yaml'}:1: the themes are missing")
    for path in [p for p in indicator_files if p.stem != "themes"]:
        _read_indicators(path, draft, themes)
    return Registry(themes, draft.clocks, draft.figures, dict(sorted(draft.indicators.items())))


def _check_themes(themes: Themes, spot: _Spot) -> None:
    for id, theme in themes.themes.items():
        if theme.panel not in themes.panels:
            raise (spot / id / "panel").error(f"no panel {theme.panel}")


def _read_figures(path: Path, draft: _Draft) -> None:
    node, raw = read_yaml(path)
    file = validated(FiguresFile, raw, path, node)
    spot = _Spot(path, node, ())
    _check_columns(spot / "clock", draft, file.clock.table, (file.clock.date,), file.clock.where)
    draft.clocks[path.stem] = file.clock
    for id, spec in file.figures.items():
        here = spot / "figures" / id
        if id in draft.figures:
            raise here.error(f"figure {id} is declared twice")
        known = draft.tables[str(spec.get("table"))].names if spec.get("table") in draft.tables else ()
        areas = [column for column in AREA_COLUMNS.values() if column in known]
        figure = validated(Figure, {**spec, "id": id, "clock": path.stem, "areas": areas}, path, node, here.at)
        _check_columns(here, draft, figure.table, figure.columns, figure.where)
        if figure.sum not in {m.name for m in draft.tables[figure.table].measures}:
            raise (here / "sum").error(f"{figure.sum} is not a measure of {figure.table}")
        draft.figures[id] = figure


def _check_columns(spot: _Spot, draft: _Draft, table: str, columns: tuple[str, ...], where: str | None) -> None:
    if table not in draft.tables or not table.startswith("gold."):
        raise (spot / "table").error(f"no gold table {table}")
    contract = draft.tables[table]
    if unknown := [c for c in columns if c not in contract.names]:
        raise spot.error(f"{table} has no column {', '.join(unknown)}")
    if where is not None:
        _check_condition(spot / "where", contract, where)


def _check_condition(spot: _Spot, contract: Contract, where: str) -> None:
    """Only columns of the table, and only values that a column with a list of values may have."""
    try:
        condition = sqlglot.parse_one(where, read="spark")
    except sqlglot.errors.ParseError as error:
        raise spot.error(f"{where!r} is not a condition: {error.errors[0]['description']}") from error
    if condition.find(exp.Query):
        raise spot.error("a figure reads one table; a subquery reads another")
    for column in condition.find_all(exp.Column):
        if column.name not in contract.names:
            raise spot.error(f"{contract.table} has no column {column.name}")
        allowed, parent = contract.field(column.name).enum, column.parent
        texts = parent.find_all(exp.Literal) if allowed and isinstance(parent, exp.EQ | exp.NEQ | exp.In) else ()
        if wrong := [t.this for t in texts if t.is_string and t.this not in (allowed or ())]:
            raise spot.error(f"{column.name} is never {', '.join(wrong)}; it is one of {', '.join(allowed or ())}")


def _read_indicators(path: Path, draft: _Draft, themes: Themes) -> None:
    node, raw = read_yaml(path)
    for id, spec in raw.items():
        here = _Spot(path, node, (id,))
        if id in draft.indicators:
            raise here.error(f"indicator {id} is declared twice")
        indicator = validated(Indicator, {**_inheriting(spec), "id": id}, path, node, (id,))
        if indicator.theme not in themes.themes:
            raise (here / "theme").error(f"no theme {indicator.theme}")
        for name, variant in indicator.variants.items():
            _check_variant(here / "variants" / name, indicator, variant, draft)
        _check_sources(here / "source_columns", indicator, draft)
        draft.indicators[id] = indicator


def _inheriting(spec: Any) -> Any:
    """The indicator's unit, direction, rounding and grains written into each variant that does not say its own."""
    if not isinstance(spec, dict) or not isinstance(spec.get("variants"), dict):
        return spec  # the model says what is wrong
    common = {key: spec[key] for key in _INHERITED if key in spec}
    own = {n: {**common, **v, "id": n} if isinstance(v, dict) else v for n, v in spec["variants"].items()}
    return {**spec, "variants": own}


def _check_variant(spot: _Spot, indicator: Indicator, variant: Variant, draft: _Draft) -> None:
    at = spot / ("percentile" if variant.percentile else "numerator")
    if unknown := [name for name in variant.figures if name not in draft.figures]:
        raise at.error(f"no figure {', '.join(unknown)}")
    figures = [draft.figures[name] for name in variant.figures]
    if len({figure.clock for figure in figures}) > 1:
        raise at.error("the figures of one variant share one clock (one file of figures)")
    if variant.percentile and not figures[0].bins:
        raise at.error(f"{figures[0].id} has no bins, so it has no percentiles")
    if variant.additive and (stocks := [f.id for f in figures if f.form != "flow"]):
        raise (spot / "additive").error(f"stocks cannot be added over periods: {', '.join(stocks)}")
    if not set(variant.grains) <= set(indicator.grains):
        raise (spot / "grains").error(f"{indicator.id} is declared for {', '.join(indicator.grains)} only")
    for grain in variant.grains:
        if lacking := [f.table for f in figures if AREA_COLUMNS.get(grain) not in (None, *f.areas)]:
            raise spot.error(f"no figures by {grain}: {', '.join(lacking)} has no {AREA_COLUMNS[grain]}")
    if JOURNAL in draft.tables and (unread := {f.table for f in figures} - set(draft.tables[JOURNAL].inputs)):
        raise at.error(f"{', '.join(sorted(unread))} must be an input of {JOURNAL}")


def _check_sources(spot: _Spot, indicator: Indicator, draft: _Draft) -> None:
    """Every source column is one that some bronze contract supplies, and that the figures are built from."""
    tables = {draft.figures[name].table for v in indicator.variants.values() for name in v.figures}
    behind = _upstream(tables, draft.tables)
    for i, name in enumerate(indicator.source_columns):
        table, _, column = name.rpartition(".")
        if not table.startswith("bronze.") or table not in draft.tables or column not in draft.tables[table].names:
            raise (spot / i).error(f"no bronze contract supplies {name}")
        if table not in behind:
            raise (spot / i).error(f"the figures of {indicator.id} are not built from {table}")


def _upstream(names: set[str], tables: dict[str, Contract]) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += tables[name].inputs
    return reached
