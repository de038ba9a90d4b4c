"""GCJ-02 as maps of the country show it: the public formula, forward only."""

from __future__ import annotations

import numpy as np

from citybrain.simulate.city import Floats

A, EE = 6378245.0, 0.00669342162296594323


def gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon - 105.0, lat - 35.0
    pi = np.pi
    both = 20 * np.sin(6 * x * pi) + 20 * np.sin(2 * x * pi)
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north += 2 / 3 * (both + 20 * np.sin(y * pi) + 40 * np.sin(y / 3 * pi))
    north += 2 / 3 * (160 * np.sin(y / 12 * pi) + 320 * np.sin(y * pi / 30))
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east += 2 / 3 * (both + 20 * np.sin(x * pi) + 40 * np.sin(x / 3 * pi))
    east += 2 / 3 * (150 * np.sin(x / 12 * pi) + 300 * np.sin(x / 30 * pi))
    magic = 1 - EE * np.sin(np.radians(lat)) ** 2
    dlat = north * 180 / (A * (1 - EE) / (magic * np.sqrt(magic)) * pi)
    dlon = east * 180 / (A / np.sqrt(magic) * np.cos(np.radians(lat)) * pi)
    return lon + dlon, lat + dlat
