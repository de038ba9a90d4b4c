"""Truth and figures of market entities, macro-economic months and air, beside those of work orders and cases.

Figures are rows in the order of HEADER of figures.py.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from citybrain.simulate import air, economy
from citybrain.simulate.city import CODES, DISTRICT, City, rows_of
from citybrain.simulate.entities import Register, stay
from citybrain.simulate.people import some
from citybrain.simulate.plan import Span
from citybrain.simulate.worktime import Ints

Period = tuple[str, str, date, date]
Figure = tuple[object, ...]
Number = float | Fraction | Decimal


def entity_truth(out: Path, city: City, span: Span, register: Register) -> None:
    """truth/entities.parquet: how each entity stood in the stock."""
    stood = stay(span, register)
    columns = {
        "uscc": pa.array(register.code, pa.string()),
        "entity_kind": pa.array(stood["kind"], pa.string()),
        "town_code": pa.array(some(city.town_code[stood["town"]], stood["town"] >= 0), pa.string()),
        "entered_date": _days(stood["entered"]),
        "entered_how": pa.array(stood["entered_how"], pa.string()),
        "left_date": _days(stood["left"]),
        "left_how": pa.array(stood["left_how"], pa.string()),
    }
    pq.write_table(pa.table(columns), out / "truth" / "entities.parquet", compression="zstd")


def _days(numbers: Ints) -> pa.Array:
    return pa.array(numbers.astype("datetime64[D]"), mask=numbers < 0)


COUNTS = """
SELECT p.id, {town}, sum(n) FILTER ({stands}) AS stock,
    sum(n) FILTER ({new}) AS new, sum(n) FILTER (e.left_how <> '迁出' AND {left}) AS exits,
    sum(n) FILTER (e.entered_how = '迁入' AND {entered}) AS moved_in,
    sum(n) FILTER (e.left_how = '迁出' AND {left}) AS moved_out,
    sum(n) FILTER (e.entity_kind = '企业' AND {stands}) AS firms,
    sum(n) FILTER (e.entity_kind = '个体工商户' AND {stands}) AS individuals,
    sum(n) FILTER (e.entity_kind = '企业' AND {new}) AS new_firms
