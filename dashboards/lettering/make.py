"""Outlines of the letters that maps write: dashboards/lettering/letters.json. Run in the jobs' environment.

    .venvs/spark/bin/python dashboards/lettering/make.py              the letters of schemas/codes/town.csv
    .venvs/spark/bin/python dashboards/lettering/make.py 顺德禅城     and these

deck.gl cannot write Chinese unless scripts may be compiled in the browser ('unsafe-eval'). It can fill polygons, so the
boards draw the letters. Needed again only when a town's name holds a new letter; `citybrain.dashboards check` says so.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTCollection

ROOT = Path(__file__).resolve().parents[2]
FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc")  # SIL Open Font License 1.1
OUT = ROOT / "dashboards/lettering/letters.json"
ALWAYS = "0123456789.,%−—街道镇"
EM = 200  # coordinates are whole numbers, so many to a letter's width
STEPS = 4  # straight pieces of a curve
Ring = list[tuple[int, int]]


class Outline(BasePen):  # type: ignore[misc]
    """Closed rings of whole numbers; curves become a few straight pieces."""

    def __init__(self, glyphs: Any, scale: float) -> None:
        super().__init__(glyphs)
        self.scale = scale
        self.rings: list[Ring] = []

    def _add(self, x: float, y: float) -> None:
        point = (round(x * self.scale), round(y * self.scale))
        if not self.rings[-1] or self.rings[-1][-1] != point:
            self.rings[-1].append(point)

    def _moveTo(self, pt: tuple[float, float]) -> None:  # noqa: N802 - fontTools' names
        self.rings.append([])
        self._add(*pt)

    def _lineTo(self, pt: tuple[float, float]) -> None:  # noqa: N802
        self._add(*pt)

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self._getCurrentPoint(), *points
        for step in range(1, STEPS + 1):
            t, u = step / STEPS, 1 - step / STEPS
            weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            self._add(
                sum(w * v for w, v in zip(weights, (ax, bx, cx, dx), strict=True)),
                sum(w * v for w, v in zip(weights, (ay, by, cy, dy), strict=True)),
            )


def area(ring: Ring) -> float:
    return sum(x * v - u * y for (x, y), (u, v) in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def inside(point: tuple[int, int], ring: Ring) -> bool:
    x, y = point
    odd = False
    for (ax, ay), (bx, by) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            odd = not odd
    return odd


def polygons(rings: list[Ring]) -> list[list[Ring]]:
    """Each outer ring with its holes. In this font outer rings run against the clock, holes with it."""
    outer = sorted((r for r in rings if area(r) > 0), key=area)
    found: list[list[Ring]] = [[ring] for ring in outer]
    for hole in (r for r in rings if area(r) < 0):
        home = next((shape for shape in found if inside(hole[0], shape[0])), None)
        if home:
            home.append(hole)
    return [[[*ring, ring[0]] for ring in shape] for shape in found]


def main(more: str) -> None:
    with (ROOT / "schemas/codes/town.csv").open(encoding="utf-8-sig") as file:
        names = "".join(row["镇街名称"] for row in csv.DictReader(file))
    font = next(f for f in TTCollection(FONT).fonts if f["name"].getDebugName(1).endswith(" SC"))
    glyphs, letters, scale = font.getGlyphSet(), font.getBestCmap(), EM / font["head"].unitsPerEm
    result = {}
    for letter in sorted(set(names + ALWAYS + more)):
        pen = Outline(glyphs, scale)
        glyph = glyphs[letters[ord(letter)]]
        glyph.draw(pen)
        result[letter] = {"width": round(glyph.width * scale), "shapes": polygons(pen.rings)}
    OUT.parent.mkdir(exist_ok=True)
    lines = [f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v, separators=(',', ':'))}" for k, v in result.items()]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    sys.stdout.write(f"{len(result)} letters, {OUT.stat().st_size} bytes: {OUT.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main("".join(sys.argv[1:]))
