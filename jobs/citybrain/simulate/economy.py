"""Macro-economic months (S13): cumulative figures and the growth that the statistics office states.

The growth is drawn apart from the levels, as a growth at comparable prices is. Investment has a growth and no level. In
one month the whole of the taxes stands where the taxes of the budget belong, which is more than the budget's revenue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from citybrain.simulate.dirt import Batch
from citybrain.simulate.files import Layout, Outbox, write_sheet
from citybrain.simulate.plan import LATE_BY, MACRO, Delivery, Span
from citybrain.simulate.worktime import DAY, EPOCH

HEADER = ("指标", "单位", "年份", "月份", "本月", "本月增长", "累计", "累计增长")
MACRO_LAYOUT = Layout(
    title="宏观经济月度快报",
    unit="项",
    header=HEADER,
    groups={"当月": ("本月", "本月增长"), "1至本月": ("累计", "累计增长")},
    numbers=frozenset({"年份", "月份"}),
    counted="单位",
)
VALUE_ADDED, RETAIL, REVENUE = "规上工业增加值", "社会消费品零售总额", "一般公共预算收入"
TAX, ALL_TAXES, FAI, INDUSTRY = "税收收入", "税收总额", "固定资产投资", "工业投资"
# 亿元 a month, about; None where only the growth is published
LEVELS: dict[str, float | None] = {VALUE_ADDED: 133, RETAIL: 106, REVENUE: 21.7, FAI: None, INDUSTRY: None}
PARTS = {"先进制造业增加值": (VALUE_ADDED, 0.44), "高技术制造业增加值": (VALUE_ADDED, 0.095),
         "餐饮收入": (RETAIL, 0.09), TAX: (REVENUE, 0.72), ALL_TAXES: (REVENUE, 2.05)}  # fmt: skip
PER_UNIT = {"亿元": Decimal(10_000), "万元": Decimal(1)}
MISSTATED = 4  # months from the end
Month = tuple[int, int]
Published = dict[str, tuple[Decimal | None, Decimal]]
Months = dict[Month, Published]
Row = dict[str, str | None]


def draw_months(span: Span, rng: np.random.Generator) -> Months:
    """Each month on which the office reports, from the year before on: indicator → 亿元 since January, growth."""
    last = EPOCH + timedelta(int(span.periods(MACRO)[-1]) // DAY - 1)
    months = [(year, month) for year in range(span.start.year - 1, last.year + 1) for month in range(2, 13)]
    told: Months = {}
    totals: dict[tuple[int, str], float] = {}
    for year, month in months:
        if (year, month) <= (last.year, last.month):
            told[year, month] = _month(year, month, totals, rng)
    return told


def _month(year: int, month: int, totals: dict[tuple[int, str], float], rng: np.random.Generator) -> Published:
    levels: dict[str, Decimal | None] = {}
    for name, mean in LEVELS.items():
        if mean is None:
            levels[name] = None
            continue
        months = 2 if month == 2 else 1
        grown = mean * months * 1.05 ** (year - 2025) * rng.uniform(0.93, 1.07)
        totals[year, name] = totals.get((year, name), 0.0) + grown
        levels[name] = _rounded(totals[year, name])
    for name, (whole, share) in PARTS.items():
        levels[name] = _rounded(float(levels[whole] or 0) * share * rng.uniform(0.98, 1.02))
    levels["商品零售"] = (levels[RETAIL] or Decimal(0)) - (levels["餐饮收入"] or Decimal(0))
    return {name: (level, _tenth(rng.normal(4, 6))) for name, level in levels.items()}


def _rounded(number: float) -> Decimal:
    return Decimal(f"{number:.2f}")


def _tenth(number: float) -> Decimal:
    return Decimal(f"{number:.1f}")


def macro_batch(span: Span, files: list[Delivery], months: Months) -> tuple[Batch, Months]:
    """The rows of S13, and what they say in the end: the first file tells of the past, a month is restated once."""
    ends = span.periods(MACRO)
    rows: list[tuple[int, Row]] = []
    final = {month: dict(figures) for month, figures in months.items()}
    restated = len(ends) // 2 - 1  # not the late file, and told again by the next
    wrong = list(months)[-2]  # its taxes are of another scope, so that they fall in the last month
    for month, figures in months.items():
        slot = _slot(month, ends.tolist())
        for name, (level, growth) in figures.items():
            shown = level
            if name == TAX and month == wrong:
                shown = figures[ALL_TAXES][0]
                final[month][name] = (shown, growth)
            rows.append((slot, _row(month, name, shown, growth)))
            if name == VALUE_ADDED and slot == restated > 0 and abs(restated - span.late(MACRO)) > LATE_BY:
                better = (level or Decimal(0)) + 1, growth + Decimal("0.2")
                final[month][name] = better
                rows.append((slot + 1, _row(month, name, *better)))
    slots = np.array([slot for slot, _ in rows])
    _misstate(rows)
    odd = _odd_cells(rows, [files[slot].delivered for slot in slots.tolist()])
    columns = {name: np.array([row[name] for _, row in rows], dtype=object) for name in HEADER}
    sheet = np.array([file.is_sheet for file in files])[slots]
    batch = Batch(MACRO, columns, slots, np.arange(len(rows)), sheet, np.arange(len(rows)))
    for verdict, found in odd.items():
        batch.note(np.array(found, np.int64), "累计", verdict)
    merged = np.array([n for n in _merge_years(rows) if not batch.taken[n]], np.int64)
    batch.note(merged, "年份", "X19")
    columns["年份"][merged] = None
    return batch, final


def _misstate(rows: list[tuple[int, Row]]) -> None:
    """One figure of the month before the last but one is told ten times as large; no indicator rests on it."""
    months = sorted({(int(r["年份"] or 0), int(r["月份"] or 0)) for _, r in rows})
    if len({slot for slot, _ in rows}) > MISSTATED:
        month = months[-MISSTATED]
        for _, row in rows:
            if (int(row["年份"] or 0), int(row["月份"] or 0)) == month and row["指标"] == "餐饮收入":
                row["累计"] = str(Decimal(row["累计"] or 0) * 10)


def _odd_cells(rows: list[tuple[int, Row]], told: list[datetime]) -> dict[str, list[int]]:
    """The cells that their own series speaks against, each compared with what had been told until then."""
    known: dict[tuple[str, int, int], Decimal] = {}
    odd: dict[str, list[int]] = {"X13": [], "X17": []}
    for moment in sorted(set(told)):
        mine = [(n, row) for n, (_, row) in enumerate(rows) if told[n] == moment and row["累计"]]
        keys = {n: (str(row["指标"]), int(row["年份"] or 0), int(row["月份"] or 0)) for n, row in mine}
        known |= {keys[n]: Decimal(row["累计"] or 0) * PER_UNIT[row["单位"] or ""] for n, row in mine}
        for n, _ in mine:
            name, year, month = keys[n]
            value, ago = known[keys[n]], known.get((name, year - 1, month))
            if ago and not Decimal("0.2") < value / ago < 5:
                odd["X13"].append(n)
            before = [m for (other, y, m) in known if (other, y) == (name, year) and m < month]
            if before and value < known[name, year, max(before)]:
                odd["X17"].append(n)
    return odd


def _merge_years(rows: list[tuple[int, Row]]) -> list[int]:
    """Rows whose year is that of the row above them in the same file, in one file out of two: there it is left out."""
    above = {slot: -1 for slot, _ in rows}
    merged = []
    for n, (slot, row) in enumerate(rows):
        if above[slot] >= 0 and slot % 2 and rows[above[slot]][1]["年份"] == row["年份"]:
            merged.append(n)
        above[slot] = n
    return merged


def refused(box: Outbox) -> Iterator[tuple[str, str, str]]:
    """Hands in two files that must not be taken, each before the right one: the month before in the new month's form,
    and a month in another unit than it says. Gives name, verdict and the file that is right."""
    regular = [file for file in box.files if file.slot != 0]
    if len(regular) < 4:
        return
    for file, verdict in ((regular[-1], "X34 错期"), (regular[-2], "X13 整表")):
        name = file.name.replace(f"{file.delivered:%Y%m%d_%H%M}", f"{file.delivered - timedelta(hours=1):%Y%m%d_%H%M}")
        wrong = replace(file, name=name.replace(".xlsx", "_有误.xlsx"))
        source = box.rows_of(regular[-2] if verdict == "X34 错期" else file)
        rows = source if verdict == "X34 错期" else [_in_wan(row) for row in source]
        write_sheet(wrong.path(box.out), box.layout, wrong, rows, len(rows))
        yield wrong.name, verdict, file.name


def _in_wan(row: Sequence[str | None]) -> list[str | None]:
    """The row with its cumulative figure in a unit ten thousand times as small, and the old unit beside it."""
    shown = list(row)
    place = HEADER.index("累计")
    text = (shown[place] or "").replace(",", "")
    if text.replace(".", "", 1).isdigit():
        shown[place] = f"{Decimal(text) * 10_000:f}"
    return shown


def _slot(month: Month, ends: list[int]) -> int:
    after = date(month[0] + month[1] // 12, month[1] % 12 + 1, 1)
    seconds = (after - EPOCH).days * DAY
    return max(ends.index(seconds) if seconds in ends else 0, 0)


def _row(month: Month, name: str, level: Decimal | None, growth: Decimal) -> Row:
    """Taxes are stated in 万元, the others in 亿元."""
    in_wan = name in (TAX, ALL_TAXES)
    shown = None if level is None else f"{level * 10_000:.0f}" if in_wan else str(level)
    unit = None if level is None else "万元" if in_wan else "亿元"
    year, number = month
    return {"指标": name, "单位": unit, "年份": str(year), "月份": str(number), "本月": None, "本月增长": None,
            "累计": shown, "累计增长": str(growth)}  # fmt: skip
