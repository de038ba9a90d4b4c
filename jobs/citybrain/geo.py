"""Coordinates of other systems told in CGCS2000 (which WGS84 equals to within a decimetre). Arrays in, arrays out.

GCJ-02 and BD-09 shift a point by formulas that run one way; the way back is iterated. A plane is a Gauss–Krüger
projection on the ellipsoid of CGCS2000 with the parameters of ``schemas/crs.yaml``; a local plane is one whose
parameters a site puts into its own ``crs.yaml``. What has no parameters is not converted: nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citybrain.contracts.load import folders, read_yaml, validated
from citybrain.contracts.model import Strict

Floats = NDArray[np.float64]
Point = tuple[Floats, Floats]

WEST, EAST, SOUTH, NORTH = 112.83, 113.27, 22.79, 23.32  # a box around the district
SHIFTED = 0.02  # degrees by which GCJ-02 and BD-09 may carry a point of the district out of the box
NATIVE = ("CGCS2000", "WGS84")
SHIFTS = ("GCJ-02", "BD-09")
TIMES = 4  # iterations, after which nothing is left to see
_A, _F = 6378137.0, 1 / 298.257222101
_N = _F / (2 - _F)
_RADIUS = _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_ALPHA = (_N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16, 13 * _N**2 / 48 - 3 * _N**3 / 5, 61 * _N**3 / 240)
_BETA = (_N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96, _N**2 / 48 + _N**3 / 15, 17 * _N**3 / 480)
_DELTA = (2 * _N - 2 * _N**2 / 3 - 2 * _N**3, 7 * _N**2 / 3 - 8 * _N**3 / 5, 56 * _N**3 / 15)
_GCJ_A, _GCJ_EE = 6378245.0, 0.00669342162296594323


class Plane(Strict):
    """A Gauss–Krüger projection: eastings and northings in metres."""

    title: str
    central_meridian: float
    false_easting: float
    false_northing: float = 0.0
    scale: float = 1.0
    zone: int | None = None  # the prefix that eastings may bear, in millions of metres


def planes() -> dict[str, Plane]:
    """The project's planes and those that a site adds; of one name the site's."""
    known: dict[str, Plane] = {}
    for path in (folder / "crs.yaml" for folder in folders()):
        if path.exists():
            node, raw = read_yaml(path)
            known |= {name: validated(Plane, spec, path, node, (name,)) for name, spec in raw.items()}
    return known


def fingerprint() -> str:
    """Of the planes: with other parameters points lie elsewhere."""
    return repr(planes())


def methods(known: Mapping[str, Plane] | None = None) -> dict[str, str]:
    """Of every system that is converted, how."""
    known = planes() if known is None else known
    return {crs: f"{crs} 迭代反算" for crs in SHIFTS} | {name: f"{p.title} 高斯反算" for name, p in known.items()}


def to_cgcs2000(x: Floats, y: Floats, crs: str, known: Mapping[str, Plane] | None = None) -> Point:
    """Longitudes and latitudes of points of one system: x eastwards, y northwards."""
    if crs in NATIVE:
        return x, y
    if crs == "GCJ-02":
        return _back(gcj02, x, y)
    if crs == "BD-09":
        return _back(gcj02, *_back(bd09, x, y))
    return unprojected(x, y, (planes() if known is None else known)[crs].model_dump())


def boxes(known: Mapping[str, Plane] | None = None) -> dict[str, tuple[float, float, float, float]]:
    """Where the district lies in each system: west, east, south, north; eastings without their zone."""
    known = planes() if known is None else known
    geographic = (WEST - SHIFTED, EAST + SHIFTED, SOUTH - SHIFTED, NORTH + SHIFTED)
    found_boxes = dict.fromkeys((*NATIVE, *SHIFTS), geographic)
    for name, plane in known.items():
        corners = [projected(x, y, plane) for x in (WEST, EAST) for y in (SOUTH, NORTH)]
        (west, *_, east), (south, *_, north) = (sorted(c[i] for c in corners) for i in (0, 1))
        found_boxes[name] = (west, east, south, north)
    return found_boxes


def gcj02(lon: Floats, lat: Floats) -> Point:
    """GCJ-02 of points."""
    x, y, pi = lon - 105.0, lat - 35.0, np.pi
    both = 20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north = north + (both + 20 * np.sin(pi * y) + 40 * np.sin(pi * y / 3)) * 2 / 3
    north = north + (160 * np.sin(pi * y / 12) + 320 * np.sin(pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east = east + (both + 20 * np.sin(pi * x) + 40 * np.sin(pi * x / 3)) * 2 / 3
    east = east + (150 * np.sin(pi * x / 12) + 300 * np.sin(pi * x / 30)) * 2 / 3
    magic = 1 - _GCJ_EE * np.sin(np.radians(lat)) ** 2
    per_north = _GCJ_A * (1 - _GCJ_EE) / (magic * np.sqrt(magic)) * pi
    per_east = _GCJ_A / np.sqrt(magic) * np.cos(np.radians(lat)) * pi
    return lon + east * 180 / per_east, lat + north * 180 / per_north


def bd09(lon: Floats, lat: Floats) -> Point:
    """BD-09 of points in GCJ-02."""
    z = np.hypot(lon, lat) + 2e-5 * np.sin(np.radians(lat * 3000))
    theta = np.arctan2(lat, lon) + 3e-6 * np.cos(np.radians(lon * 3000))
    return z * np.cos(theta) + 0.0065, z * np.sin(theta) + 0.006


def _back(shift: Callable[[Floats, Floats], Point], x: Floats, y: Floats) -> Point:
    """The points of which the shift makes the given ones: start there, and take off what the shift is too much."""
    lon, lat = x, y
    for _ in range(TIMES):
        u, v = shift(lon, lat)
        lon, lat = lon - (u - x), lat - (v - y)
    return lon, lat


def projected(lon: float, lat: float, plane: Plane) -> tuple[float, float]:
    """Easting and northing of a point, by Krüger's series."""
    phi, lam = math.radians(lat), math.radians(lon - plane.central_meridian)
    e = 2 * math.sqrt(_N) / (1 + _N)
    t = math.sinh(math.atanh(math.sin(phi)) - e * math.atanh(e * math.sin(phi)))
    xi, eta = math.atan2(t, math.cos(lam)), math.asinh(math.sin(lam) / math.hypot(t, math.cos(lam)))
    north = xi + sum(a * math.sin(2 * j * xi) * math.cosh(2 * j * eta) for j, a in enumerate(_ALPHA, 1))
    east = eta + sum(a * math.cos(2 * j * xi) * math.sinh(2 * j * eta) for j, a in enumerate(_ALPHA, 1))
    size = plane.scale * _RADIUS
    return plane.false_easting + size * east, plane.false_northing + size * north


def unprojected(east: Floats, north: Floats, plane: Mapping[str, Any]) -> Point:
    """Longitudes and latitudes of a plane's points; nan where there is no such place."""
    prefix = (plane["zone"] or 0) * 1_000_000
    east = np.where((prefix > 0) & (east > prefix), east - prefix, east)
    size = plane["scale"] * _RADIUS
    xi, eta = (north - plane["false_northing"]) / size, (east - plane["false_easting"]) / size
    xi, eta = np.where(np.abs(xi) < 2, xi, np.nan), np.where(np.abs(eta) < 2, eta, np.nan)
    xi_, eta_ = xi, eta
    for j, beta in enumerate(_BETA, 1):
        xi_ = xi_ - beta * np.sin(2 * j * xi) * np.cosh(2 * j * eta)
        eta_ = eta_ - beta * np.cos(2 * j * xi) * np.sinh(2 * j * eta)
    chi = np.arcsin(np.sin(xi_) / np.cosh(eta_))
    lat = chi + sum(delta * np.sin(2 * j * chi) for j, delta in enumerate(_DELTA, 1))
    return plane["central_meridian"] + np.degrees(np.arctan2(np.sinh(eta_), np.cos(xi_))), np.degrees(lat)
