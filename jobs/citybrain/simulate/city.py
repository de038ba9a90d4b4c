"""The facts of the city, read from the code lists, and the shapes laid over them.

Facts (towns, villages, categories, deadline rules, departments, population) come from schemas/codes/*.csv.
Shapes (how often what is reported, by whom, who is late) are invented: they only look like the bulletins of such
centres. Nothing here is a statement about a real town.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citybrain.simulate.worktime import LIMIT_TYPES, Bools, Ints

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

CODES = Path(__file__).parents[3] / "schemas" / "codes"
DISTRICT = "440605"

SYSTEMS = ("12345热线", "网格系统", "数字城管", "区长直通车", "视频识别", "物联感知")
CHANNELS = ("电话", "网络", "微信", "网格员上报", "视频", "物联网", "来信来访")
REQUEST_TYPES = ("咨询", "求助", "投诉", "举报", "建议")
URGENCIES = ("一般", "紧急", "特急")

# Late closures: the share by town, and the one unit that explains the worst town (大沥, 市容环境, its 执法办).
LATE_SHARE = {
    "440605011": 0.06,
    "440605121": 0.10,
    "440605122": 0.09,
    "440605123": 0.07,
    "440605124": 0.11,
    "440605125": 0.13,
    "440605126": 0.08,
}
WORST_TOWN, WORST_MAJOR, WORST_OFFICE, WORST_SHARE = "440605125", "05", "-02", 0.62

# Who handles a category in a town (office suffix) and in the district (department).
TOWN_OFFICE = {"05": "-02", "06": "-02", "08": "-02", "03": "-02", "09": "-05", "15": "-05", "11": "-03", "16": "-03"}
TOWN_OFFICE |= {"01": "-04", "02": "-04", "04": "-04", "07": "-04", "12": "-04"}
DISTRICT_OFFICE = {"01": "D04", "02": "D05", "03": "D03", "04": "D04", "05": "D03", "06": "D03", "07": "D04"}
DISTRICT_OFFICE |= {"08": "D06", "09": "D11", "10": "D06", "11": "D10", "12": "D04", "13": "D09", "14": "D07"}
DISTRICT_OFFICE |= {"15": "D12", "16": "D02", "99": "D01"}

# What is reported most; every category that is not named weighs 1.
COMMON = {"0501": 9, "0502": 4, "0503": 4, "0801": 5, "0802": 6, "0803": 9, "0804": 4, "1002": 7, "1001": 4}
COMMON |= {"1201": 5, "1204": 4, "1101": 4, "1301": 3, "0201": 4, "0101": 3, "0102": 3, "1606": 4, "1601": 3}
COMMON |= {"0601": 3, "1502": 3, "1404": 3, "0506": 2, "1603": 2, "0104": 2, "0303": 2}
VILLAGE_SPREAD = 0.03  # degrees: how far villages lie from the centre of their town


@dataclass(frozen=True)
class City:
    """Code lists as parallel arrays; a "town" below is an index into `town_code`, and so on."""

    town_code: Texts
    town_short: Texts
    town_lon: Floats
    town_lat: Floats
    town_weight: Floats
    village_code: Texts
    village_name: Texts
    village_town: Ints
    border_lon: Floats  # a point within the village's schematic border, nan where it has none
    border_lat: Floats
    village_lon: Floats
    village_lat: Floats
    village_weight: Floats
    village_has_committee: Bools
    major_code: Texts
    minor_code: Texts
    minor_name: Texts
    minor_major: Ints
    minor_is_part: Bools
    minor_weight: Floats
    rules: list[dict[str, str]]
    unit_code: Texts
    town_unit: Ints  # [town, major] → unit
    district_unit: Ints  # [major] → unit
    village_unit: Ints  # [village] → unit, or the town's own office where there is no committee

    @classmethod
    def read(cls, codes: Path = CODES) -> City:
        towns = [row for row in rows_of(codes / "town.csv") if not row["失效日期"]]
        villages, minors = rows_of(codes / "village.csv"), rows_of(codes / "category.csv")
        units = [row["部门代码"] for row in rows_of(codes / "department.csv")]
        majors = sorted({row["大类码"] for row in minors})
        town_code = [row["镇街代码"] for row in towns]
        village_town = np.array([town_code.index(row["镇街代码"]) for row in villages])
        shape = np.random.Generator(np.random.PCG64(20261031))  # the same villages at every seed
        lon, lat = (np.array([float(row[name]) for row in towns]) for name in ("经度", "纬度"))
        offset = shape.uniform(-VILLAGE_SPREAD, VILLAGE_SPREAD, (2, len(villages)))
        committees = np.array([row["村居代码"] in units for row in villages])
        number = {code: index for index, code in enumerate(units)}
        offices = [[number[town + TOWN_OFFICE.get(major, "-01")] for major in majors] for town in town_code]
        inner = [_within(codes / "boundary.csv").get(row["村居代码"], (np.nan, np.nan)) for row in villages]
        return cls(
            town_code=_texts(town_code),
            town_short=_texts([row["简称"] for row in towns]),
            town_lon=lon,
            town_lat=lat,
            town_weight=_population(codes / "population.csv", town_code),
            village_code=_texts([row["村居代码"] for row in villages]),
            village_name=_texts([row["村居名称"] for row in villages]),
            village_town=village_town,
            border_lon=np.array([x for x, _ in inner]),
            border_lat=np.array([y for _, y in inner]),
            village_lon=np.clip(lon[village_town] + offset[0], 112.85, 113.25),
            village_lat=np.clip(lat[village_town] + offset[1], 22.81, 23.30),
            village_weight=shape.lognormal(0, 0.6, len(villages)) * np.where(committees, 1, 0.2),
            village_has_committee=committees,
            major_code=_texts(majors),
            minor_code=_texts([row["小类码"] for row in minors]),
            minor_name=_texts([row["小类名称"] for row in minors]),
            minor_major=np.array([majors.index(row["大类码"]) for row in minors]),
            minor_is_part=np.array([row["部件或事件"] == "部件" for row in minors]),
            minor_weight=np.array([float(COMMON.get(row["小类码"], 1)) for row in minors]),
            rules=rows_of(codes / "deadline_rule.csv"),
            unit_code=_texts(units),
            town_unit=np.array(offices),
            district_unit=np.array([number[DISTRICT_OFFICE.get(major, "D01")] for major in majors]),
            village_unit=np.array([number.get(row["村居代码"], number[row["镇街代码"] + "-01"]) for row in villages]),
        )

    def minor(self, code: str) -> int:
        return int(np.flatnonzero(self.minor_code == code)[0])

    def major(self, code: str) -> int:
        return int(np.flatnonzero(self.major_code == code)[0])

    def late_share(self) -> Floats:
        """How likely an order is to end late, [town, unit, major]-wise the worst office of the worst town."""
        share = np.array([LATE_SHARE.get(code, 0.1) for code in self.town_code])
        table = np.repeat(share[:, None], len(self.unit_code), axis=1)
        table[:, [code.startswith("D") for code in self.unit_code]] *= 1.3
        return table


@cache
def _within(path: Path) -> dict[str, tuple[float, float]]:
    """Of each drawn division the mean of its corners: the borders are drawn as cells that bulge nowhere inwards."""
    rings = {row["区划代码"]: np.array(json.loads(row["示意边界"])[:-1]) for row in rows_of(path)}
    return {
        code: (float(ring[:, 0].mean().round(6)), float(ring[:, 1].mean().round(6))) for code, ring in rings.items()
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def older_names(city: City) -> list[list[str]]:
    """Of each town the names of its parts that people still use; the town's own where it has none."""
    older: dict[str, list[str]] = {}
    for row in rows_of(CODES / "place_name.csv"):
        if row["地名类别"] in ("原镇街", "片区") and not row["失效日期"]:
            older.setdefault(row["镇街代码"], []).append(row["地名"])
    return [older.get(code) or [short] for code, short in zip(city.town_code, city.town_short, strict=True)]


