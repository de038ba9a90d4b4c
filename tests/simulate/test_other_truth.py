"""Market entities, macro-economic months and air: the figures follow from what was delivered, read plainly."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean

import pytest

from tests.simulate.inbox import moment, rows, text

Figures = dict[tuple[str, ...], dict[str, str]]
DISTRICT = "440605"
MONTHS = tuple(f"2026-{month:02d}" for month in range(2, 11))
FULLS = "market__entity_full"
LIVE = {"存续", "在营", "开业", "在业"}
LOST = ("quarantine", "set_aside")


def figure(figures: Figures, *key: str) -> float | None:
    found = figures[key]["value"]
    return float(found) if found else None


def delivered(district: Path, table: str, defects: list[dict[str, str]]) -> list[dict[str, object]]:
    """The rows that a perfect pipeline takes, in the order of delivery."""
    lost = {(d["file"], d["row"]) for d in defects if d["table"] == table and d["verdict"] in LOST}
    repeated = {d["file"] for d in defects if d["verdict"] in ("already", "refused")}
    paths = sorted(path for path in (district / "inbox" / table).iterdir() if path.name not in repeated)
    if table == FULLS:
        paths = list({span_of(path): path for path in paths}.values())  # of a date the one delivered last
    return [row for path in paths for number, row in rows(path) if (path.name, str(number)) not in lost]


def span_of(path: Path) -> str:
    return path.stem.split("_")[4]


def test_the_stock_is_what_the_full_of_the_month_s_end_holds(
    district: Path, defects: list[dict[str, str]], figures: Figures
) -> None:
    stock: Counter[str] = Counter()
    firms: Counter[str] = Counter()
    for row in delivered(district, "market__entity_full", defects):
        month = str(row["数据日期"])[:7]
        stock[month] += row["登记状态"] in LIVE
        firms[month] += row["登记状态"] in LIVE and str(row["统一社会信用代码"]).startswith("91")
    for month in MONTHS:
        assert stock[month] == figure(figures, "MK01", "all", DISTRICT, month)
        assert firms[month] == figure(figures, "MK01", "firms", DISTRICT, month)
    assert stock["2026-01"]


def test_one_full_is_delivered_anew_and_the_truth_takes_nothing_of_the_first(
    district: Path, defects: list[dict[str, str]], figures: Figures
) -> None:
    (better,) = (district / "inbox" / FULLS).glob("*_更正.csv")
    (wrong,) = (p for p in better.parent.iterdir() if span_of(p) == span_of(better) and p != better)
    assert wrong.name < better.name
    first, second = ({row["统一社会信用代码"]: row["登记状态"] in LIVE for _, row in rows(p)} for p in (wrong, better))
    assert first.keys() == second.keys()
    struck_off = [code for code in second if second[code] and not first[code]]
    assert len(struck_off) > 10
    month = "-".join(re.findall(r"截至(\d{4})(\d\d)", better.name)[0])
    assert sum(second.values()) == figure(figures, "MK01", "all", DISTRICT, month)
    gone = {d["file"] for d in defects if d["table"] == FULLS and d["verdict"] in ("already", "refused")}
    assert not gone & {wrong.name, better.name}, "both are taken"


def test_the_stock_changes_by_what_enters_and_leaves(figures: Figures, district: Path) -> None:
    changes = [figure(figures, "MK02", "net_with_moves", DISTRICT, month) for month in MONTHS]
    stocks = [figure(figures, "MK01", "all", DISTRICT, month) for month in MONTHS]
    for before, now, change in zip(stocks, stocks[1:], changes[1:], strict=False):
        assert before is not None
        assert change is not None
        assert now == before + change
    assert any(changes)


def test_some_move_away_and_say_so_and_some_are_merely_gone(district: Path, defects: list[dict[str, str]]) -> None:
    states = defaultdict(list)
    for row in delivered(district, "market__entity", defects):
        states[text(row["统一社会信用代码"])].append(row["登记状态"])
    held = defaultdict(set)
    for row in delivered(district, "market__entity_full", defects):
        held[text(row["统一社会信用代码"])].add(str(row["数据日期"]))
    days = set.union(*held.values())
    gone = {code for code, on in held.items() if max(on) < max(days)}
    said = {code for code, found in states.items() if "迁出" in found}
    assert gone - said, "nobody moved away silently"
    assert said, "nobody said that they moved away"


def test_a_month_s_figures_are_those_delivered_last(
    district: Path, defects: list[dict[str, str]], figures: Figures
) -> None:
    last: dict[tuple[str, str], dict[str, object]] = {}
    year: object = None
    for row in delivered(district, "economy__monthly", defects):
        row["年份"] = year = row["年份"] or year  # a merged cell is written once
        name = {"规模以上工业增加值": "规上工业增加值"}.get(str(row["指标"]), str(row["指标"]))
        last[name, f"{row['年份']:.0f}-{int(str(row['月份'])):02d}"] = row  # type: ignore[str-format]
    judged = [month for month in MONTHS if ("EC02", "level", DISTRICT, month) in figures]
    assert judged == list(MONTHS[:-1]), "October is reported in November"
    for month in judged:
        added, tax, revenue = (last[name, month] for name in ("规上工业增加值", "税收收入", "一般公共预算收入"))
        assert number(added["累计"]) == figure(figures, "EC02", "level", DISTRICT, month)
        assert number(added["累计增长"]) == figure(figures, "EC02", "growth", DISTRICT, month)
        assert text(last["固定资产投资", month]["累计"]) is None
        share = number(tax["累计"]) / 10_000 / number(revenue["累计"]) * 100
        assert figure(figures, "EC08", "share", DISTRICT, month) == (pytest.approx(share) if share <= 100 else None)
    assert any(figure(figures, "EC08", "share", DISTRICT, month) is None for month in judged), "GV9 is not planted"


def number(value: object) -> float:
    return float(re.sub("[,+%↑]", "", str(value)).replace("↓", "-"))


def test_a_day_s_mean_is_that_of_its_hours_and_midnight_belongs_to_the_day_before(
    district: Path, defects: list[dict[str, str]], figures: Figures
) -> None:
    values = defaultdict(list)
    for row in delivered(district, "environment__air_hour", defects):
        shown = str(row["监测时间"])
        ended = moment(shown.replace(" 24:00", " 00:00"))
        assert ended is not None
        day = ended.date() if " 24:00" in shown else (ended - timedelta(hours=1)).date()
        if text(row["PM2.5"]) not in (None, "-99", "9999"):
            values[day, row["站点编码"]].append(float(str(row["PM2.5"])))
    days = [date(2026, 10, 1) + timedelta(n) for n in range(31)]
    for day in days:
        stations = [fmean(found) for (d, _), found in values.items() if d == day and len(found) >= 20]
        assert figure(figures, "EN02", "district", DISTRICT, str(day)) == pytest.approx(fmean(stations), abs=1e-6)
        assert figure(figures, "EN02", "station", DISTRICT, str(day)) == pytest.approx(fmean(stations), abs=1e-6)
    good = figures["EN01", "district", DISTRICT, "2026-10"]
    assert float(good["numerator"]) <= float(good["denominator"]) <= 31
