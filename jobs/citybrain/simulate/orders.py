"""What is reported: when, where, what, by whom. Only the report; what becomes of it is in lifecycle.py.

Shapes: working days over weekends over holidays, two peaks a day, wet months above dry ones, towns by residents,
a short list of categories above a long tail, sensors and cameras at night. One day brings a typhoon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import SYSTEMS, WORST_MAJOR, WORST_TOWN, City, Floats, Texts
from citybrain.simulate.plan import ORDERS_A_DAY, Span
from citybrain.simulate.worktime import DAY, Bools, Calendar, Ints

HOURS = np.array([4, 3, 2, 2, 2, 3, 6, 14, 34, 52, 54, 44, 24, 22, 40, 50, 48, 42, 30, 26, 24, 20, 14, 8], float)
SEASON = np.array([0.92, 0.78, 0.98, 1.02, 1.10, 1.14, 1.12, 1.10, 1.05, 0.98, 0.96, 0.95])  # by month
WEEKEND, HOLIDAY = 0.62, 0.38
STORM_BURST = 2.2  # extra reports of the typhoon day, in ordinary days
SYSTEM_DAY = np.array([0.46, 0.26, 0.12, 0.04, 0.08, 0.04])
SYSTEM_NIGHT = np.array([0.38, 0.04, 0.02, 0.03, 0.33, 0.20])
CHANNEL_SHARE = np.array([  # [system, channel]
    [0.70, 0.15, 0.13, 0, 0, 0, 0.02], [0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0],
    [0, 0.45, 0.50, 0, 0, 0, 0.05], [0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1, 0],
])  # fmt: skip
TYPE_SHARE = np.array([  # [kind of source: hotline, field, machine, services asked for], request type
    [0.14, 0.25, 0.47, 0.09, 0.05], [0.0, 0.35, 0.45, 0.20, 0.0], [0.0, 0.3, 0.7, 0.0, 0.0],
    [0.62, 0.25, 0.08, 0.0, 0.05],
])  # fmt: skip
URGENT = np.array([0.935, 0.055, 0.010])
URGENT_STORM = np.array([0.35, 0.47, 0.18])
REPORT_SPREAD = 0.004  # degrees, standard deviation of reports around their village
SAME_EVENT = 0.004  # of the orders are reported again through two more channels
STORM_MINORS, STORM_SHARE = ("0905", "0904", "0102", "0304"), (0.50, 0.32, 0.10, 0.08)


class Orders(NamedTuple):
    """Reports as parallel arrays; town, village, minor, unit … are indices into the city's lists."""

    number: Texts
    reported: Ints
    system: Ints
    channel: Ints
    minor: Ints
    major: Ints
    request_type: Ints
    urgency: Ints
    village: Ints
    town: Ints
    unit: Ints
    lon: Floats
    lat: Floats
    same_as: Ints  # position in this chunk of the order that reported the same event first, or -1
    minute_clock: Bools  # the handheld devices of the unit know minutes only

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True)
class Month:
    """The instants of all reports of one month, in order: 24 bytes a report, whatever the scale."""

    index: int
    reported: Ints
    storm: Bools
    same_as: Ints  # position in the month

    def __len__(self) -> int:
        return len(self.reported)


