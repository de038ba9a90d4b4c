"""What stands in ``dashboards/``: boards, charts, data sets and the theme, each with file and line of what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from citybrain.contracts.load import ROOT, line_of, read_yaml, validated
from citybrain.contracts.model import Strict

FOLDER = ROOT / "dashboards"
Condition = str | int | float | bool | tuple[str | int | float, ...] | dict[str, str | int | float]
Kind = Literal[
    "number",
    "total",
    "bars",
    "ranking",
    "lines",
    "areas",
    "mixed",
    "pie",
    "table",
    "polygons",
    "points",
    "shapes",
    "map",
]


class DashboardError(ValueError):
    """A file of a board that cannot be used; the message is ``file:line: what is wrong``."""


class Band(Strict):
    """A class of values and its colour: from ``least`` (included) up to the next higher band (not included)."""

    least: float
    color: str = Field(pattern="^#[0-9a-f]{6}$")


class ChartFile(Strict):
    """One chart: which columns and metrics of which data set, drawn as what. It holds no formula."""

    title: str
    kind: Kind
    dataset: str | None = None
    x: str | None = None
    metrics: tuple[str, ...] = ()
    line_metrics: tuple[str, ...] = ()  # of a `mixed` chart: those of the right-hand axis
    dimensions: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # of a `table` of single rows
    shape: str | None = None  # the column that holds a ring or a feature
    lon: str | None = None
    lat: str | None = None
    tooltip: tuple[str, ...] = ()
    bands: tuple[Band, ...] = ()  # of `polygons`, the highest first
    where: dict[str, Condition] = Field(default_factory=dict)
    order_by: str | None = None
    order: Literal["asc", "desc"] = "desc"
    limit: int | None = None
    layers: tuple[str, ...] = ()  # of a `map`: charts of the same board, the lowest first
    note: str | None = None
    headers: dict[str, str] = Field(
        default_factory=dict
    )  # of a `table`: shorter words for a column where the board says the rest
    echarts: dict[str, Any] = Field(default_factory=dict)  # ECharts' own options where they differ from theme.yaml
    options: dict[str, Any] = Field(default_factory=dict)  # Superset's own parameters where they differ from theme.yaml


class Block(Strict):
    """A piece of a board's grid: a chart, a text, or a column that holds rows. Width in twelfths, height in 8 px."""

    chart: str | None = None
    text: str | None = None
    rows: tuple[tuple[Block, ...], ...] = ()
    width: int = Field(12, ge=1, le=12)
    height: int = Field(10, ge=1)


class BoardFile(Strict):
    title: str
    slug: str
    description: str | None = None
    css: tuple[str, ...] = ()  # files in dashboards/, laid one over the other
    refresh_seconds: int = 0
    rows: tuple[tuple[Block, ...], ...]


class Scheme(Strict):
    title: str
    colors: tuple[str, ...]


class ThemeFile(Strict):
    """How everything looks: Superset's tokens, ECharts' options, colours, defaults of each kind of chart."""

    name: str
    algorithm: Literal["dark", "default"]
    token: dict[str, Any]
    echarts: dict[str, Any] = Field(default_factory=dict)
    categorical: dict[str, Scheme] = Field(default_factory=dict)
    sequential: dict[str, Scheme] = Field(default_factory=dict)
    kinds: dict[Kind, dict[str, Any]]


@dataclass(frozen=True)
class Source:
    """Where something was declared, for messages."""

    path: Path
    node: yaml.Node

    def at(self, *steps: str | int) -> str:
        """``file:line`` of the deepest of ``steps`` that stands in the file."""
        return f"{shown(self.path)}:{line_of(self.node, steps)}"


@dataclass(frozen=True)
class Chart:
    name: str
    board: str
    file: ChartFile
    source: Source

    @property
    def key(self) -> str:
        return f"{self.board}/{self.name}"


@dataclass(frozen=True)
class Board:
    name: str
    file: BoardFile
    source: Source
    charts: dict[str, Chart]


@dataclass(frozen=True)
class Files:
    folder: Path
    boards: dict[str, Board]
    theme: ThemeFile
    views: dict[str, Path]  # data sets that are a SELECT over the serving file
    titles: Path  # titles of the columns that only such views have


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def read(folder: Path = FOLDER) -> Files:
    """Everything below ``dashboards/``. Raises ContractError or DashboardError at the first file that does not hold."""
    node, raw = read_yaml(folder / "theme.yaml")
    theme = validated(ThemeFile, raw, folder / "theme.yaml", node)
    boards = {path.parent.name: _board(path) for path in sorted(folder.glob("*/dashboard.yaml"))}
    views = {path.stem: path for path in sorted((folder / "datasets").glob("*.sql"))}
    return Files(folder, boards, theme, views, folder / "datasets/titles.yaml")


def _board(path: Path) -> Board:
    node, raw = read_yaml(path)
    file = validated(BoardFile, raw, path, node)
    charts = {chart.stem: _chart(chart) for chart in sorted(path.parent.glob("charts/*.yaml"))}
    return Board(path.parent.name, file, Source(path, node), charts)


def _chart(path: Path) -> Chart:
    node, raw = read_yaml(path)
    return Chart(path.stem, path.parents[1].name, validated(ChartFile, raw, path, node), Source(path, node))
