"""Schematic shapes of the district, its towns and its villages. 示意图，不作划界依据。

    python dashboards/map/make.py        # in an environment with shapely; writes town.geojson, village.geojson here
                                         # and schemas/codes/boundary.csv, which the lake takes in

Nothing here is surveyed. The outline is drawn by eye to a hundredth of a degree; a town is whatever lies nearest to
its centre or to one of a few further places of it; a village is an even share of its town, at no true position. Run
again only when a code list changes. Where the bureau delivers true boundaries, they replace these by the same codes.
"""

import csv
import json
import random
from pathlib import Path

import shapely
from shapely import MultiPoint, Point, Polygon

ROOT = Path(__file__).resolve().parents[2]
CODES = ROOT / "schemas" / "codes"
DISTRICT = "440605"
NOTE = "示意图，不作划界依据"
GRID = 0.0001  # about ten metres: every corner lies on this grid, so neighbours share theirs exactly
ROUNDS = 25  # of moving each village's point to the middle of its share
OUTLINE = [
    (112.84, 22.84), (112.88, 22.85), (112.92, 22.86), (112.97, 22.81), (113.01, 22.80), (113.06, 22.81),
    (113.03, 22.84), (113.01, 22.87), (113.05, 22.90), (113.04, 22.92), (113.01, 22.94), (112.98, 22.98),
    (112.99, 23.02), (113.04, 23.03), (113.07, 23.05), (113.11, 23.06), (113.13, 23.04), (113.14, 23.00),
    (113.17, 22.99), (113.19, 23.01), (113.22, 23.00), (113.24, 22.98), (113.25, 23.04), (113.21, 23.05),
    (113.18, 23.08), (113.21, 23.10), (113.20, 23.14), (113.18, 23.16), (113.20, 23.19), (113.17, 23.22),
    (113.18, 23.26), (113.15, 23.29), (113.13, 23.31), (113.07, 23.29), (113.04, 23.24), (113.02, 23.22),
    (112.96, 23.23), (112.93, 23.19), (112.90, 23.15), (112.90, 23.12), (112.86, 23.10), (112.87, 23.05),
    (112.88, 23.01), (112.90, 22.98), (112.86, 22.95), (112.90, 22.90), (112.89, 22.88), (112.86, 22.89),
]  # fmt: skip
# Further places of a town, roughly: its centre alone would draw some towns too small.
PLACES = {
    "440605011": [(113.22, 23.02), (113.18, 23.03)],
    "440605121": [(112.96, 22.84), (113.03, 22.89)],
    "440605122": [(112.93, 22.95), (112.95, 22.92), (112.91, 22.90), (112.87, 22.86)],
    "440605123": [(112.93, 23.01), (112.90, 23.09)],
    "440605124": [(113.06, 23.08), (112.95, 23.11), (112.96, 23.18), (113.04, 23.19)],
    "440605125": [(113.18, 23.11), (113.13, 23.08), (113.13, 23.12)],
    "440605126": [(113.13, 23.24), (113.10, 23.26), (113.12, 23.19), (113.17, 23.17)],
}


