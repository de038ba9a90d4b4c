"""Components of the city (S05): one full register on the eve of the span, in a local plane (X to the north).

A few were surveyed anew and stand twice, under an old code and a new one; of a few the axes are in each other's place.
The plane is made up: it looks like one of the zone 38 and is that of no place.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from citybrain.simulate.city import DISTRICT, City, Texts
from citybrain.simulate.dirt import Batch, Kind
from citybrain.simulate.files import Layout
from citybrain.simulate.people import some
from citybrain.simulate.plan import COMPONENTS, Span
from citybrain.simulate.spoil import compact, digits, dotted_day, full_width, is_null, missing, scientific, token
from citybrain.simulate.told import Told, flag_lists, strings
from citybrain.simulate.worktime import Bools, Ints

HEADER = tuple(["部件编码", "部件名称", "部件类型", "权属单位", "养护单位", "坐标X", "坐标Y", "部件状态", "更新日期"])
COMPONENT_LAYOUT = Layout("城市部件台账", "个", HEADER, {"坐标": HEADER[5:7]}, frozenset(), "部件名称")
AT_SCALE_1, AT_LEAST = 6_000, 60
RESURVEYED, SWAPPED, NO_POINT, FOREIGN = 0.02, 0.008, 0.008, 0.003
STATUSES = ("完好", "破损", "缺失", "停用")
SPELLINGS = {"完好": "正常", "破损": "损坏"}


def respelt(_rng: np.random.Generator, text: str) -> str:
    return SPELLINGS[text]


COMPONENT_KINDS = (
    Kind("X04", COMPONENTS, "养护单位", 0.01, token, is_null),
    Kind("X05", COMPONENTS, "部件编码", 0.004, full_width),
    Kind("X06", COMPONENTS, "部件编码", 0.004, scientific, digits),
    Kind("X12", COMPONENTS, "更新日期", 0.01, compact),
    Kind("X12", COMPONENTS, "更新日期", 0.01, dotted_day),
    Kind("X18", COMPONENTS, "部件状态", 0.02, respelt, lambda text: text in SPELLINGS),
    Kind("X21", COMPONENTS, "", 0.004, missing),
    Kind("required", COMPONENTS, "部件编码", 0.004, missing),
)


def component_rows(city: City, span: Span, rng: np.random.Generator) -> Told:
    n = max(round(AT_SCALE_1 * span.scale), AT_LEAST)
    twice = rng.choice(n, max(round(n * RESURVEYED), 1), replace=False)
    thing = np.concatenate([np.arange(n), twice])
    parts = np.flatnonzero(city.minor_is_part)
    kind = rng.choice(parts, n)[thing]
    village = rng.integers(0, len(city.village_code), n)
    north = 2_500_000 + (city.village_lat[village] - 22.6) * 110_800 + rng.uniform(0, 400, n)
    east = 38_400_000 + (city.village_lon[village] - 113) * 102_400 + rng.uniform(0, 400, n)
    x, y = (np.floor(values)[thing] + 0.25 for values in (north, east))  # well inside of a metre
    old = np.arange(len(thing)) >= n
    odd = _odd(len(thing), np.isin(thing, twice), rng)
    codes = np.array(
        [f"{DISTRICT}{city.minor_code[k]}{serial + 1:06d}" for serial, k in enumerate(kind.tolist())], object
    )
    codes[odd["invalid_code"]] = np.array(["440604" + code[6:] for code in codes[odd["invalid_code"]]], dtype=object)
    days = int(span.month_starts[0]) - np.where(
        old, rng.integers(2_000, 3_000, len(thing)), rng.integers(30, 900, len(thing))
    )
    columns = _columns(city, codes, kind, village[thing], (x, y), odd, days, rng)
    zeros = np.zeros(len(thing), np.int64)
    sparing = np.isin(thing, twice)
    batch = Batch(COMPONENTS, columns, zeros, np.arange(len(thing)), zeros > 0, thing, sparing, COMPONENT_KINDS)
    batch.note(np.flatnonzero(odd["axes_swapped"]), "坐标X", "X20")
    batch.note(np.flatnonzero(odd["invalid_code"]), "部件编码", "code")
    batch.note(np.flatnonzero(old), "部件编码", "X28")
    return Told(batch, _clean(city, columns, kind, (x, y), {**odd, "resurveyed": old}, days), zeros)


def _odd(n: int, spared: Bools, rng: np.random.Generator) -> dict[str, Bools]:
    """What is wrong with which row, none of it with one that stands twice; each at least once."""
    names = {"axes_swapped": SWAPPED, "no_point": NO_POINT, "invalid_code": FOREIGN}
    free = rng.permutation(np.flatnonzero(~spared))
    odd, begin = {}, 0
    for name, share in names.items():
        count = max(round(n * share), 1)
        odd[name] = np.isin(np.arange(n), free[begin : begin + count])
        begin += count
    return odd


def _columns(
    city: City,
    codes: Texts,
    kind: Ints,
    village: Ints,
    point: tuple[np.ndarray, np.ndarray],
    odd: dict[str, Bools],
    days: Ints,
    rng: np.random.Generator,
) -> dict[str, Texts]:
    n = len(codes)
    x, y = (np.array([f"{value:.3f}" for value in values.tolist()], dtype=object) for values in point)
    swapped, has_point = odd["axes_swapped"], ~odd["no_point"]
    name = city.minor_name[kind]
    town = city.town_short[city.village_town[village]]
    return {
        "部件编码": codes,
        "部件名称": np.asarray("模拟" + name),
        "部件类型": name,
        "权属单位": np.asarray(town + "市政管理所（模拟）"),
        "养护单位": some(np.asarray(town + "养护公司（模拟）"), rng.random(n) < 0.9),
        "坐标X": some(np.where(swapped, y, x), has_point),
        "坐标Y": some(np.where(swapped, x, y), has_point),
        "部件状态": rng.choice(np.array(STATUSES, dtype=object), n, p=(0.94, 0.03, 0.02, 0.01)),
        "更新日期": np.datetime_as_string(days.astype("datetime64[D]")).astype(object),
    }


def _clean(
    city: City,
    columns: dict[str, Texts],
    kind: Ints,
    point: tuple[np.ndarray, np.ndarray],
    flags: dict[str, Bools],
    days: Ints,
) -> pa.Table:
    known, codes = ~flags["invalid_code"], columns["部件编码"]
    texts = {
        "component_code": codes, "component_name": columns["部件名称"], "component_type": columns["部件类型"],
        "owned_by": columns["权属单位"], "cared_by": columns["养护单位"], "component_status": columns["部件状态"],
        "major_category_code": some(city.major_code[city.minor_major[kind]], known),
        "minor_category_code": some(city.minor_code[kind], known),
        "serial_no": some(np.array([code[10:] for code in codes], dtype=object), known),
    }  # fmt: skip
    return pa.table(
        {
            **{name: strings(values.copy()) for name, values in texts.items()},
            "plane_x": pa.array(point[0], mask=flags["no_point"]),
            "plane_y": pa.array(point[1], mask=flags["no_point"]),
            "lon": pa.nulls(len(codes), pa.float64()),
            "lat": pa.nulls(len(codes), pa.float64()),
            "coordinate_method": pa.nulls(len(codes), pa.string()),
            "surveyed_date": pa.array(days.astype("datetime64[D]")),
            "quality_flags": flag_lists(len(codes), {**flags, "unknown_crs": ~flags["no_point"]}),
        }
    )