def storm_day(span: Span) -> int:
    """Day number of the typhoon: 18 September if it is in the span, else the middle of the span."""
    days = np.arange(span.month_starts[0], span.month_starts[-1])
    dates = days.astype("datetime64[D]").astype(str)
    hits = days[[text.endswith("-09-18") for text in dates]]
    return int(hits[-1] if len(hits) else days[len(days) // 2])


def day_weights(span: Span, calendar: Calendar) -> Floats:
    """Relative number of reports on each day of the span, mean 1."""
    days = np.arange(span.month_starts[0], span.month_starts[-1])
    weekend = (days + 3) % 7 >= 5
    works = calendar.is_workday(days)
    kind = np.where(works, 1.0, np.where(weekend, WEEKEND, HOLIDAY))
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    weights = kind * SEASON[months]
    return np.asarray(weights / weights.mean())


def month_of_reports(span: Span, calendar: Calendar, index: int, rng: np.random.Generator) -> Month:
    first, last = span.month_starts[index] - span.month_starts[0], span.month_starts[index + 1] - span.month_starts[0]
    mean = ORDERS_A_DAY * span.scale * day_weights(span, calendar)[first:last]
    counts = rng.poisson(mean)
    day = np.repeat(np.arange(first, last) + span.month_starts[0], counts)
    t = day * DAY + _clock(rng, len(day), HOURS)
    storm = np.zeros(len(t), bool)
    typhoon = storm_day(span)
    if span.month_starts[index] <= typhoon < span.month_starts[index + 1]:
        extra = rng.poisson(ORDERS_A_DAY * span.scale * STORM_BURST) + 2
        t = np.append(t, typhoon * DAY + _clock(rng, extra, np.convolve(HOURS, np.ones(7), "same")))
        storm = np.append(storm, np.ones(extra, bool))
    again = np.repeat(rng.choice(len(t), int(len(t) * SAME_EVENT) + 1, replace=False), 2)
    later = np.minimum(t[again] + rng.integers(240, 5400, len(again)), span.month_starts[index + 1] * DAY - 1)
    origin = np.append(np.full(len(t), -1), again)
    t, storm = np.append(t, later), np.append(storm, storm[again])
    order = np.argsort(t, kind="stable")
    place = np.empty(len(t), np.int64)
    place[order] = np.arange(len(t))
    origin = origin[order]
    return Month(index, t[order], storm[order], np.where(origin >= 0, place[origin], -1))


def draw_orders(city: City, month: Month, part: slice, rng: np.random.Generator) -> Orders:
    """The reports of one part of a month, with everything known at the report."""
    t, storm = month.reported[part], month.storm[part]
    n = len(t)
    start = part.start or 0
    same = np.where(month.same_as[part] >= start, month.same_as[part] - start, -1)
    night = (t % DAY < 7 * 3600) | (t % DAY >= 22 * 3600)
    system = np.where(night, rng.choice(6, n, p=SYSTEM_NIGHT), rng.choice(6, n, p=SYSTEM_DAY))
    village = _pick_rows(rng, _village_weights(city)[None, :], np.zeros(n, np.int64))
    minor = _minors(city, rng, system, village)
    minor = np.where(storm, np.array([city.minor(c) for c in STORM_MINORS])[_pick(rng, STORM_SHARE, n)], minor)
    village, minor = (np.where(same >= 0, values[same], values) for values in (village, minor))
    system = np.where(same >= 0, (system[same] + 1 + (np.arange(n) % 2) * 2) % 4, system)
    channel = _pick_rows(rng, CHANNEL_SHARE, system)
    town, major = city.village_town[village], city.minor_major[minor]
    sudden = storm | (city.major_code[major] == "09")
    urgency = np.where(sudden, _pick(rng, URGENT_STORM, n), _pick(rng, URGENT, n))
    lon = city.village_lon[village] + rng.normal(0, REPORT_SPREAD, n)
    lat = city.village_lat[village] + rng.normal(0, REPORT_SPREAD, n)
    t = np.where(system == SYSTEMS.index("数字城管"), t // 60 * 60, t)  # that system keeps minutes only
    return Orders(
        number=numbered("NH", month.reported, part),
        reported=t,
        system=system,
        channel=channel,
        minor=minor,
        major=major,
        request_type=_request_types(city, rng, system, major),
        urgency=urgency,
        village=village,
        town=town,
        unit=_units(city, rng, town, major, village),
        lon=np.clip(np.where(same >= 0, lon[same] + 0.0001, lon), 112.835, 113.265).round(6),
        lat=np.clip(np.where(same >= 0, lat[same] - 0.0001, lat), 22.795, 23.315).round(6),
        same_as=same,
        minute_clock=rng.random(n) < 0.15,
    )


def _clock(rng: np.random.Generator, n: int, hours: Floats) -> Ints:
    return _pick(rng, hours / hours.sum(), n) * 3600 + rng.integers(0, 3600, n)


def _pick(rng: np.random.Generator, shares: Floats | tuple[float, ...], n: int) -> Ints:
    return rng.choice(len(shares), n, p=np.asarray(shares) / np.sum(shares))


def _pick_rows(rng: np.random.Generator, weights: Floats, row: Ints) -> Ints:
    """For each order a column, by the weights of its row."""
    cumulative = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    cumulative[:, -1] = 1.0
    result = np.zeros(len(row), np.int64)
    draws = rng.random(len(row))
    for index in range(len(cumulative)):
        mine = row == index
        result[mine] = np.searchsorted(cumulative[index], draws[mine], side="right")
    return result


def _village_weights(city: City) -> Floats:
    """Residents of the town, shared among its villages."""
    inside = np.bincount(city.village_town, weights=city.village_weight, minlength=len(city.town_code))
    return np.asarray(city.village_weight / inside[city.village_town] * city.town_weight[city.village_town])


def _minors(city: City, rng: np.random.Generator, system: Ints, village: Ints) -> Ints:
    """Categories by source: the field sees streets, cameras see rubbish and parking, sensors see water and gas."""
    weights = np.tile(city.minor_weight, (len(SYSTEMS) + 1, 1))
    majors = city.major_code[city.minor_major]
    street = np.isin(majors, ["01", "02", "03", "04", "05", "06", "07", "08", "15"])
    weights[1:3, ~street] *= 0.05
    weights[4, ~np.isin(majors, ["05", "06", "08"])] *= 0.002
    weights[5, ~np.isin(city.minor_code, ["0904", "0106", "0303", "1501", "0105", "0901"])] *= 0.002
    weights[:, majors == "09"] *= 0.25
    weights[6] = weights[0] * np.where(majors == WORST_MAJOR, 2.0, 1.0)
    worst = (city.town_code[city.village_town[village]] == WORST_TOWN) & (system == 0)
    return _pick_rows(rng, weights, np.where(worst, 6, system))


def _request_types(city: City, rng: np.random.Generator, system: Ints, major: Ints) -> Ints:
    kind = np.array([0, 1, 1, 0, 2, 2])[system]
    kind = np.where((kind == 0) & (city.major_code[major] == "16"), 3, kind)
    return _pick_rows(rng, TYPE_SHARE, kind)


def _units(city: City, rng: np.random.Generator, town: Ints, major: Ints, village: Ints) -> Ints:
    draw = rng.random(len(town))
    by_district = np.where(draw < 0.88, city.district_unit[major], city.village_unit[village])
    return np.where(draw < 0.72, city.town_unit[town, major], by_district)


def numbered(prefix: str, moments: Ints, part: slice) -> Texts:
    """Numbers of some of a month's rows: the prefix, the day, the rank within that day."""
    days = moments // DAY
    mine = days[part]
    serial = np.arange(len(days))[part] - np.searchsorted(days, mine) + 1
    texts = np.datetime_as_string(mine.astype("datetime64[D]")).tolist()
    pairs = zip(texts, serial.tolist(), strict=True)
    return np.array([f"{prefix}{text.replace('-', '')}{number:06d}" for text, number in pairs], dtype=object)


def reporters(rng: np.random.Generator, orders: Orders) -> dict[str, Texts]:
    """Who reported: citizens by name and phone, a third of them with an identity number; machines have nobody."""
    n = len(orders)
    human = np.isin(orders.system, [SYSTEMS.index("12345热线"), SYSTEMS.index("区长直通车")])
    known = human & (rng.random(n) < 0.93)
    return {
        "上报人": people.some(people.names(rng, n), known),
        "电话": people.some(people.phones(rng, n), known),
        "身份证": people.some(people.id_numbers(rng, n), known & (rng.random(n) < 0.35)),
    }
