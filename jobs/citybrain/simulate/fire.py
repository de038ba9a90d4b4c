"""Fire alarms and inspections (S21), as the city's system hands them over: a number, a kind, a time, a place."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from citybrain.simulate.city import City, Floats, Texts
from citybrain.simulate.dirt import Batch, Kind
from citybrain.simulate.files import Layout
from citybrain.simulate.orders import numbered
from citybrain.simulate.people import either, some, stamps
from citybrain.simulate.plan import FIRE, FIRES_A_DAY, Delivery, Span
from citybrain.simulate.spoil import full_width, impossible, in_words, missing, serial, whole_minute
from citybrain.simulate.told import Told, flag_lists, instants, strings
from citybrain.simulate.worktime import DAY, Bools, Ints

HEADER = ("警情编号", "类别", "类型", "时间", "地址", "经度", "纬度")
FIRE_LAYOUT = Layout("消防警情与检查", "宗", HEADER, {"位置": HEADER[4:]}, frozenset({"经度", "纬度"}), "类型")
ALARMS = np.array(["火灾扑救", "抢险救援", "社会救助", "其他"], dtype=object)
INSPECTIONS = 0.4
SPELLINGS = {"火灾扑救": "火警", "抢险救援": "抢险", "监督检查": "消防监督检查"}
ODD = {"outside_district": 0.01, "swapped_coordinates": 0.008, "zero_coordinates": 0.006, "unknown_type": 0.004}


def respelt(_rng: np.random.Generator, text: str) -> str:
    return SPELLINGS[text]


FIRE_KINDS = (
    Kind("X05", FIRE, "警情编号", 0.004, full_width),
    Kind("X12", FIRE, "时间", 0.01, in_words, whole_minute),
    Kind("X12", FIRE, "时间", 0.02, serial, sheets=True),
    Kind("X12 不可能", FIRE, "时间", 0.002, impossible),
    Kind("X18", FIRE, "类型", 0.03, respelt, lambda text: text in SPELLINGS),
    Kind("X21", FIRE, "", 0.003, missing),
    Kind("required", FIRE, "警情编号", 0.002, missing),
)


def fire_rows(city: City, span: Span, index: int, files: list[Delivery], rng: np.random.Generator) -> Told:
    """The incidents of a month."""
    first, stop = (int(day) * DAY for day in span.month_starts[index : index + 2])
    n = int(rng.poisson(FIRES_A_DAY * span.scale * (stop - first) / DAY)) + 5
    moment = np.sort(rng.integers(first, stop, n))
    moment = np.where(rng.random(n) < 0.3, moment // 60 * 60, moment)
    way = np.searchsorted(np.cumsum(list(ODD.values())), rng.random(n), side="right")
    odd = {name: way == place for place, name in enumerate(ODD)}
    village = rng.choice(len(city.village_code), n, p=city.village_weight / city.village_weight.sum())
    lon, lat = (values[village].round(6) for values in (city.village_lon, city.village_lat))
    columns = _columns(city, moment, village, (lon, lat), odd, rng)
    slot = span.slot(FIRE, moment)
    sheet = np.array([file.is_sheet for file in files])[slot]
    batch = Batch(FIRE, columns, slot, np.arange(n), sheet, moment, kinds=FIRE_KINDS)
    for column in ("经度", "纬度"):
        batch.note(np.flatnonzero(odd["swapped_coordinates"] | odd["zero_coordinates"]), column, "X20")
    batch.note(np.flatnonzero(odd["unknown_type"]), "类型", "enum")
    batch.note(np.flatnonzero(odd["outside_district"]), "地址", "name")
    outside, zero = odd["outside_district"], odd["zero_coordinates"]
    clean = {
        "incident_no": strings(columns["警情编号"].copy()),
        "incident_class": strings(columns["类别"]),
        "incident_type": strings(columns["类型"].copy()),
        "occurred_at": instants(moment),
        "town_code": strings(some(city.town_code[city.village_town[village]], ~outside)),
        "lon": pa.array(lon, mask=zero),
        "lat": pa.array(lat, mask=zero),
        "quality_flags": flag_lists(n, {**odd, "unmatched_town": outside}),
    }
    return Told(batch, pa.table(clean), slot)


def _columns(
    city: City,
    moment: Ints,
    village: Ints,
    point: tuple[Floats, Floats],
    odd: dict[str, Bools],
    rng: np.random.Generator,
) -> dict[str, Texts]:
    n = len(moment)
    inspected = rng.random(n) < INSPECTIONS
    kind = np.where(inspected, "监督检查", rng.choice(ALARMS, n, p=(0.35, 0.3, 0.3, 0.05)))
    numbers = rng.integers(1, 300, n).astype(str).astype(object)
    inside = "佛山市南海区" + city.town_short[city.village_town[village]] + city.village_name[village]
    swapped, zero = odd["swapped_coordinates"], odd["zero_coordinates"]
    lon, lat = (np.array([f"{value:.6f}" for value in values.tolist()], dtype=object) for values in point)
    return {
        "警情编号": numbered("XF", moment, slice(None)),
        "类别": either(inspected, "检查", "警情"),
        "类型": np.where(odd["unknown_type"], "某某任务", kind).astype(object),
        "时间": stamps(moment),
        "地址": np.where(odd["outside_district"], "佛山市禅城区", inside) + "模拟路" + numbers + "号",
        "经度": np.where(zero, "0", np.where(swapped, lat, lon)).astype(object),
        "纬度": np.where(zero, "0", np.where(swapped, lon, lat)).astype(object),
    }
