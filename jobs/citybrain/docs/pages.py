"""Renders the pages from contracts, the indicator registry and the bureau's own records; nothing is written twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.docs import quality
from citybrain.indicators import registry

LAYERS = {
    "bronze": "贴源层（按部门所报原样）",
    "silver": "标准层（一实体一表，已清洗、已脱敏）",
    "gold": "主题层（指标与统计）",
}
MODES = {"events": "流水追加", "upsert": "按主键更新", "snapshot": "整表快照"}
CADENCE = {"hour": "每小时", "day": "每日", "week": "每周", "month": "每月", "quarter": "每季", "once": "不定期"}
PERSONAL = {"none": "", "personal": "个人信息", "sensitive": "敏感个人信息"}


def write(out: Path) -> Path:
    """Writes ``index.html`` (dictionary), ``indicators.html`` and ``quality.html`` into ``out``; returns the first."""
    out.mkdir(parents=True, exist_ok=True)
    declared = contracts.load()
    pages: dict[str, dict[str, Any]] = {
        "index.html": {"layers": _layers(declared), "readers": _readers(declared)},
        "indicators.html": {"registry": registry.load()},
        "quality.html": quality.summary(declared),
    }
    for name, content in pages.items():
        (out / name).write_text(_environment().get_template(name).render(**content), encoding="utf-8")
    return out / "index.html"


def _environment() -> Environment:
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.globals.update(modes=MODES, cadence=CADENCE, personal=PERSONAL)
    return environment


def _layers(declared: dict[str, Contract]) -> list[dict[str, Any]]:
    return [
        {"name": layer, "title": title, "tables": [c for c in declared.values() if c.layer == layer]}
        for layer, title in LAYERS.items()
    ]


def _readers(declared: dict[str, Contract]) -> dict[str, list[str]]:
    """Of each table: who reads it."""
    return {table: [c.table for c in declared.values() if table in c.inputs] for table in declared}