def read(name: str) -> list[dict[str, str]]:
    with (CODES / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def nearest_shares(points: list[Point], within: Polygon) -> list[Polygon]:
    """For each point the part of the area that lies nearest to it, in one piece: stray pieces go to a neighbour."""
    whole = shapely.voronoi_polygons(MultiPoint(points), extend_to=within)
    shares: list[Polygon] = []
    strays: list[Polygon] = []
    for point in points:
        cell = next(cell for cell in whole.geoms if cell.covers(point))
        pieces = list(getattr(cell.intersection(within), "geoms", [cell.intersection(within)]))
        home = min(pieces, key=point.distance)
        shares.append(home)
        strays += [piece for piece in pieces if piece is not home]
    for stray in strays:
        joined = max(range(len(shares)), key=lambda i: shares[i].intersection(stray).length)
        shares[joined] = shapely.union(shares[joined], stray)
    return shares


def town_shares(outline: Polygon, centres: dict[str, Point]) -> dict[str, Polygon]:
    seeds = [(code, point) for code, centre in centres.items() for point in (centre, *map(Point, PLACES[code]))]
    shares = nearest_shares([point for _, point in seeds], outline)
    return {
        code: shapely.union_all([share for (of, _), share in zip(seeds, shares, strict=True) if of == code])
        for code in centres
    }


def village_shares(town: Polygon, codes: list[str]) -> dict[str, Polygon]:
    """An even share of the town for each code: from random points, moved to the middle of their shares many times."""
    dice = random.Random(codes[0])
    west, south, east, north = town.bounds
    points: list[Point] = []
    while len(points) < len(codes):
        point = Point(dice.uniform(west, east), dice.uniform(south, north))
        if town.contains(point):
            points.append(point)
    for _ in range(ROUNDS):
        middles = [share.centroid for share in nearest_shares(points, town)]
        points = [m if town.contains(m) else p for m, p in zip(middles, points, strict=True)]
    points.sort(key=lambda point: (-round(point.y, 2), point.x))
    return dict(zip(codes, nearest_shares(points, town), strict=True))


def on_grid(shares: dict[str, Polygon]) -> dict[str, Polygon]:
    """The same shares with all corners on the grid and every border shared corner by corner."""
    borders = shapely.union_all([share.boundary for share in shares.values()], grid_size=GRID)
    faces: dict[str, list[Polygon]] = {code: [] for code in shares}
    for face in shapely.polygonize(list(borders.geoms)).geoms:
        middle = face.representative_point()
        faces[min(shares, key=lambda code: shares[code].distance(middle))].append(face)
    return {code: shapely.coverage_union_all(pieces) for code, pieces in faces.items()}


def joined(pieces: list[Polygon]) -> Polygon:
    shape = shapely.coverage_union_all(pieces)
    assert isinstance(shape, Polygon), "an area fell apart: move its places"
    assert not shape.interiors, "an area has a hole: move its places"
    return shape


def ring(shape: Polygon) -> list[list[float]]:
    return [[round(x, 4), round(y, 4)] for x, y in shapely.orient_polygons(shape).exterior.coords]


def write_geojson(path: Path, shapes: dict[str, Polygon], names: dict[str, str]) -> None:
    """One feature to a line, so that a change is seen in a diff."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": names[code], "note": NOTE},
            "geometry": {"type": "Polygon", "coordinates": [ring(shape)]},
        }
        for code, shape in sorted(shapes.items())
    ]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    path.write_text(f'{{"type":"FeatureCollection","note":"{NOTE}","features":[\n{lines}\n]}}\n', encoding="utf-8")


def main() -> None:
    towns = {row["镇街代码"]: row for row in read("town") if not row["失效日期"]}
    villages = [row for row in read("village") if row["是否村居大脑"] == "是"]
    centres = {code: Point(float(row["经度"]), float(row["纬度"])) for code, row in towns.items()}

    shares: dict[str, Polygon] = {}
    for code, town in town_shares(Polygon(OUTLINE), centres).items():
        shares |= village_shares(town, [row["村居代码"] for row in villages if row["镇街代码"] == code])
    village = {code: joined([shape]) for code, shape in on_grid(shares).items()}
    town = {code: joined([shape for of, shape in village.items() if of.startswith(code)]) for code in towns}
    district = {DISTRICT: joined(list(town.values()))}

    write_geojson(Path(__file__).with_name("town.geojson"), town, {c: row["镇街名称"] for c, row in towns.items()})
    names = {row["村居代码"]: row["村居名称"] for row in villages}
    write_geojson(Path(__file__).with_name("village.geojson"), village, names)
    with (CODES / "boundary.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["区划代码", "示意边界"])
        for code, shape in sorted((district | town | village).items()):
            writer.writerow([code, json.dumps(ring(shape), separators=(",", ":"))])


if __name__ == "__main__":
    main()
