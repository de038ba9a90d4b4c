"""A serving file with made-up figures, in the shape of the real one. A fixture: nothing in it describes any place.

python -m tests.dashboards.made_up_serving OUT.duckdb [YYYY-MM-DD]
"""

from __future__ import annotations

import csv
import json
import random
import sys
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from citybrain import serve
from citybrain.contracts import load
from citybrain.dashboards.serving import empty_serving_file
from citybrain.indicators.model import Variant
from citybrain.indicators.registry import registry
from citybrain.lake import ROOT

DISTRICT = "440605"
WEIGHT = {"440605011": 1.0, "440605121": 0.35, "440605122": 0.5, "440605123": 0.4, "440605124": 1.3, "440605125": 0.95,
          "440605126": 0.65}  # fmt: skip
SOURCES = {
    "12345热线": 0.46,
    "网格系统": 0.27,
    "数字城管": 0.14,
    "区长直通车": 0.04,
    "视频识别": 0.06,
    "物联感知": 0.03,
}


def codes(name: str) -> list[dict[str, str]]:
    with (ROOT / f"schemas/codes/{name}.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def main(out: str, day: str = "2026-03-20") -> None:
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as db:
        empty_serving_file(db, load(), registry())
        _Made(db, date.fromisoformat(day)).fill()


class _Made:
    def __init__(self, db: duckdb.DuckDBPyConnection, today: date) -> None:
        self.db, self.today, self.random = db, today, random.Random(7)
        self.days = [today - timedelta(days=n) for n in range(440, -1, -1)]
        self.towns = [t for t in codes("town") if not t["失效日期"]]
        shapes = json.loads((ROOT / "dashboards/map/town.geojson").read_text("utf-8"))["features"]
        self.rings = {f["properties"]["code"]: f["geometry"]["coordinates"][0] for f in shapes}
        self.categories = {c["大类码"]: c["大类名称"] for c in codes("category")}

    def fill(self) -> None:
        self.areas()
        self.insert("gold.reference__category", list(self.categories.items()))
        departments = [(d["部门代码"], d["部门名称"]) for d in codes("department")]
        self.insert("gold.reference__department (department_code, department_name)", departments)
        self.flow()
        self.unknown()
        self.points()
        self.indicators()

    def insert(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self.db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def areas(self) -> None:
        people = {p["区划代码"]: p for p in codes("population") if p["年份"] == "2025"}
        rows = [(DISTRICT, "南海区", "区", None, 113.05, 23.03, 3744000, 1073.82, None)]
        for t in self.towns:
            lon, lat, p = float(t["经度"]), float(t["纬度"]), people[t["镇街代码"]]
            ring = self.rings[t["镇街代码"]]
            rows.append((t["镇街代码"], t["镇街名称"], "镇街", DISTRICT, lon, lat, int(p["常住人口"]),
                         float(p["面积平方公里"]), json.dumps(ring)))  # fmt: skip
        self.insert('gold."reference__area"', rows)

    def flow(self) -> None:
        """Daily counts, with a week's rhythm and a slow rise."""
        self.db.execute("SELECT setseed(0.42)")
        self.lookup("town", [(c, w) for c, w in WEIGHT.items()])
        self.lookup("category", [(c, 0.2 + (int(c) * 7 % 11) / 8) for c in self.categories])
        self.lookup("source", list(SOURCES.items()))
        self.db.execute("CREATE TEMP TABLE day AS SELECT unnest(?::date[]) AS d", [self.days])
        self.db.execute("""
            INSERT INTO gold."governance__work_order_flow_daily"
            SELECT d, town, category, source, n, n, n * 97 // 100, n * 95 // 100, n * 93 // 100, n * 92 // 100, n FROM (
                SELECT d, t.code AS town, c.code AS category, s.code AS source,
                       floor(random() * 2 + 22 * t.weight * c.weight * s.weight
                             * (CASE WHEN dayofweek(d) IN (0, 6) THEN 0.6 ELSE 1 END)
                             * (0.85 + 0.1 * sin(dayofyear(d) / 20) + random() * 0.4))::bigint AS n
                FROM day, lookup_town t, lookup_category c, lookup_source s) WHERE n > 0""")
        self.db.execute(
            """
            INSERT INTO gold."governance__work_order_state_daily"
            SELECT d, stage, state, t.code, c.code, unit, (random() * n * t.weight * c.weight)::bigint, 1
            FROM day, lookup_town t, lookup_category c,
                 (SELECT unnest(['处置', '结案']) AS stage),
                 (VALUES ('待办超期', 0.9), ('待办未到期', 4.0), ('待立案', 1.1), ('挂账', 0.7)) AS states(state, n),
                 (SELECT unnest(['D03', 'D04', 'D05', 'D07', 'D09', 'D11', '440605011-02', '440605124-02']) AS unit)
            WHERE d > ?::date - 20 AND random() < 0.25""",
            [self.today],
        )
        self.db.execute("""
            INSERT INTO gold."governance__work_order_due_daily"
            SELECT '结案', d, d, town, category, 'D03', n, n * 95 // 100, n * late // 100, 0, 0, n
            FROM (SELECT d, t.code AS town, c.code AS category, 86 + (random() * 9)::int AS late,
                         (random() * 30 * t.weight * c.weight)::bigint AS n
                  FROM day, lookup_town t, lookup_category c) WHERE n > 0""")

        self.db.execute(
            """
            INSERT INTO gold."governance__handling_hours_daily"
            SELECT d, clock, bin, town, '01', n, n * bin * 3500, n
            FROM (SELECT d, t.code AS town, clock, bin,
                         floor(9 * t.weight * exp(-bin / 26.0) * (bin / 12.0) + random())::bigint AS n
                  FROM day, lookup_town t, (SELECT unnest(['自然时间', '工作时间']) AS clock),
                       (SELECT unnest(range(1, 121)) AS bin)
                  WHERE d > ?::date - 60) WHERE n > 0""",
            [self.today],
        )

    def unknown(self) -> None:
        """Orders whose place, kind and unit nobody has said, and of a unit that no code table has."""
        rows = {
            "flow": [(self.today, None, None, "12345热线", 3, 3, 0, 0, 0, 0, 3)],
            "state": [(self.today, "处置", "待办超期", None, None, unit, 9000, 1) for unit in ("D99", None)],
            "due": [("处置", self.today, self.today, None, None, None, 3, 0, 0, 0, 0, 3)],
        }
        for name, these in rows.items():
            self.insert(f'gold."governance__work_order_{name}_daily"', these)

    def lookup(self, name: str, rows: list[tuple[str, float]]) -> None:
        self.db.execute(f"CREATE TEMP TABLE lookup_{name} (code varchar, weight double)")
        self.insert(f"lookup_{name}", rows)

    def points(self) -> None:
        rows = []
        for t in self.towns:
            for day in self.days[-7:]:
                for _ in range(int(26 * WEIGHT[t["镇街代码"]])):
                    lon, lat = self.somewhere(self.rings[t["镇街代码"]], float(t["经度"]), float(t["纬度"]))
                    category = self.random.choice(list(self.categories))
                    count = 1 + int(self.random.expovariate(1.2))
                    rows.append((day, round(lon, 3), round(lat, 3), t["镇街代码"], category, count, count))
        self.insert('gold."governance__event_point_daily"', rows)

    def somewhere(self, ring: list[list[float]], lon: float, lat: float) -> tuple[float, float]:
        """A point of the town, more often near its middle."""
        while True:
            x, y = self.random.gauss(lon, 0.035), self.random.gauss(lat, 0.03)
            sides = pairwise(ring)
            if (
                sum((ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax for (ax, ay), (bx, by) in sides)
                % 2
            ):
                return x, y

    def indicators(self) -> None:
        areas = [(DISTRICT, "南海区", "区")] + [(t["镇街代码"], t["镇街名称"], "镇街") for t in self.towns]
        months = sorted({day.replace(day=1) for day in self.days})[-14:]
        rows = []
        for indicator, variant in registry().variants():
            for code, _, level in areas:
                if {"区": "district", "镇街": "town"}[level] not in variant.grains:
                    continue
                for begin in months:
                    last = (begin.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
                    values = self.figure(variant, code, begin, min(last, self.today))
                    period = (indicator.id, variant.id, code, "month", f"{begin:%Y-%m}", begin, last, self.today)
                    rows.append((*period, *values, f"{self.today} 06:10:00", 1))
        columns = "indicator_id, variant, area_code, period_kind, period, period_start, period_end, as_of"
        more = "numerator, denominator, value, published_at, revision"
        self.insert(f"gold.platform__indicator_value ({columns}, {more})", rows)
        versions = [
            (c.table, 7, f"{self.today} 06:00:00", 1000, self.today) for c in load().values() if c.layer == "gold"
        ]
        self.insert("meta.source_version", versions)
        self.db.execute("DROP TABLE gold.indicator_current")
        self.db.execute(serve.CURRENT)

    def figure(self, variant: Variant, code: str, begin: date, end: date) -> tuple[float, float | None, float | None]:
        size = WEIGHT.get(code, sum(WEIGHT.values())) * 3900 * ((end - begin).days + 1) / 30
        swing = self.random.gauss(0, 1)
        if variant.unit == "件":
            count = round(size * {"lower": 0.011}.get(variant.direction, 1.0) * (1 + 0.06 * swing))
            return count, None, float(count)
        if variant.unit == "小时":
            return size, size, round(31 + 3 * swing + (14 if "p90" in variant.id else 0), 2)
        share = {"higher": 0.93, "lower": 0.035, "none": 0.5}[variant.direction]
        town = (int(code[-1]) - 4) * 0.008 if len(code) == 9 else 0
        share = min(0.999, max(0.002, share + (town + 0.01 * swing) * (1 if share > 0.2 else 0.3)))
        return round(size * share), round(size), round(100 * round(size * share) / round(size), 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
