"""Superset's assets bundle (v1): database, data sets, charts and boards as YAML in a zip. Same files, same bytes."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from citybrain.contracts import load
from citybrain.dashboards import kinds
from citybrain.dashboards.datasets import Dataset, datasets
from citybrain.dashboards.files import Board, Chart, Files, read
from citybrain.dashboards.layout import Grid
from citybrain.dashboards.registry import Named, named
from citybrain.dashboards.texts import filled
from citybrain.indicators import registry as indicators
from citybrain.lake import folder

NAMESPACE = uuid.UUID("5d3b6f4e-9a0c-5c57-8a52-0c1f6a7f2b11")
DATABASE = "城市大脑"
STAMP = (1980, 1, 1, 0, 0, 0)  # of every file in the zip


def uid(kind: str, name: str) -> str:
    """An object's identity in Superset follows from its name in the files alone."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))


@dataclass(frozen=True)
class Project:
    """All that the boards are made of, read and put together."""

    files: Files
    datasets: dict[str, Dataset]
    registry: dict[str, Named]

    @property
    def charts(self) -> dict[str, Chart]:
        return {chart.key: chart for board in self.files.boards.values() for chart in board.charts.values()}


def project(where: Path | None = None) -> Project:
    files = read(where) if where else read()
    declared = indicators.registry()
    return Project(files, datasets(files, load(), declared), named(declared))


def bundle(this: Project, serving: Path | None = None) -> bytes:
    """The zip that ``POST /api/v1/assets/import/`` takes."""
    documents: dict[str, dict[str, Any]] = {
        "metadata.yaml": {"version": "1.0.0", "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"},
        "databases/citybrain.yaml": _database(serving or folder("serving") / "current.duckdb"),
    }
    for dataset in this.datasets.values():
        documents[f"datasets/citybrain/{dataset.name}.yaml"] = _dataset(dataset)
    for chart in this.charts.values():
        documents[f"charts/{chart.key.replace('/', '__')}.yaml"] = _chart(this, chart)
    for board in this.files.boards.values():
        documents[f"dashboards/{board.name}.yaml"] = _board(this, board)
    return _zipped(documents)


def _zipped(documents: Mapping[str, dict[str, Any]]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in documents.items():
            text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
            archive.writestr(zipfile.ZipInfo(f"bundle/{name}", STAMP), text.encode())
    return memory.getvalue()


def _database(serving: Path) -> dict[str, Any]:
    arguments = {"read_only": True}  # superset_config.py takes the rest of DuckDB's freedom at each connect
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": f"duckdb:///{serving}",
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"engine_params": {"connect_args": arguments}, "allows_virtual_table_explore": True},
        "uuid": uid("database", "serving"),
        "version": "1.0.0",
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "table_name": dataset.name if dataset.sql is None else dataset.title,
        "schema": "gold",
        "sql": dataset.sql,
        "description": dataset.description if dataset.sql else f"{dataset.title}\n{dataset.description}",
        "main_dttm_col": next((c.name for c in dataset.columns.values() if c.is_time), None),
        "filter_select_enabled": True,
        "columns": [
            {
                "column_name": c.name,
                "verbose_name": c.label,
                "description": c.description,
                "type": c.type,
                "is_dttm": c.is_time,
                "is_active": True,
                "groupby": True,
                "filterable": True,
            }
            for c in dataset.columns.values()
        ],
        "metrics": [
            {
                "metric_name": m.name,
                "verbose_name": kinds.label(m),
                "expression": m.expression,
                "description": m.description,
                "d3format": kinds.d3_format(m),
            }
            for m in dataset.metrics.values()
        ],
        "is_managed_externally": True,
        "uuid": uid("dataset", dataset.name),
        "version": "1.0.0",
        "database_uuid": uid("database", "serving"),
    }


def _chart(this: Project, chart: Chart) -> dict[str, Any]:
    name = dataset_of(this, chart)
    defaults = this.files.theme.kinds.get(chart.file.kind, {})
    return {
        "slice_name": chart.file.title,
        "description": definition(this, chart),
        "viz_type": kinds.VIZ_TYPES[chart.file.kind],
        "params": kinds.form_data(chart.file, this.datasets[name], defaults),
        "cache_timeout": None,
        "is_managed_externally": True,  # here, not by clicking
        "uuid": uid("chart", chart.key),
        "version": "1.0.0",
        "dataset_uuid": uid("dataset", name),
    }


def dataset_of(this: Project, chart: Chart) -> str:
    """A map draws its layers' data sets; it stands on that of its first layer."""
    if chart.file.dataset:
        return chart.file.dataset
    return this.files.boards[chart.board].charts[chart.file.layers[0]].file.dataset or ""


def definition(this: Project, chart: Chart) -> str | None:
    """The definitions of the indicators that the chart shows, from the registry, under what the chart itself says."""
    keys = [*chart.file.metrics, *chart.file.line_metrics]
    lines = [f"{v.title}：{v.definition}（{v.owner}）" for v in (this.registry.get(n) for n in keys) if v]
    return "\n".join([*([chart.file.note] if chart.file.note else []), *lines]) or None


def _board(this: Project, board: Board) -> dict[str, Any]:
    css = "\n".join((this.files.folder / name).read_text("utf-8") for name in board.file.css)
    text = this.files.folder / board.name
    grid = Grid(board, lambda key: uid("chart", key), lambda name: filled(board, (text / name).read_text("utf-8")))
    return {
        "dashboard_title": board.file.title,
        "description": board.file.description,
        "css": css,
        "slug": board.file.slug,
        "published": True,
        "is_managed_externally": True,
        "uuid": uid("dashboard", board.name),
        "position": grid.build(),
        "metadata": {
            "color_scheme": next(iter(this.files.theme.categorical), None),
            "refresh_frequency": board.file.refresh_seconds,
            "expanded_slices": {},
            "label_colors": {},
            "timed_refresh_immune_slices": [],
            "cross_filters_enabled": False,
            "native_filter_configuration": [],
            "chart_configuration": {},
            "global_chart_configuration": {
                "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
                "chartsInScope": [],
            },
        },
        "version": "1.0.0",
    }
