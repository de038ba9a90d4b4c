"""Boards checked without a server: board → chart → data set → column of a contract, metric, indicator of the registry.

Every finding begins with file and line, so that whoever renames a column sees which charts stood on it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from citybrain.contracts.load import ROOT, folders, load_vocabulary
from citybrain.dashboards import lettering
from citybrain.dashboards.bundle import Project, dataset_of
from citybrain.dashboards.datasets import Dataset
from citybrain.dashboards.files import Block, Board, Chart, Condition, Files, shown
from citybrain.dashboards.kinds import OPERATORS

# What a chart of a kind cannot do without.
NEEDS: dict[str, tuple[str, ...]] = {
    "number": ("dataset", "x", "metrics"),
    "total": ("dataset", "metrics"),
    "bars": ("dataset", "x", "metrics"),
    "ranking": ("dataset", "x", "metrics"),
    "lines": ("dataset", "x", "metrics"),
    "areas": ("dataset", "x", "metrics"),
    "mixed": ("dataset", "x", "metrics", "line_metrics"),
    "pie": ("dataset", "dimensions", "metrics"),
    "table": ("dataset",),
    "polygons": ("dataset", "shape", "metrics", "bands"),
    "points": ("dataset", "lon", "lat"),
    "shapes": ("dataset", "shape"),
    "map": ("layers",),
}
_LINK = re.compile(r"/superset/dashboard/([\w-]+)/")
_SECRET = re.compile(r"(?i)\b(password|passwd|secret|api_?key|access_?key)\b\s*[:=]\s*\S")
_HOST = re.compile(r"\w+://(?!www\.w3\.org/)\S+|\b\d{1,3}(?:\.\d{1,3}){3}\b")


def problems(this: Project) -> list[str]:
    """All that is wrong, in the order of the files. What cannot even be read is raised before (see bundle.project)."""
    found: list[str] = []
    for board in this.files.boards.values():
        found += _board(this, board)
        for chart in board.charts.values():
            found += _chart(this, chart)
    found += _slugs(this.files)
    found += _letters(this.files)
    found += _leaks(this.files)
    return found


# --- boards ----------------------------------------------------------------------------------------------------------


def blocks(board: Board) -> Iterator[tuple[tuple[str | int, ...], Block]]:
    """Every piece of the grid with its place in the file."""

    def walk(
        rows: tuple[tuple[Block, ...], ...], at: tuple[str | int, ...]
    ) -> Iterator[tuple[tuple[str | int, ...], Block]]:
        for i, row in enumerate(rows):
            for j, block in enumerate(row):
                here = (*at, "rows", i, j)
                yield here, block
                yield from walk(block.rows, here)

    yield from walk(board.file.rows, ())


def _board(this: Project, board: Board) -> Iterator[str]:
    shown_charts = set()
    for at, block in blocks(board):
        where = board.source.at(*at)
        if sum(bool(part) for part in (block.chart, block.text, block.rows)) != 1:
            yield f"{where}: a block is a chart, a text, or rows"
        if block.chart and block.chart not in board.charts:
            yield f"{where}: no chart {block.chart}; there is no {board.name}/charts/{block.chart}.yaml"
        if block.text:
            yield from _text(this, board, this.files.folder / board.name / block.text, where)
        shown_charts.add(block.chart)
        yield from _widths(board, at, block.rows, block.width)
    yield from _widths(board, (), board.file.rows, 12)
    for name in board.file.css:
        if not (this.files.folder / name).exists():
            yield f"{board.source.at('css')}: no file {name}"
    shown_charts |= {name for chart in board.charts.values() for name in chart.file.layers}
    for name in sorted(set(board.charts) - shown_charts):
        yield f"{board.charts[name].source.at()}: no board shows this chart"


def _widths(board: Board, at: tuple[str | int, ...], rows: tuple[tuple[Block, ...], ...], most: int) -> Iterator[str]:
    for i, row in enumerate(rows):
        if (width := sum(block.width for block in row)) > most:
            yield f"{board.source.at(*at, 'rows', i)}: the row is {width} wide, there is room for {most}"


def _text(this: Project, board: Board, path: Path, where: str) -> Iterator[str]:
    if not path.exists():
        yield f"{where}: no file {path.name}"
        return
    slugs = {other.file.slug for other in this.files.boards.values()}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        for slug in _LINK.findall(line):
            if slug not in slugs:
                yield f"{shown(path)}:{number}: no board {slug}"
        for chart in re.findall(r"\$\{legend:([\w-]+)\}", line):
            if chart not in board.charts or not board.charts[chart].file.bands:
                yield f"{shown(path)}:{number}: no chart {chart} with bands, so no legend of it"


def _slugs(files: Files) -> Iterator[str]:
    seen: dict[str, str] = {}
    for board in files.boards.values():
        if board.file.slug in seen:
            yield f"{board.source.at('slug')}: {seen[board.file.slug]} has this slug already"
        seen[board.file.slug] = board.name


# --- charts ----------------------------------------------------------------------------------------------------------


def _chart(this: Project, chart: Chart) -> Iterator[str]:
    file, source = chart.file, chart.source
    for need in NEEDS[file.kind]:
        if not getattr(file, need):
            yield f"{source.at('kind')}: a chart of kind {file.kind} needs `{need}`"
    for i, layer in enumerate(file.layers):
        if layer not in this.files.boards[chart.board].charts:
            yield f"{source.at('layers', i)}: no chart {layer} on this board"
    if file.layers and not file.dataset:
        return
    name = dataset_of(this, chart)
    if name not in this.datasets:
        yield f"{source.at('dataset')}: no data set {name}: no gold table and no dashboards/datasets/{name}.sql"
        return
    dataset = this.datasets[name]
    yield from _columns(chart, dataset)
    yield from _metrics(this, chart, dataset)
    yield from _where(this, chart, dataset)
    yield from _formulas(chart)


def _columns(chart: Chart, dataset: Dataset) -> Iterator[str]:
    file = chart.file
    single = {"x": file.x, "shape": file.shape, "lon": file.lon, "lat": file.lat}
    for key, name in single.items():
        if name and name not in dataset.columns:
            yield f"{chart.source.at(key)}: {dataset.name} has no column {name}"
    for key in ("dimensions", "columns"):
        for i, name in enumerate(getattr(file, key)):
            if name not in dataset.columns:
                yield f"{chart.source.at(key, i)}: {dataset.name} has no column {name}"
    either = {"tooltip": file.tooltip, "headers": tuple(file.headers)}
    for key, names in either.items():
        for name in names:
            if name not in dataset.columns and name not in dataset.metrics:
                yield f"{chart.source.at(key, name)}: {dataset.name} has no column or metric {name}"
    if file.order_by and file.order_by not in (dataset.columns if file.columns else dataset.metrics):
        yield f"{chart.source.at('order_by')}: {dataset.name} cannot be ordered by {file.order_by}"


def _metrics(this: Project, chart: Chart, dataset: Dataset) -> Iterator[str]:
    for key in ("metrics", "line_metrics"):
        for i, name in enumerate(getattr(chart.file, key)):
            if name in dataset.metrics:
                continue
            if re.match(r"[A-Z]{2}\d{2}", name) and name not in this.registry:
                yield f"{chart.source.at(key, i)}: the registry has no indicator {name}"
            else:
                yield f"{chart.source.at(key, i)}: {dataset.name} has no metric {name}"


def _where(this: Project, chart: Chart, dataset: Dataset) -> Iterator[str]:
    vocabulary = load_vocabulary(folders())
    for column, condition in chart.file.where.items():
        at = chart.source.at("where", column)
        if column not in dataset.columns:
            yield f"{at}: {dataset.name} has no column {column}"
            continue
        if isinstance(condition, dict) and (len(condition) != 1 or set(condition) - set(OPERATORS)):
            yield f"{at}: one operator of {', '.join(OPERATORS)}"
        allowed = vocabulary[column].enum if column in vocabulary else None
        if column in ("indicator_id", "subject"):
            allowed = tuple({named.indicator for named in this.registry.values()} | {"镇街名称"})
        if allowed and (wrong := [value for value in _texts(condition) if value not in allowed]):
            yield f"{at}: {column} is never {', '.join(wrong)}"


def _texts(condition: Condition) -> list[str]:
    values = list(condition.values()) if isinstance(condition, dict) else condition
    listed = list(values) if isinstance(values, tuple | list) else [values]
    return [value for value in listed if isinstance(value, str)]


def _formulas(chart: Chart) -> Iterator[str]:
    """An indicator has one definition, in the registry: a chart that computes would be a second."""

    def walk(value: Any) -> bool:
        if isinstance(value, Mapping):
            return "sqlExpression" in value or any(map(walk, value.values()))
        return isinstance(value, list) and any(map(walk, value))

    if walk(chart.file.options):
        yield f"{chart.source.at('options')}: a chart computes nothing; declare an indicator or a measure instead"


# --- files -----------------------------------------------------------------------------------------------------------


def _letters(files: Files) -> Iterator[str]:
    with (ROOT / "schemas/codes/town.csv").open(encoding="utf-8-sig") as file:
        names = [row["镇街名称"] for row in csv.DictReader(file) if not row["失效日期"]]
    if lacking := lettering.missing(files.folder, names):
        path = shown(files.folder / "lettering/letters.json")
        yield f"{path}:1: maps cannot write {''.join(lacking)}; run dashboards/lettering/make.py"


def _leaks(files: Files) -> Iterator[str]:
    """No secret and no host: the same files serve every installation."""
    for path in sorted(files.folder.rglob("*")):
        if path.suffix not in (".yaml", ".sql", ".md", ".css"):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for what, pattern in (("secret", _SECRET), ("host", _HOST)):
                if pattern.search(line):
                    yield f"{shown(path)}:{number}: looks like a {what}; the importer gets it from its caller"