FROM periods p CROSS JOIN entities e GROUP BY {group}
"""
ALIKE = """
CREATE TABLE entities AS SELECT * EXCLUDE uscc, count(*) AS n FROM read_parquet('{file}') GROUP BY ALL
"""


def entity_figures(out: Path, periods: list[Period], towns: list[str]) -> Iterator[Figure]:
    within = {name: f"e.{name}_date BETWEEN p.first AND p.as_of" for name in ("entered", "left")}
    within["stands"] = "e.entered_date <= p.as_of AND coalesce(e.left_date > p.as_of, true)"
    within["new"] = f"e.entered_how = '新设' AND {within['entered']}"
    found: dict[tuple[int, str], dict[str, int]] = {}
    with duckdb.connect() as db:
        db.execute("SET threads = 1; SET enable_progress_bar = false")
        db.execute("CREATE TABLE periods (id INTEGER, first DATE, as_of DATE)")
        db.executemany("INSERT INTO periods VALUES (?, ?, ?)", [(i, p[2], p[3]) for i, p in enumerate(periods)])
        db.execute(ALIKE.format(file=out / "truth" / "entities.parquet"))
        for town, group in (("e.town_code", "p.id, e.town_code"), (f"'{DISTRICT}'", "p.id")):
            cursor = db.execute(COUNTS.format(town=town, group=group, **within))
            names = [str(column[0]) for column in cursor.description or ()]
            found |= {
                row[:2]: dict(zip(names[2:], (int(n or 0) for n in row[2:]), strict=True)) for row in cursor.fetchall()
            }
    for id_, period in enumerate(periods):
        for area in (DISTRICT, *towns):
            yield from _entity_rows(period, area, found.get((id_, area), {}))


def _entity_rows(period: Period, area: str, n: dict[str, int]) -> Iterator[Figure]:
    new, exits, moved = n.get("new", 0), n.get("exits", 0), n.get("moved_in", 0) - n.get("moved_out", 0)
    counts = {("MK01", "all"): n.get("stock", 0), ("MK01", "firms"): n.get("firms", 0),
              ("MK01", "individuals"): n.get("individuals", 0), ("MK02", "new"): new,
              ("MK02", "new_firms"): n.get("new_firms", 0), ("MK02", "exit"): exits, ("MK02", "net"): new - exits,
              ("MK02", "net_with_moves"): new - exits + moved}  # fmt: skip
    for (indicator, variant), number in counts.items():
        yield figure(indicator, variant, area, period, number)
    if period[0] == "day":
        return
    for variant, count, people in (("resident", "stock", "常住人口"), ("resident_firms", "firms", "常住人口"),
                                   ("managed", "stock", "管理人口")):  # fmt: skip
        if variant != "managed" or area == DISTRICT:
            yield figure("MK03", variant, area, period, n.get(count, 0), _people(area, people, period[2].year), 1000)


def _people(area: str, column: str, year: int) -> int:
    """The number published last for the end of a year before this one."""
    rows = [row for row in rows_of(CODES / "population.csv") if row["区划代码"] == area and row[column]]
    before = [(int(row["年份"]), int(row[column])) for row in rows if int(row["年份"]) < year]
    return max(before)[1] if before else 0


def macro_figures(months: economy.Months, span: Span) -> Iterator[Figure]:
    """Of the months of the span."""
    for (year, month), figures in months.items():
        first, last = date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
        if first >= span.start:
            period = ("month", f"{first:%Y-%m}", first, last)
            before, ago = months.get((year, month - 1), {}), months.get((year - 1, month), {})
            yield from _macro_rows(period, figures, before, ago)


def _macro_rows(period: Period, now: dict[str, Any], before: dict[str, Any], ago: dict[str, Any]) -> Iterator[Figure]:
    imported = {"EC02": economy.VALUE_ADDED, "EC05": economy.RETAIL, "EC07": economy.REVENUE}
    for indicator, name in imported.items():
        level, growth = now[name]
        yield figure(indicator, "level", DISTRICT, period, level, 1)
        yield figure(indicator, "growth", DISTRICT, period, growth, 1)
        if name in ago:
            yield figure(indicator, "growth_current", DISTRICT, period, level - ago[name][0], ago[name][0], 100)
    for variant, name in (("fai", economy.FAI), ("industry", economy.INDUSTRY)):
        yield figure("EC06", variant, DISTRICT, period, now[name][1], 1)
    for indicator, variant, name in (
        ("EC02", "growth_change", economy.VALUE_ADDED),
        ("EC06", "fai_change", economy.FAI),
    ):
        if name in before:
            yield figure(indicator, variant, DISTRICT, period, now[name][1] - before[name][1], 1)
    for indicator, variant, part, whole in (
        ("EC03", "advanced", "先进制造业增加值", economy.VALUE_ADDED),
        ("EC03", "hitech", "高技术制造业增加值", economy.VALUE_ADDED),
        ("EC08", "share", economy.TAX, economy.REVENUE),
    ):
        some_of, all_of = now[part][0], now[whole][0]
        known = some_of <= all_of
        yield figure(indicator, variant, DISTRICT, period, some_of if known else 0, all_of if known else 0, 100)


def air_figures(days: air.Days, periods: list[Period], towns: list[str]) -> Iterator[Figure]:
    for period in periods:
        mine = [found for day, found in days.items() if period[2] <= day <= period[3]]
        for area in (DISTRICT, *towns):
            own = [n for n, (_, _, town) in enumerate(air.STATIONS) if area in (DISTRICT, town)]
            stations = [judged for found in mine for n, judged in found.items() if n in own]
            yield from _air_rows(period, area, "station", stations)
        yield from _air_rows(period, DISTRICT, "district", [found[air.DISTRICT] for found in mine])


def _air_rows(period: Period, area: str, variant: str, judged: list[tuple[air.Means, int | None]]) -> Iterator[Figure]:
    indices = [aqi for _, aqi in judged if aqi is not None]
    means = [m["PM2.5"] for m, _ in judged if m["PM2.5"] is not None]
    if period[0] != "day":
        yield figure("EN01", variant, area, period, sum(aqi <= 100 for aqi in indices), len(indices), 100)
    yield figure("EN02", variant, area, period, sum(means, Fraction(0)), len(means))


def figure(
    indicator: str, variant: str, area: str, period: Period, top: Number, bottom: Number | None = None, scale: int = 1
) -> Figure:
    kind, name, _, as_of = period
    value = (
        ""
        if bottom is not None and bottom <= 0
        else _text(top * scale if bottom is None else _ratio(top, bottom) * scale)
    )
    return indicator, variant, area, kind, name, as_of, _text(top), "" if bottom is None else _text(bottom), value


def _ratio(top: Number, bottom: Number) -> Fraction:
    return Fraction(top) / Fraction(bottom)


def _text(number: Number) -> str:
    return str(int(number)) if number == int(number) else f"{float(number):.8f}"


def air_truth(out: Path, days: air.Days) -> None:
    """truth/air_days.parquet: the means of PM2.5 and the AQI of each station's and the district's day."""
    rows = [
        {"stat_date": day, "station_code": air.STATIONS[n][0] if n >= 0 else "全区", "aqi": aqi,
         "pm25_mean": None if (mean := means["PM2.5"]) is None else float(mean)}
        for day, found in sorted(days.items()) for n, (means, aqi) in sorted(found.items())
    ]  # fmt: skip
    schema = pa.schema(
        [("stat_date", pa.date32()), ("station_code", pa.string()), ("aqi", pa.int64()), ("pm25_mean", pa.float64())]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), out / "truth" / "air_days.parquet", compression="zstd")
