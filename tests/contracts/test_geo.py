"""Coordinates: to CGCS2000 and back agree, whatever they were delivered in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from citybrain import geo

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "geo"
PLANE = geo.Plane(title="某地方平面", central_meridian=113.25, false_easting=600000, false_northing=-2500000)
KNOWN = {**geo.planes(), "地方": PLANE}


def told(lon: float, lat: float, crs: str) -> tuple[float, float]:
    x, y = geo.to_cgcs2000(np.array([lon]), np.array([lat]), crs, KNOWN)
    return round(float(x[0]), 7), round(float(y[0]), 7)


@pytest.mark.dirt("X20")
@pytest.mark.parametrize(("lon", "lat"), [(113.145576, 23.031563), (112.83, 22.79), (113.27, 23.32)])
def test_gcj02_and_bd09_come_back_to_where_they_were_shifted_from(lon, lat):
    gcj = geo.gcj02(np.array([lon]), np.array([lat]))
    bd = geo.bd09(*gcj)
    assert 0.004 < gcj[0][0] - lon < 0.007  # some 500 m to the east
    assert told(gcj[0][0], gcj[1][0], "GCJ-02") == (lon, lat)
    assert told(bd[0][0], bd[1][0], "BD-09") == (lon, lat)


@pytest.mark.dirt("X20")
@pytest.mark.parametrize("name", list(KNOWN))
def test_a_plane_is_told_in_degrees_with_or_without_its_zone(name):
    lon, lat = 113.145576, 23.031563
    east, north = geo.projected(lon, lat, KNOWN[name])
    assert told(east, north, name) == (lon, lat)
    if zone := KNOWN[name].zone:
        assert told(zone * 1_000_000 + east, north, name) == (lon, lat)


def test_a_place_that_is_none_is_none():
    assert np.isnan(geo.to_cgcs2000(np.array([1e9]), np.array([1e9]), "CGCS2000-GK38", KNOWN)).all()


def test_the_projection_is_the_national_one():
    """EPSG:4526 (CGCS2000 / 3-degree Gauss–Krüger zone 38), half a degree west of its meridian at 23° N: the number is
    by the classic series with the arc of the meridian integrated, which shares nothing with Krüger's."""
    east, north = geo.projected(113.5, 23.0, geo.planes()["CGCS2000-GK38"])
    assert (round(east, 1), round(north, 1)) == (448738.3, 2544625.0)


def rings(name: str) -> list[np.ndarray]:
    """The borders of 南海 in a file."""
    features = json.loads((DATA / name).read_text("utf-8"))["features"]
    shapes = [f["geometry"] for f in features if f["properties"]["name"] == "南海区"]
    polygons = [p for s in shapes for p in (s["coordinates"] if s["type"] == "MultiPolygon" else [s["coordinates"]])]
    return [np.array(ring)[:, :2] for polygon in polygons for ring in polygon]


def metres_off(points: np.ndarray, border: list[np.ndarray]) -> float:
    """The median distance of points from a border."""
    size = np.array([102_400, 110_900])
    starts, ends = (np.concatenate([r[s] for r in border]) * size for s in (np.s_[:-1], np.s_[1:]))
    way = ends - starts
    along = ((points[:, None] * size - starts) * way).sum(2) / np.maximum((way**2).sum(1), 1e-9)
    nearest = starts + np.clip(along, 0, 1)[:, :, None] * way
    return float(np.median(np.linalg.norm(points[:, None] * size - nearest, axis=2).min(1)))


@pytest.mark.real
@pytest.mark.skipif(not DATA.exists(), reason="../shared/data/geo is not here")
def test_the_border_drawn_in_gcj02_lies_on_the_one_drawn_in_cgcs2000():
    """Two drawings of one border, simplified differently: some dozen metres apart instead of some hundred."""
    border = rings("fastgeocn_foshan_districts_cgcs2000.geojson")
    shifted = np.concatenate(rings("datav_gcj02_440605.json"))[::25]
    back = np.stack(geo.to_cgcs2000(shifted[:, 0], shifted[:, 1], "GCJ-02"), axis=1)
    assert metres_off(shifted, border) > 350
    assert metres_off(back, border) < 100
