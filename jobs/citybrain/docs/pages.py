"""Renders the pages from contracts, the indicator registry and the bureau's own records; nothing is written twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.docs import bars, dictionary, quality, words
from citybrain.indicators import registry
from citybrain.indicators.registry import Registry
from citybrain.ingest.dirt import chapters, of_no_kind

WORKBOOK = "数据字典.xlsx"


def write(out: Path) -> Path:
    """Writes the dictionary (page and workbook), the indicators and the check results into ``out``; returns the first.

    The check results are those of the lake of today; without a lake the page says that there are none yet.
    """
    out.mkdir(parents=True, exist_ok=True)
    declared = contracts.load()
    known = registry.load()
    pages: dict[str, dict[str, Any]] = {
        "index.html": {"layers": _layers(declared), "readers": _readers(declared), "workbook": WORKBOOK},
        "indicators.html": {"registry": known, "themes": _themes(known), "declared": declared},
        "quality.html": {**quality.summary(declared), "declared": declared},
        "dirt.html": _dirt(),
    }
    environment = _environment(known)
    for name, content in pages.items():
        (out / name).write_text(environment.get_template(name).render(page=name, **content), encoding="utf-8")
    dictionary.write(declared, known, out / WORKBOOK)
    return out / "index.html"


def _dirt() -> dict[str, Any]:
    return {"chapters": chapters(), "other": of_no_kind()}


def _environment(known: Registry) -> Environment:
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.globals.update(words=words, bars=bars)
    environment.filters.update(thousands=lambda n: f"{n:,}", formula=lambda text: _formula(known, text))
    return environment


def _formula(known: Registry, expression: str) -> Markup:
    """An expression over figures in their Chinese titles, each leading to its definition."""
    parts = re.split(r"([a-z][a-z0-9_]*)", expression.replace("-", "−"))
    link = Markup('<a href="#{0}" title="{0}">{1}</a>')
    return Markup("").join(
        link.format(part, known.figures[part].title) if part in known.figures else escape(part) for part in parts
    )


def _layers(declared: dict[str, Contract]) -> list[dict[str, Any]]:
    return [
        {"name": layer, "title": title, "tables": [c for c in declared.values() if c.layer == layer]}
        for layer, title in words.LAYERS.items()
    ]


def _readers(declared: dict[str, Contract]) -> dict[str, list[Contract]]:
    """Of each table: who reads it."""
    return {table: [c for c in declared.values() if table in c.inputs] for table in declared}


def _themes(known: Registry) -> list[dict[str, Any]]:
    """Themes that have indicators, in their own order."""
    found = [
        {"title": theme.title, "indicators": [i for i in known.indicators.values() if i.theme == id]}
        for id, theme in known.themes.themes.items()
    ]
    return [theme for theme in found if theme["indicators"]]
