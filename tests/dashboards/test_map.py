"""The schematic shapes tile the district exactly. All corners lie on a grid, so the proof is in whole numbers."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODES = ROOT / "schemas" / "codes"
MAP = ROOT / "dashboards" / "map"


def code_list(name):
    return list(csv.DictReader((CODES / f"{name}.csv").open(encoding="utf-8")))


def features(name):
    return json.loads((MAP / f"{name}.geojson").read_text(encoding="utf-8"))["features"]


def on_grid(coordinates):
    """A ring in whole ten-thousandths of a degree, without its repeated last corner."""
    corners = [(round(x * 10_000), round(y * 10_000)) for x, y in coordinates]
    assert [[x / 10_000, y / 10_000] for x, y in corners] == coordinates  # nothing finer than the grid
    assert corners[0] == corners[-1]
    return corners[:-1]


def edges(ring):
    return list(zip(ring, [*ring[1:], ring[0]], strict=True))


def twice_area(ring):
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in edges(ring))


def turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def cross(one, other):
    (a, b), (c, d) = one, other
    if len({a, b, c, d}) < 4:
        return False  # they share a corner, as neighbours do
    sides = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)]
    return sides[0] * sides[1] <= 0 and sides[2] * sides[3] <= 0 and any(sides)


def holds(ring, point):
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in edges(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


@pytest.fixture(scope="module")
def shapes():
    towns, villages = (
        {f["properties"]["code"]: on_grid(f["geometry"]["coordinates"][0]) for f in features(name)}
        for name in ("town", "village")
    )
    (district,) = (row["示意边界"] for row in code_list("boundary") if row["区划代码"] == "440605")
    return {"district": {"440605": on_grid(json.loads(district))}, "town": towns, "village": villages}


def test_every_town_and_every_village_with_a_brain_has_one_shape(shapes):
    towns = {row["镇街代码"]: row["镇街名称"] for row in code_list("town") if not row["失效日期"]}
    villages = {row["村居代码"]: row["村居名称"] for row in code_list("village") if row["是否村居大脑"] == "是"}
    for name, expected in (("town", towns), ("village", villages)):
        assert {f["properties"]["code"]: f["properties"]["name"] for f in features(name)} == expected
        assert len(features(name)) == len(expected)
    assert (len(towns), len(villages)) == (7, 290)


def test_every_shape_says_that_it_is_schematic():
    for name in ("town", "village"):
        assert {f["properties"]["note"] for f in features(name)} == {"示意图，不作划界依据"}
        assert {(f["geometry"]["type"], len(f["geometry"]["coordinates"])) for f in features(name)} == {("Polygon", 1)}


@pytest.mark.parametrize("level", ["district", "town", "village"])
def test_every_ring_is_simple_and_runs_counter_clockwise(shapes, level):
    for code, ring in shapes[level].items():
        assert len(set(ring)) == len(ring) >= 3, code
        assert twice_area(ring) > 0, code
        sides = edges(ring)
        assert not any(cross(one, other) for i, one in enumerate(sides) for other in sides[i + 2 :]), code


@pytest.mark.parametrize(("outer", "inner"), [("district", "town"), ("district", "village"), ("town", "village")])
def test_the_parts_cover_the_whole_without_gap_or_overlap(shapes, outer, inner):
    """Each side of a part is the reverse of a neighbour's or a side of the whole, and the areas add up."""
    for code, whole in shapes[outer].items():
        parts = [ring for part, ring in shapes[inner].items() if part.startswith(code)]
        sides = Counter(edge for ring in parts for edge in edges(ring))
        assert set(sides.values()) == {1}
        outside = {(a, b) for a, b in sides if (b, a) not in sides}
        assert outside == set(edges(whole))
        assert sum(map(twice_area, parts)) == twice_area(whole)


def test_every_town_holds_its_centre_and_all_lies_within_the_box(shapes):
    for row in code_list("town"):
        if not row["失效日期"]:
            centre = float(row["经度"]) * 10_000, float(row["纬度"]) * 10_000
            assert [code for code, ring in shapes["town"].items() if holds(ring, centre)] == [row["镇街代码"]]
    (outline,) = shapes["district"].values()
    assert all(1_128_300 <= x <= 1_132_700 and 227_900 <= y <= 233_200 for x, y in outline)


def test_the_lake_takes_in_the_same_shapes(shapes):
    delivered = {row["区划代码"]: on_grid(json.loads(row["示意边界"])) for row in code_list("boundary")}
    assert delivered == shapes["district"] | shapes["town"] | shapes["village"]


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in MAP.glob("*.geojson")) < 200_000
