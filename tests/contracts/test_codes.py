"""The code lists hold together: codes, days, rules and trees. Golden vectors GV16b and GV17."""

import csv
from collections import Counter
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import pytest

CODES = Path(__file__).parents[2] / "schemas" / "codes"
DISTRICT = "440605"
HEADERS = {
    "town": "镇街代码,镇街名称,简称,生效日期,失效日期,经度,纬度",
    "village": "村居代码,村居名称,镇街代码,类别,是否村居大脑,生效日期,失效日期",
    "calendar_day": "日期,类别,是否工作日,依据,是否暂定",
    "category": "大类码,大类名称,小类码,小类名称,部件或事件",
    "deadline_rule": "规则编号,来源渠道,诉求类型,大类码,紧急程度,时限类型,时限值,顺延方式,生效日期,失效日期",
    "department": "部门代码,部门名称,上级代码,类别,生效日期,失效日期",
    "population": "年份,区划代码,常住人口,管理人口,面积平方公里,来源",
    "place_name": "地名,地名类别,镇街代码,生效日期,失效日期",
    "industry": "行业门类,行业名称,首大类,末大类,生效日期,失效日期",
    "boundary": "区划代码,示意边界",
}
# From the least to the most telling condition: of two rules that fit, the one wins that names the later of these.
CONDITIONS = ("来源渠道", "诉求类型", "大类码", "紧急程度")
ASKED = {
    "来源渠道": ["电话", "网络", "微信", "网格员上报", "视频", "物联网", "来信来访"],
    "诉求类型": ["咨询", "求助", "投诉", "举报", "建议"],
    "紧急程度": ["一般", "紧急", "特急"],
}


