"""The figures: they partition, they add up, and a few are counted again by hand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

NEVER = datetime.fromisoformat("9999-12-31")
Figures = dict[tuple[str, ...], dict[str, str]]
TOWNS = ("440605011", "440605121", "440605122", "440605123", "440605124", "440605125", "440605126")
MONTHS = tuple(f"2026-{month:02d}" for month in range(2, 11))


def number(
    figures: Figures, indicator: str, variant: str, period: str, area: str = "440605", of: str = "numerator"
) -> float:
    return float(figures[indicator, variant, area, period][of] or 0)


@pytest.fixture(scope="module")
def orders(district: Path) -> list[dict[str, Any]]:
    return parquet.read_table(district / "truth" / "orders.parquet").to_pylist()


def last_instant(period: str) -> datetime:
    year, month = int(period[:4]), int(period[5:])
    first = date(year + month // 12, month % 12 + 1, 1)
    return datetime.combine(first, time()) - timedelta(seconds=1)


def test_every_indicator_has_every_area_and_period(figures: Figures) -> None:
    indicators = {key[0] for key in figures if key[0].startswith(("WO", "GS"))}
    assert indicators == {f"WO{n:02d}" for n in (1, 2, 3, 5, 6, 7, 8, 9, 10, 13)} | {"GS01", "GS08", "GS09", "GS10"}
    others = {key[0] for key in figures} - indicators
    assert others == {
        "MK01",
        "MK02",
        "MK03",
        "EC02",
        "EC03",
        "EC05",
        "EC06",
        "EC07",
        "EC08",
        "EN01",
        "EN02",
        "HL01",
        "HL02",
    }
    for indicator in indicators - {"GS08"}:
        assert {key[2] for key in figures if key[0] == indicator} == {"440605", *TOWNS}
        kinds = [row["period_kind"] for key, row in figures.items() if key[0] == indicator and key[2] == "440605"]
        variants = len({key[1] for key in figures if key[0] == indicator})
        assert (kinds.count("day"), kinds.count("month"), kinds.count("year")) == (
            60 * variants,
            9 * variants,
            variants,
        )


@pytest.mark.parametrize(("indicator", "variant"), [("WO01", "reported"), ("WO05", "count"), ("GS01", "received")])
def test_towns_and_the_unmatched_make_the_district(figures: Figures, indicator: str, variant: str) -> None:
    for month in MONTHS:
        towns = sum(number(figures, indicator, variant, month, town) for town in TOWNS)
        whole = number(figures, indicator, variant, month)
        assert 0 <= whole - towns <= 0.06 * whole


def test_months_of_own_dates_make_the_year(figures: Figures) -> None:
    for indicator, variant in (("WO01", "reported"), ("WO01", "accepted"), ("WO02", "count"), ("GS01", "finished")):
        months = sum(number(figures, indicator, variant, month) for month in MONTHS)
        assert months == number(figures, indicator, variant, "2026")


def test_days_make_their_month(figures: Figures) -> None:
    days = [f"2026-10-{day:02d}" for day in range(1, 32)]
    assert sum(number(figures, "WO01", "reported", day) for day in days) == number(
        figures, "WO01", "reported", "2026-10"
    )
    # On-time closures are known on their day; a cohort's later cancellations leave it only as of a later day.
    on_time = sum(number(figures, "WO08", "due_once", day) for day in days)
    assert on_time == number(figures, "WO08", "due_once", "2026-10")


def test_every_order_is_in_exactly_one_state_at_the_end_of_a_month(
    figures: Figures, orders: list[dict[str, Any]]
) -> None:
    for month in MONTHS:
        now = last_instant(month)
        states = {"unaccepted": 0, "unfiled": 0, "not_filed": 0, "in_time": 0, "overdue": 0, "hung": 0, "on_time": 0,
                  "late": 0, "cancelled": 0}  # fmt: skip
        known = [order for order in orders if order["reported_at"] <= now]
        for order in known:
            states[state(order, now)] += 1
        assert sum(states.values()) == len(known)
        assert len(known) == sum(number(figures, "WO01", "reported", m) for m in MONTHS if m <= month)
        # All cohorts up to now: closed in time, closed late, overdue or suspended after the deadline.
        if month == MONTHS[-1]:
            due = number(figures, "WO08", "due_once", "2026", of="denominator")
            hung_due = sum(state(order, now) == "hung" and order["final_deadline_at"] <= now for order in known)
            assert due == states["on_time"] + states["late"] + states["overdue"] + hung_due
            assert number(figures, "WO08", "due_once", "2026") == states["on_time"]


def state(order: dict[str, Any], now: datetime) -> str:
    def done(name: str) -> bool:
        return order[name] is not None and order[name] <= now

    if done("cancelled_at"):
        return "cancelled"
    if done("not_filed_at"):
        return "not_filed"
    if done("closed_at"):
        return "on_time" if order["closed_at"] <= order["final_deadline_at"] else "late"
    if done("suspended_from") and not done("suspended_to"):
        return "hung"
    if not done("filed_at"):
        return "unfiled" if done("accepted_at") else "unaccepted"
    return "overdue" if order["final_deadline_at"] <= now else "in_time"


def test_cohorts_counted_again_by_hand(figures: Figures, orders: list[dict[str, Any]]) -> None:
    for month in MONTHS:
        now = last_instant(month)
        begin = datetime.fromisoformat(f"{month}-01")
        for stage, indicator, variant in (("closed_at", "WO08", "due_once"), ("disposed_at", "WO06", "rate")):
            due = done = on_time = 0
            for order in orders:
                final = order["final_deadline_at"]
                if final is None or order["not_filed_at"] or (order["cancelled_at"] or NEVER) <= now:
                    continue
                if begin <= min(order[stage] or NEVER, final) <= now:
                    due += 1
                    done += order[stage] is not None and order[stage] <= now
                    on_time += order[stage] is not None and order[stage] <= final
            assert number(figures, indicator, variant, month, of="denominator") == due
            assert number(figures, indicator, variant, month) == on_time
            assert (
                number(
                    figures, {"closed_at": "WO07"}.get(stage, "WO05"), {"closed_at": "due"}.get(stage, "rate"), month
                )
                == done
            )


def test_carried_orders_are_those_overdue_when_the_month_began(figures: Figures, orders: list[dict[str, Any]]) -> None:
    for before, month in pairwise(MONTHS):
        eve = last_instant(before)
        overdue = sum(state(order, eve) == "overdue" for order in orders if order["reported_at"] <= eve)
        carried = number(figures, "WO08", "due_carry", month, of="denominator")
        assert carried - number(figures, "WO08", "due_once", month, of="denominator") == overdue


def test_handling_time_is_the_mean_of_orders_in_good_order(figures: Figures, orders: list[dict[str, Any]]) -> None:
    for month in MONTHS:
        mine = [o for o in orders if o["disposed_at"] and f"{o['disposed_at']:%Y-%m}" == month]
        natural = [o["handling_natural_seconds"] for o in mine if o["handling_natural_seconds"] is not None]
        assert len(natural) < len(mine) or not any(o["time_order_violation"] for o in mine)
        row = figures["WO13", "natural_mean", "440605", month]
        assert (float(row["numerator"]), float(row["denominator"])) == (sum(natural), len(natural))
        assert float(row["value"]) == pytest.approx(sum(natural) / len(natural) / 3600)
        middle = sorted(natural)[-(-len(natural) // 2) - 1]
        assert float(figures["WO13", "natural_p50", "440605", month]["value"]) == pytest.approx(middle / 3600)


def test_ratios_are_per_cent_of_their_parts(figures: Figures) -> None:
    for key, row in figures.items():
        if row["denominator"] and row["value"] and key[0] != "WO13" and key[0].startswith(("WO", "GS")):
            assert float(row["value"]) == pytest.approx(float(row["numerator"]) / float(row["denominator"]) * 100)
        if row["denominator"] == "0":
            assert row["value"] == ""


def test_case_cohorts_partition(figures: Figures) -> None:
    for month in MONTHS:
        early, on_time, overdue = (figures["GS09", v, "440605", month] for v in ("early", "on_time", "overdue"))
        assert float(on_time["numerator"]) + float(overdue["numerator"]) == float(on_time["denominator"])
        assert float(early["numerator"]) <= float(on_time["numerator"])


def test_the_worst_town_is_explained_by_one_unit_and_category(orders: list[dict[str, Any]]) -> None:
    def late_share(mine: list[dict[str, Any]]) -> float:
        return sum(o["closed_at"] > o["final_deadline_at"] for o in mine) / len(mine)

    closed = [order for order in orders if order["closed_at"]]
    by_town = {town: late_share([o for o in closed if o["town_code"] == town]) for town in TOWNS}
    assert max(by_town, key=lambda town: by_town[town]) == "440605125"
    guilty = [o for o in closed if o["handling_unit"] == "440605125-02" and o["major_category_code"] == "05"]
    rest = [o for o in closed if o["town_code"] == "440605125" and o not in guilty]
    assert late_share(guilty) > 2 * late_share(rest)


def test_days_differ_as_days_do(orders: list[dict[str, Any]]) -> None:
    counts: dict[date, int] = {}
    for order in orders:
        counts[order["reported_at"].date()] = counts.get(order["reported_at"].date(), 0) + 1
    storm = counts[date(2026, 9, 18)]
    assert storm == max(counts.values())
    holidays = [counts.get(date(2026, 10, day), 0) for day in range(1, 8)]
    ordinary = [counts.get(date(2026, 10, day), 0) for day in (12, 13, 14, 15, 16, 19, 20)]
    assert sum(holidays) < 0.7 * sum(ordinary)
    fallen = [o for o in orders if o["reported_at"].date() == date(2026, 9, 18) and o["minor_category_code"] == "0905"]
    assert len(fallen) > 3
