"""The base map without the internet: raster tiles drawn from the outlines in dashboards/map/*.geojson.

Superset's maps take raster tiles of the same origin: /citytiles/{z}/{x}/{y}.png. Names are drawn into the tiles, for
deck.gl cannot write Chinese by itself. A tile is drawn once and kept in memory; outlines are read once.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort
from PIL import Image, ImageDraw, ImageFont

SIZE = 512
NIGHT, GRID, OUTLINE, TEXT = (4, 18, 43), (9, 34, 70), (0, 150, 200), (150, 220, 255)
FONTS = ("opentype/noto/NotoSansCJK-Regular.ttc", "truetype/noto/NotoSansSC-Regular.ttf")
Point = tuple[float, float]

tiles = Blueprint("citytiles", __name__)


@lru_cache(maxsize=1)
def features() -> list[dict[str, Any]]:
    folder = Path(os.environ["CITYBRAIN_ROOT"]) / "dashboards/map"
    files = sorted(folder.glob("*.geojson"))
    return [feature for file in files for feature in json.loads(file.read_text("utf-8"))["features"]]


def rings(geometry: dict[str, Any]) -> Iterator[list[Point]]:
    """The outlines of a polygon or of several; whatever else a file holds is not drawn."""
    parts = {"Polygon": [geometry["coordinates"]], "MultiPolygon": geometry["coordinates"]}
    for polygon in parts.get(geometry["type"], []):
        yield from polygon


def pixel(longitude: float, latitude: float, z: int, x: int, y: int) -> Point:
    """Web Mercator, in pixels from the upper left corner of a tile."""
    tiles_across = 2**z
    column = (longitude + 180) / 360 * tiles_across
    row = (1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * tiles_across
    return ((column - x) * SIZE, (row - y) * SIZE)


@lru_cache(maxsize=1)
def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in FONTS:
        if (path := Path("/usr/share/fonts") / name).exists():
            return ImageFont.truetype(str(path), 22)
    return ImageFont.load_default()


@lru_cache(maxsize=2048)
def draw(z: int, x: int, y: int) -> bytes:
    image = Image.new("RGB", (SIZE, SIZE), NIGHT)
    pen = ImageDraw.Draw(image)
    for step in range(0, SIZE + 1, SIZE // 8):
        pen.line([(step, 0), (step, SIZE)], fill=GRID)
        pen.line([(0, step), (SIZE, step)], fill=GRID)
    for feature in features():
        outlines = list(rings(feature["geometry"]))
        for outline in outlines:
            pen.line([pixel(*point[:2], z, x, y) for point in outline], fill=OUTLINE, width=2)
        name = feature.get("properties", {}).get("name")
        if name and outlines:
            longest = max(outlines, key=len)
            middle = [sum(values) / len(longest) for values in zip(*(point[:2] for point in longest), strict=True)]
            pen.text(pixel(middle[0], middle[1], z, x, y), name, fill=TEXT, font=font(), anchor="mm")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@tiles.route("/citytiles/<int:z>/<int:x>/<int:y>.png")
def tile(z: int, x: int, y: int) -> Response:
    """Public, like any map: outlines and names of towns, nothing counted."""
    if z > 20 or not (x < 2**z and y < 2**z):
        abort(404)
    # The page may have been opened under another name of this host.
    headers = {"Cache-Control": "public, max-age=86400", "Access-Control-Allow-Origin": "*"}
    return Response(draw(z, x, y), mimetype="image/png", headers=headers)
