"""Air stations (S17): hourly means of six pollutants, with hours that are missing; and the days as they must be judged.

Written apart from the product: exact fractions, hour by hour. The breakpoints are those of HJ 633-2012.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor

import numpy as np

from citybrain.simulate.city import Floats, Texts
from citybrain.simulate.dirt import Batch
from citybrain.simulate.files import Layout
from citybrain.simulate.people import some, stamps
from citybrain.simulate.plan import AIR, Delivery, Span
from citybrain.simulate.worktime import DAY, EPOCH, Bools, Ints

HOUR = 3600
HEADER = ("站点编码", "站点名称", "镇街代码", "监测时间", "PM2.5", "PM10", "SO2", "NO2", "CO", "CO单位", "O3")
# In one month a column has another name that is known, and one that is not: it is not taken.
AIR_LAYOUT = Layout(
    "环境空气监测小时值", "条", HEADER, {}, frozenset(), "站点名称", {"SO2": "二氧化硫", "站点名称": "子站备注"}, 1
)
DRIFTED = {new: old for old, new in AIR_LAYOUT.renamed.items()}
STATIONS = (("NH01", "桂城（模拟）", "440605011"), ("NH02", "西樵（模拟）", "440605122"),
            ("NH03", "狮山（模拟）", "440605124"), ("NH04", "大沥（模拟）", "440605125"),
            ("NH05", "里水（模拟）", "440605126"))  # fmt: skip
POLLUTANTS = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3")
LEVEL = np.array([24.0, 42.0, 7.0, 28.0, 0.7, 36.0])  # a usual hour; CO in mg/m³, the others in µg/m³
IN_MICROGRAMS = 4  # this station states CO in µg/m³, and says so
NO_VALUE, NO_HOUR, OUTAGE = 0.006, 0.002, 0.004  # single values, single hours, days of a station's outage
INDEX = (0, 50, 100, 150, 200, 300, 400, 500)
LIMITS = {"PM2.5": (0, 35, 75, 115, 150, 250, 350, 500), "PM10": (0, 50, 150, 250, 350, 420, 500, 600),
          "SO2": (0, 50, 150, 475, 800, 1600, 2100, 2620), "NO2": (0, 40, 80, 180, 280, 565, 750, 940),
          "CO": (0, 2, 4, 14, 24, 36, 48, 60), "O3": (0, 100, 160, 215, 265, 800)}  # fmt: skip

Means = dict[str, Fraction | None]


class Hours:
    """Values of a month: station, end of the hour, and tenths of units by pollutant (−1: nothing)."""

    def __init__(self, station: Ints, ends: Ints, tenths: Ints) -> None:
        self.station, self.ends, self.tenths = station, ends, tenths


def draw_hours(span: Span, index: int, rng: np.random.Generator) -> Hours:
    """The hours that end within the month's days, 1 to 24."""
    days = np.arange(span.month_starts[index], span.month_starts[index + 1])
    ends = (days[:, None] * 24 + np.arange(1, 25)).ravel() * HOUR
    n, k = len(STATIONS), len(ends)
    month = (EPOCH + timedelta(int(days[len(days) // 2]))).month
    winter = 1 + 0.5 * np.cos((month - 1) / 6 * np.pi)
    weather = np.repeat(rng.lognormal(0, 0.45, len(days)), 24)
    noise = rng.lognormal(0, 0.18, (n, k, 6))
    sun = 0.55 + 1.3 * np.clip(np.sin((np.arange(k) % 24 - 7) / 12 * np.pi), 0, 1)
    smog, ozone = weather * winter, sun * (2.4 - winter) * weather**0.7
    shape = np.stack([smog, smog, np.ones(k), weather, np.sqrt(weather), ozone], 1)
    tenths = _tenths(LEVEL * shape[None] * noise)
    tenths[rng.random(tenths.shape) < NO_VALUE] = -1
    tenths[np.repeat(rng.random((n, len(days))) < OUTAGE, 24, axis=1)] = -1
    station = np.repeat(np.arange(n), k)
    keep = rng.random(n * k) >= NO_HOUR
    order = np.lexsort((station[keep], np.tile(ends, n)[keep]))
    flat = tenths.reshape(n * k, 6)[keep][order]
    return Hours(station[keep][order], np.tile(ends, n)[keep][order], flat)


def _tenths(values: Floats) -> Ints:
    """Whole µg/m³ and tenths of mg/m³, both counted in tenths."""
    whole = np.rint(values).astype(np.int64) * 10
    whole[..., 4] = np.rint(values[..., 4] * 10).astype(np.int64)
    return whole


def air_batch(span: Span, files: list[Delivery], hours: Hours) -> Batch:
    code, name, town = (np.array([row[i] for row in STATIONS], dtype=object)[hours.station] for i in range(3))
    columns: dict[str, Texts] = {"站点编码": code, "站点名称": name, "镇街代码": town, "监测时间": stamps(hours.ends)}
    micro = hours.station == IN_MICROGRAMS
    for place, pollutant in enumerate(POLLUTANTS):
        tenths = hours.tenths[:, place]
        text = np.array([f"{t // 10}" for t in tenths.tolist()], dtype=object)
        if pollutant == "CO":
            mg = np.array([f"{t // 10}.{t % 10}" for t in tenths.tolist()], dtype=object)
            text = np.where(micro, np.array([f"{t * 100}" for t in tenths.tolist()], dtype=object), mg)
        columns[pollutant] = some(text, tenths >= 0)
    columns["CO单位"] = np.where(micro, "µg/m³", "mg/m³").astype(object)
    slot = span.slot(AIR, hours.ends - 1)
    is_sheet = np.array([file.is_sheet for file in files])[slot]
    return Batch(AIR, {h: columns[h] for h in HEADER}, slot, np.arange(len(slot)), is_sheet, hours.ends)


Days = dict[date, dict[int, tuple[Means, int | None]]]
DISTRICT = -1


def judged_days(hours: Hours, known: Bools) -> Days:
    """Day → station (and the district) → means and AQI, from the hours that are known."""
    values: dict[tuple[int, int], list[tuple[int, Ints]]] = defaultdict(list)
    for station, end, tenths in zip(hours.station[known], hours.ends[known], hours.tenths[known], strict=True):
        day = (int(end) - HOUR) // DAY
        values[day, int(station)].append(((int(end) - day * DAY) // HOUR, tenths))
    days: Days = defaultdict(dict)
    for (day, station), found in sorted(values.items()):
        means = _means(found)
        days[EPOCH + timedelta(day)][station] = (means, _aqi(means))
    for day_means in days.values():
        means = {p: _mean_of_stations([m[p] for m, _ in day_means.values()]) for p in POLLUTANTS}
        day_means[DISTRICT] = (means, _aqi(means))
    return days


def _means(found: list[tuple[int, Ints]]) -> Means:
    means: Means = {}
    for place, pollutant in enumerate(POLLUTANTS[:-1]):
        known = [int(t[place]) for _, t in found if t[place] >= 0]
        means[pollutant] = Fraction(sum(known), 10 * len(known)) if len(known) >= 20 else None
    ozone = {hour: int(t[5]) for hour, t in found if t[5] >= 0}
    windows = []
    for end in range(8, 25):
        inside = [ozone[h] for h in range(end - 7, end + 1) if h in ozone]
        if len(inside) >= 6:
            windows.append(Fraction(sum(inside), 10 * len(inside)))
    worst = max(windows, default=None)
    enough = len(windows) >= 14 or (worst is not None and _half_up(worst) > 160)
    means["O3"] = worst if enough else None
    return means


def _mean_of_stations(means: list[Fraction | None]) -> Fraction | None:
    known = [mean for mean in means if mean is not None]
    return sum(known, Fraction(0)) / len(known) if known and len(known) >= 0.75 * len(means) else None


def _aqi(means: Means) -> int | None:
    found = [_sub_index(pollutant, mean) for pollutant, mean in means.items() if mean is not None]
    return max(found) if len(found) == len(POLLUTANTS) or max(found, default=0) > 100 else None


def _sub_index(pollutant: str, mean: Fraction) -> int:
    c = Fraction(_half_up(mean * 10), 10) if pollutant == "CO" else Fraction(_half_up(mean))
    limits = LIMITS[pollutant]
    for place in range(1, len(limits)):
        if c <= limits[place]:
            low, high, least, most = limits[place - 1], limits[place], INDEX[place - 1], INDEX[place]
            return ceil((c - low) * (most - least) / (high - low) + least)
    return INDEX[len(limits) - 1]


def _half_up(number: Fraction) -> int:
    return floor(number + Fraction(1, 2))
