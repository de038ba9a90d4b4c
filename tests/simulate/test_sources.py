"""The smaller sources: what is told of them in the end follows from what was sent, read plainly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from citybrain.simulate.city import CODES
from tests.simulate.conftest import read
from tests.simulate.inbox import moment, rows, text
from tests.simulate.test_other_truth import DISTRICT, MONTHS, Figures, delivered, figure

Row = dict[str, Any]
LEVELS = (("1", "★", "非常不满意"), ("2", "二星", "不满意"), ("3", "3星", "基本满意"), ("4", "四星", "★★★★", "满意"),
          ("5", "五星", "★★★★★", "非常满意"))  # fmt: skip
STARS = {level: stars for stars, levels in enumerate(LEVELS, 1) for level in levels}
Defects = list[dict[str, str]]


def truth(district: Path, name: str) -> list[Row]:
    return parquet.read_table(district / "truth" / f"{name}.parquet").to_pylist()


def last_of(found: list[Row], key: str, ended: str) -> dict[str, Row]:
    """Of each thing the row that tells of its end, else the only one."""
    rows: dict[str, Row] = {}
    for row in sorted(found, key=lambda row: str(moment(row[ended]) or "")):
        rows[str(text(row[key]))] = row
    return rows


def test_the_rates_of_the_hotline_are_those_of_its_days(district: Path, defects: Defects, figures: Figures) -> None:
    days = {str(moment(row["统计日期"]))[:10]: row for row in delivered(district, "hotline__call_day", defects)}

    def total(name: str, month: str) -> int:
        return sum(int(str(text(row[name])).replace(",", "")) for day, row in days.items() if day.startswith(month))

    for month in MONTHS:
        inbound, agent, answered, quick = (
            total(name, month) for name in ("呼入量", "进入人工量", "接通量", "15秒内接通量")
        )
        assert inbound > agent > answered > quick > 0
        assert figure(figures, "HL01", "calls", DISTRICT, month) == inbound
        assert figure(figures, "HL01", "agent", DISTRICT, month) == pytest.approx(answered / agent * 100)
        assert figure(figures, "HL02", "answered", DISTRICT, month) == pytest.approx(quick / answered * 100)


def test_one_file_tells_the_wait_in_minutes_and_the_truth_in_seconds(district: Path, defects: Defects) -> None:
    told = {str(row["stat_date"]): row["mean_wait_seconds"] for row in truth(district, "calls")}
    minutes = "平均等待秒数（分钟）"
    (path,) = {d["file"] for d in defects if d["column"] == minutes and d["rule"] == "X13"}
    planted = {int(d["row"]): d for d in defects if d["file"] == path and d["rule"] == "X13"}
    for number, row in rows(district / "inbox" / "hotline__call_day" / path):
        if number in planted:
            seconds = float(str(row[minutes])) * 60
            assert seconds == pytest.approx(told[str(row["统计日期"])], abs=1e-3)
            assert float(planted[number]["value"]) == told[str(row["统计日期"])]
    assert len(planted) > 80


def test_ratings_are_those_delivered_and_of_known_cases(district: Path, defects: Defects, figures: Figures) -> None:
    cases = {row["case_id"]: row for row in truth(district, "cases")}
    found = last_of(delivered(district, "services__rating", defects), "评价编号", "整改时间")
    told = {row["rating_id"]: row for row in truth(district, "ratings")}
    assert found.keys() == told.keys()
    for number, row in told.items():
        sent = found[number]
        assert row["rating_stars"] == STARS.get(str(text(sent["评价等级"])))
        assert row["rated_at"] == moment(sent["评价时间"])
        assert row["rectified_at"] == moment(sent["整改时间"])
        case = cases.get(str(sent["办件编号"]))
        assert ("orphan_case" in row["quality_flags"]) == (case is None)
        assert row["town_code"] == (case["town_code"] if case else None)
    bad = [row for row in told.values() if row["rating_stars"] in (1, 2)]
    assert sum(figure(figures, "GS10", "bad", DISTRICT, month) or 0 for month in MONTHS) == len(bad) > 10
    assert any("orphan_case" in row["quality_flags"] for row in told.values())


def test_what_people_confide_is_kept_without_its_numbers(district: Path, defects: Defects) -> None:
    found = last_of(delivered(district, "services__rating", defects), "评价编号", "整改时间")
    kept = [row for row in truth(district, "ratings") if row["redaction_count"]]
    assert kept
    for row in kept:
        said = str(found[row["rating_id"]]["评价内容"])
        assert sum(letter.isdigit() for letter in said) > 4 * row["redaction_count"]
        assert not any(letter.isdigit() for letter in row["rating_text"])
        assert row["rating_text"].count("〔") == row["redaction_count"]


def test_a_case_of_the_city_management_is_the_work_order_of_its_number(district: Path, defects: Defects) -> None:
    orders = {text(row["来源工单号"]): row for row in delivered(district, "centre__work_order", defects)}
    found = last_of(delivered(district, "urban__case", defects), "rec_id", "archive_time")
    told = truth(district, "urban")
    assert found.keys() == {row["rec_id"] for row in told}
    same = [row for row in told if row["source_no"] in orders]
    assert len(same) > 0.95 * len(told)
    for row in same:
        order = orders[row["source_no"]]
        assert row["minor_category_code"] in (None, text(order["小类码"]))
        villages = row["village_code"], text(order["村居码"])
        assert None in villages or villages[0] == villages[1]
        assert row["reported_at"] == moment(order["上报时间"])


def test_three_dashes_are_a_case_that_is_being_handled(district: Path, defects: Defects) -> None:
    found = last_of(delivered(district, "urban__case", defects), "rec_id", "archive_time")
    for row in truth(district, "urban"):
        sent = found[row["rec_id"]]
        dashes = [sent[f"{kind}_archive_num"] == "-" for kind in ("intime_to", "intime", "overtime")]
        assert all(dashes) == (row["archive_state"] in ("处置中", "作废"))
        assert (sent["archive_num"] == "1") == (row["archive_state"] in ("按期结案", "超期结案"))
    assert {row["archive_state"] for row in truth(district, "urban")} >= {"按期结案", "超期结案", "处置中", "作废"}


def test_an_order_of_the_hotline_is_the_work_order_of_its_number(district: Path, defects: Defects) -> None:
    orders = {text(row["来源工单号"]): row for row in delivered(district, "centre__work_order", defects)}
    found = last_of(delivered(district, "hotline__order", defects), "工单编号", "办结时间")
    told = truth(district, "hotline")
    assert found.keys() == {row["source_no"] for row in told}
    same = [row for row in told if row["source_no"] in orders]
    assert len(same) > 0.95 * len(told)
    for row in same:
        order, sent = orders[row["source_no"]], found[row["source_no"]]
        assert row["minor_category_code"] in (None, text(order["小类码"]))
        assert "->".join(row[f"question_level_{n}"] for n in (1, 2, 3)) == re.sub(
            "/|—| > |＞|-->", "->", sent["问题分类"]
        )
        assert row["hotline_closed_at"] == moment(sent["办结时间"])
        unknown = sent["来电人"] in ("保密", "不详", "", None) or sent["来电人电话/账号"] in ("××××", "", None)
        assert row["is_withheld"] == unknown


def test_of_two_codes_at_one_spot_the_one_surveyed_last_is_not_flagged(district: Path, defects: Defects) -> None:
    found = {str(text(row["部件编码"])): row for row in delivered(district, "urban__component", defects)}
    told = {row["component_code"]: row for row in truth(district, "components")}
    assert found.keys() == told.keys()
    older = [row for row in told.values() if "resurveyed" in row["quality_flags"]]
    assert older
    for row in older:
        same = [o for o in told.values() if (o["plane_x"], o["plane_y"]) == (row["plane_x"], row["plane_y"])]
        newest = max(same, key=lambda one: one["surveyed_date"])
        assert len(same) == 2
        assert row["surveyed_date"] < newest["surveyed_date"]
        assert row["minor_category_code"] == newest["minor_category_code"]
        assert "resurveyed" not in newest["quality_flags"]


def test_an_incident_lies_in_the_town_of_its_address(district: Path, defects: Defects) -> None:
    found = {str(text(row["警情编号"])): row for row in delivered(district, "fire__incident", defects)}
    told = truth(district, "fire")
    assert found.keys() == {row["incident_no"] for row in told}
    towns = {row["镇街代码"]: row["简称"] for row in read(CODES / "town.csv")}
    for row in told:
        sent = found[row["incident_no"]]
        assert row["occurred_at"] == moment(sent["时间"])
        away = "禅城区" in str(sent["地址"])
        assert (row["town_code"] is None) == away == ("outside_district" in row["quality_flags"])
        assert away or towns[row["town_code"]] in str(sent["地址"])
        swapped = "swapped_coordinates" in row["quality_flags"]
        if row["lon"] is not None:
            assert float(str(sent["纬度" if swapped else "经度"])) == row["lon"]
    assert any(row["lon"] is None for row in told)