def _texts(values: list[str]) -> Texts:
    return np.array(values, dtype=object)


def _population(path: Path, towns: list[str]) -> Floats:
    """Residents of each town in the latest year of the list."""
    rows = rows_of(path)
    latest = max(row["年份"] for row in rows)
    people = {row["区划代码"]: float(row["常住人口"]) for row in rows if row["年份"] == latest}
    return np.array([people[town] for town in towns])


@dataclass(frozen=True)
class Limits:
    """The deadline rules as a table: for each span of validity, which rule fits channel, type, category, urgency."""

    starts: Ints  # day numbers on which the set of valid rules changes
    fits: Ints  # [span, channel, request type, major, urgency] → rule
    kind: Ints
    value: Ints
    rolls: Bools

    @classmethod
    def of(cls, city: City) -> Limits:
        days = sorted({_day(row[name]) for row in city.rules for name in ("生效日期", "失效日期") if row[name]})
        shape = (len(days), len(CHANNELS), len(REQUEST_TYPES), len(city.major_code), len(URGENCIES))
        fits = np.full(shape, -1, np.int64)
        names = (CHANNELS, REQUEST_TYPES, tuple(city.major_code), URGENCIES)
        # From the least to the most specific (urgency, then category, type, channel), so that the last one stays.
        for index in sorted(range(len(city.rules)), key=lambda i: _specificity(city.rules[i])):
            row = city.rules[index]
            wanted = (row["来源渠道"], row["诉求类型"], row["大类码"], row["紧急程度"])
            where = [slice(None) if w == "*" else names[i].index(w) for i, w in enumerate(wanted)]
            first, last = _day(row["生效日期"]), _day(row["失效日期"]) if row["失效日期"] else 10**9
            spans = slice(days.index(first), days.index(last) if last in days else None)
            fits[(spans, *where)] = index
        return cls(
            starts=np.array(days),
            fits=fits,
            kind=np.array([LIMIT_TYPES.index(row["时限类型"]) for row in city.rules]),
            value=np.array([int(row["时限值"]) for row in city.rules]),
            rolls=np.array([row["顺延方式"] == "next" for row in city.rules]),
        )

    def rule(self, day: Ints, channel: Ints, request_type: Ints, major: Ints, urgency: Ints) -> Ints:
        span = np.searchsorted(self.starts, day, side="right") - 1
        return np.asarray(self.fits[span, channel, request_type, major, urgency])


def _day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def _specificity(row: dict[str, str]) -> tuple[bool, ...]:
    return tuple(row[name] != "*" for name in ("紧急程度", "大类码", "诉求类型", "来源渠道"))
