"""The letters that maps write, as polygons: deck.gl draws no Chinese unless scripts may be compiled in the browser."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def letters(folder: Path) -> dict[str, Any]:
    """Outlines by letter, made by dashboards/lettering/make.py."""
    return dict(json.loads((folder / "lettering/letters.json").read_text("utf-8")))


def values(folder: Path) -> str:
    """The rows (letter, width, shapes) of a SQL VALUES list."""
    outlines = {k: (v["width"], json.dumps(v["shapes"], separators=(",", ":"))) for k, v in letters(folder).items()}
    return ", ".join(f"('{letter}', {width}, {shapes})" for letter, (width, shapes) in outlines.items())


def missing(folder: Path, names: list[str]) -> list[str]:
    return sorted(set("".join(names)) - set(letters(folder)))