def code_list(name):
    with (CODES / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def current(name):
    return [row for row in code_list(name) if not row["失效日期"]]


@pytest.mark.parametrize("name", HEADERS)
def test_the_files_are_plain_utf8_with_the_headers_of_their_contract(name):
    text = (CODES / f"{name}.csv").read_bytes().decode("utf-8")
    assert text.split("\n", 1)[0] == HEADERS[name]
    assert "\r" not in text
    assert all(None not in row and None not in row.values() for row in code_list(name))


@pytest.mark.parametrize(
    ("name", "key"),
    [("town", "镇街代码"), ("village", "村居代码"), ("calendar_day", "日期"), ("category", "小类码"),
     ("deadline_rule", "规则编号"), ("department", "部门代码")],
)  # fmt: skip
def test_every_code_stands_once(name, key):
    codes = [row[key] for row in code_list(name)]
    assert [code for code, times in Counter(codes).items() if times > 1] == []


def test_villages_lie_in_towns_and_290_of_307_have_a_brain():
    towns = {row["镇街代码"] for row in current("town")}
    villages = code_list("village")
    assert (len(towns), len(villages)) == (7, 307)
    assert all(row["村居代码"][:9] == row["镇街代码"] and row["镇街代码"] in towns for row in villages)
    assert Counter((row["是否村居大脑"], row["类别"] == "类似区域") for row in villages) == {
        ("是", False): 290,
        ("否", True): 17,
    }
    assert all((row["类别"] == "类似区域") == (row["村居代码"][9:] >= "401") for row in villages)


def test_a_village_name_is_one_name_within_its_town():
    assert max(Counter((row["镇街代码"], row["村居名称"]) for row in code_list("village")).values()) == 1


def test_gv17_songgang_is_in_shishan_and_a_manhole_cover_has_a_limit():
    (songgang,) = (row for row in code_list("village") if row["村居名称"] == "松岗社区")
    assert songgang["镇街代码"] == "440605124"
    (cover,) = (row for row in code_list("category") if row["小类名称"] == "井盖")
    assert (cover["大类名称"], cover["部件或事件"]) == ("公用设施", "部件")
    order = {"来源渠道": "网格员上报", "诉求类型": "投诉", "大类码": cover["大类码"], "紧急程度": "一般"}
    assert most_specific(fitting(order, "2026-03-01"))["时限类型"] == "work_hour"


def test_luocun_is_known_as_a_code_that_has_ended():
    (luocun,) = (row for row in code_list("town") if row["镇街代码"] == "440605012")
    assert luocun["失效日期"]


# The calendar.


def test_the_calendar_has_every_day_of_ten_years():
    days = [date.fromisoformat(row["日期"]) for row in code_list("calendar_day")]
    assert days == [date(2018, 1, 1) + timedelta(i) for i in range(len(days))]
    assert days[-1] == date(2027, 12, 31)


def test_the_kind_of_a_day_tells_whether_it_is_worked():
    for row in code_list("calendar_day"):
        weekend = date.fromisoformat(row["日期"]).weekday() >= 5
        assert row["是否工作日"] == ("是" if row["类别"] in ("工作日", "调休上班") else "否")
        assert {"工作日": not weekend, "周末": weekend, "调休上班": weekend, "法定节假日": True}[row["类别"]]
        assert row["依据"]


def test_gv16b_and_other_days_from_the_notices():
    kinds = {row["日期"]: (row["类别"], row["是否暂定"]) for row in code_list("calendar_day")}
    assert kinds["2026-10-10"] == ("调休上班", "否")
    assert kinds["2027-01-04"] == ("工作日", "是")
    assert kinds["2020-01-31"] == ("法定节假日", "否")  # the Spring Festival that was made longer
    assert kinds["2022-10-08"] == ("调休上班", "否")
    assert kinds["2025-10-06"] == ("法定节假日", "否")
    assert kinds["2024-02-17"] == ("法定节假日", "否")  # a Saturday within the Spring Festival
    assert {day[:4] for day, (_, provisional) in kinds.items() if provisional == "是"} == {"2027"}
    assert not [day for day, (kind, _) in kinds.items() if day[:4] == "2027" and kind not in ("工作日", "周末")]


@pytest.mark.parametrize(("year", "workdays"), [(2018, 250), (2019, 250), (2021, 250), (2024, 251), (2025, 248)])
def test_the_years_have_the_working_days_that_their_notices_give(year, workdays):
    days = [row for row in code_list("calendar_day") if row["日期"].startswith(str(year))]
    assert sum(row["是否工作日"] == "是" for row in days) == workdays


# Categories and deadlines.


def test_a_minor_category_begins_with_its_major_one():
    rows = code_list("category")
    assert all(len(row["大类码"]) == 2 and len(row["小类码"]) == 4 for row in rows)
    assert all(row["小类码"].startswith(row["大类码"]) for row in rows)
    majors = {(row["大类码"], row["大类名称"], row["部件或事件"]) for row in rows}
    assert len(majors) == len({code for code, _, _ in majors})  # one name and one kind to a code


def valid(row, day):
    return row["生效日期"] <= day and (not row["失效日期"] or day < row["失效日期"])


def fitting(order, day):
    return [
        row
        for row in code_list_of_rules
        if valid(row, day) and all(row[condition] in ("*", order[condition]) for condition in CONDITIONS)
    ]


def specificity(rule):
    return sum((rule[condition] != "*") << place for place, condition in enumerate(CONDITIONS))


def most_specific(rules):
    best = max(map(specificity, rules))
    (rule,) = (rule for rule in rules if specificity(rule) == best)
    return rule


code_list_of_rules = code_list("deadline_rule")


def test_every_order_finds_exactly_one_most_specific_rule_on_every_day():
    majors = sorted({row["大类码"] for row in code_list("category")})
    turning_days = sorted({row[name] for row in code_list_of_rules for name in ("生效日期", "失效日期")} - {""})
    days = ["2018-01-01", *turning_days, "2027-12-31"]
    days += [str(date.fromisoformat(day) - timedelta(1)) for day in turning_days if day > "2018-01-01"]
    for day in sorted(set(days)):
        for values in product(*(majors if c == "大类码" else ASKED[c] for c in CONDITIONS)):
            rules = fitting(dict(zip(CONDITIONS, values, strict=True)), day)
            assert most_specific(rules), (day, values)


def test_the_rules_use_known_words_and_all_four_types():
    majors = {row["大类码"] for row in code_list("category")}
    for rule in code_list_of_rules:
        for condition in CONDITIONS:
            known = majors if condition == "大类码" else ASKED[condition]
            assert rule[condition] == "*" or rule[condition] in known, rule
        assert rule["顺延方式"] in ("none", "next")
        assert rule["顺延方式"] == "none" or rule["时限类型"] == "natural_day"
        assert int(rule["时限值"]) >= 1
    assert {rule["时限类型"] for rule in code_list_of_rules} == {"urgent_hour", "work_hour", "work_day", "natural_day"}


# Departments and population.


def test_departments_are_a_tree_under_the_district():
    parents = {row["部门代码"]: row["上级代码"] for row in code_list("department")}
    assert [code for code, parent in parents.items() if not parent] == [DISTRICT]
    for code in parents:
        path = [code]
        while parents[path[-1]]:
            path.append(parents[path[-1]])
            assert len(path) <= 3, path
        assert path[-1] == DISTRICT


def test_every_town_and_every_village_committee_can_be_given_an_order():
    departments = {row["部门代码"]: row for row in code_list("department")}
    for town in current("town"):
        assert departments[town["镇街代码"]]["类别"] == "镇街"
    committees = {row["村居代码"]: row["镇街代码"] for row in current("village") if row["是否村居大脑"] == "是"}
    assert {code: row["上级代码"] for code, row in departments.items() if row["类别"] == "村居"} == committees


def test_the_towns_add_up_to_the_district_in_every_year():
    rows = code_list("population")
    towns = {row["镇街代码"] for row in current("town")}
    for year in map(str, range(2020, 2026)):
        of_year = {row["区划代码"]: row for row in rows if row["年份"] == year}
        assert set(of_year) == towns | {DISTRICT}
        assert sum(int(of_year[town]["常住人口"]) for town in towns) == int(of_year[DISTRICT]["常住人口"])
    published = [row for row in rows if "普查" in row["来源"] or "统计公报" in row["来源"]]
    assert [(row["年份"], row["常住人口"]) for row in published] == [("2020", "3667200"), ("2021", "3719300")]


def test_figures_that_nobody_published_say_so():
    for row in code_list("population"):
        assert "示意" in row["来源"], row
