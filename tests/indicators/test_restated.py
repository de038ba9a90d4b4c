"""A city is published, corrected by many deliveries at once, and published again: each number names its own."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from deltalake import DeltaTable

from citybrain import lake, serve
from citybrain.indicators import query
from citybrain.indicators.model import QuestionError
from tests.indicators import published
from tests.indicators.drawn import AIR, AREA, AREAS, CASE, CASE_DUE, CONTRACTS, DUE, ENTITY, FLOW, MACRO, drawn
from tests.jobs.lakehouse import deliver
from tests.tables import instant

GUICHENG, SHISHAN = "440605011", "440605124"
VALUE_ADDED, RETAIL, ADVANCED = "规上工业增加值", "社会消费品零售总额", "先进制造业增加值"
SILVER = {"centre__work_order": "work_order", "services__case": "service_case", "market__entity": "market_entity",
          "economy__monthly": "macro_month", "environment__air_hour": "air_hour"}  # fmt: skip
Row = dict[str, Any]


def order(id: str, closed: str | None, reported: str = "2026-03-02T09:00") -> Row:
    begun = instant(reported)
    return {"work_order_id": id, "town_code": GUICHENG, "reported_at": begun, "accepted_at": begun, "filed_at": begun,
            "closed_at": instant(closed) if closed else None, "final_deadline_at": begun + timedelta(days=3),
            "rework_times": 0}  # fmt: skip


def case(id: str, finished: str | None, used: int | None = None, accepted: str = "2026-03-02T09:00") -> Row:
    begun = instant(accepted)
    return {"case_id": id, "item_code": "I1", "accepted_at": begun, "town_code": GUICHENG, "used_work_days": used,
            "finished_case_at": instant(finished) if finished else None, "promised_work_days": Decimal(3),
            "promised_date": (begun + timedelta(days=3)).date()}  # fmt: skip


def entity(uscc: str, left: str | None = None) -> Row:
    return {"uscc": uscc, "entity_name": uscc, "town_code": GUICHENG, "entity_kind": "企业", "entered_how": "期初",
            "entered_date": date(2026, 1, 31), "left_date": date.fromisoformat(left) if left else None,
            "left_how": "注销" if left else None}  # fmt: skip


def month(name: str, year: int, nth: int, level: int, growth: str) -> Row:
    last = date(year, nth + 1, 1) - timedelta(days=1)
    return {"macro_indicator": name, "stat_year": year, "stat_month": nth, "stat_date": last,
            "ytd_level": Decimal(level), "ytd_growth": Decimal(growth)}  # fmt: skip


def hour(station: str, day: int, pm25: int, o3: int = 80) -> Row:
    return {"station_code": station, "town_code": GUICHENG if station == "NH01" else SHISHAN, "stat_date":
            date(2026, 3, day), "observed_at": instant(f"2026-03-0{day}T09:00"), "pm25": pm25, "o3": o3}  # fmt: skip


FIRST = {
    "centre__work_order": [order("NH1", "2026-03-04T10:00"), order("NH2", "2026-03-04T10:00"),
                           order("NH3", "2026-03-20T10:00"), order("NH4", None, reported="2026-03-31T09:00")],
    "services__case": [case("B1", "2026-03-04T10:00", 2), case("B2", "2026-03-04T10:00", 2),
                       case("B3", "2026-03-16T10:00", 10), case("B4", None, accepted="2026-03-31T09:00")],
    "market__entity": [entity("E1"), entity("E2"), entity("E3", "2026-03-20")],
    "economy__monthly": [month(VALUE_ADDED, 2020, 7, 900, "1.0"), month(VALUE_ADDED, 2021, 6, 800, "5.0"),
                         month(VALUE_ADDED, 2021, 7, 1000, "5.5"), month(RETAIL, 2021, 7, 700, "8.0"),
                         month(ADVANCED, 2021, 7, 400, "9.0")],
    "environment__air_hour": [hour("NH01", 2, 20), hour("NH02", 2, 20), hour("NH01", 3, 20), hour("NH02", 3, 20)],
}  # fmt: skip
SECOND = {  # receipt → what it corrects
    "order": ("centre__work_order", order("NH1", "2026-03-06T10:00")),
    "late order": ("centre__work_order", order("NH3", "2026-03-19T10:00")),
    "case": ("services__case", case("B1", "2026-03-13T10:00", 9)),
    "exit": ("market__entity", entity("E2", "2026-03-09")),
    "July": ("economy__monthly", month(VALUE_ADDED, 2021, 7, 1010, "5.5")),
    "retail": ("economy__monthly", month(RETAIL, 2021, 7, 710, "8.0")),
    "June": ("economy__monthly", month(VALUE_ADDED, 2021, 6, 800, "5.2")),
    "year ago": ("economy__monthly", month(VALUE_ADDED, 2020, 7, 910, "1.0")),
    "Guicheng": ("environment__air_hour", hour("NH01", 2, 44)),
    "Shishan": ("environment__air_hour", hour("NH02", 3, 68)),
    "ozone": ("environment__air_hour", hour("NH01", 3, 20, o3=90)),
}
AIR_DAYS = """
    gold.environment__air_daily
    stat_date  | air_scope | station_code | town_code | pm25_mean | pm25_day_count
    2026-03-02 | 测点      | NH01         | 440605011 | {}        | 1
    2026-03-02 | 测点      | NH02         | 440605124 | 20        | 1
    2026-03-02 | 全区      | 全区         |           | {}        | 1
    2026-03-03 | 测点      | NH01         | 440605011 | 20        | 1
    2026-03-03 | 测点      | NH02         | 440605124 | {}        | 1
    2026-03-03 | 全区      | 全区         |           | {}        | 1
"""


def deliver_to(table: str, rows: list[Row], receipt: str, nth: int) -> None:
    bronze = CONTRACTS[f"bronze.{table}"]
    deliver(bronze.table, [{n: v for n, v in row.items() if n in bronze.names} for row in rows], receipt, nth)
    published.upsert(f"silver.{SILVER[table]}", rows)


def publish(*means: int) -> datetime:
    for table in (FLOW, DUE, CASE, CASE_DUE, ENTITY, MACRO):
        published.count(table)
    published.given(AIR, drawn(AIR_DAYS.format(*means))[1])
    published.publish()
    return datetime.now().astimezone()


@pytest.fixture(scope="module", autouse=True)
def between(tmp_path_factory):
    """Publishes twice; gives a moment in between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(tmp_path_factory.mktemp("city")))
        published.given(AREA, drawn(AREAS)[1])
        for table, rows in FIRST.items():
            deliver_to(table, rows, "first", 0)
        between = publish(20, 20, 20, 20)
        for nth, (receipt, (table, row)) in enumerate(SECOND.items(), start=1):
            deliver_to(table, [row], receipt, nth)
        publish(44, 32, 68, 44)
        serve.publish()
        yield between


@pytest.mark.parametrize(
    ("asked", "values", "reason", "receipts"),
    [
        ("EC02 level 2021-07", (1000, 1010), "宏观经济月度数有 1 行变动", {"July"}),
        ("EC02 growth_change 2021-07", (0.5, 0.3), "宏观经济月度数有 1 行变动", {"June"}),
        ("EC02 growth_current 2021-07", (11.1, 11.0), "宏观经济月度数有 2 行变动", {"July", "year ago"}),
        ("EN02 station 2026-03 桂城", (20, 32), "环境空气小时值有 1 行变动", {"Guicheng"}),
        ("EN02 district 2026-03", (20, 38), "环境空气小时值有 2 行变动", {"Guicheng", "Shishan"}),
        ("MK01 all 2026-03", (2, 1), "市场主体有 1 行变动", {"exit"}),
        ("WO08 due_once 2026-03", (66.7, 33.3), "超级工单有 1 行变动", {"order"}),
        ("GS09 on_time 2026Q1", (66.7, 33.3), "政务服务办件有 1 行变动", {"case"}),
    ],
)
def test_a_number_names_the_deliveries_that_restated_it_and_no_others(asked, values, reason, receipts):
    id, variant, period, area = (*asked.split(), None)[:4]
    told = query.revisions(query.indicator(id, variant=variant, period=period, area=area))
    assert [round(one.value, 1) for one in told] == list(values)
    assert told[1].reasons == (reason,)
    assert {cause.receipt for cause in told[1].causes} == receipts


@pytest.mark.parametrize(
    ("asked", "as_of", "then", "now"),
    [
        ("EC02 level 2021-07", "2021-07-30", None, None),  # a month is told on its last day
        ("MK01 all 2026-03", "2026-03-08", 3, 3),
        ("MK01 all 2026-03", "2026-03-15", 3, 2),
        ("MK01 all 2026-W11", "2026-03-10", 3, 2),
        ("MK01 all 2026Q1", "2026-03-18", 3, 2),
        ("WO08 due_once 2026-03", "2026-03-05", 66.7, 33.3),
        ("EN02 station 2026-03 桂城", "2026-03-02", 20, 44),
    ],
)
def test_a_number_is_as_of_any_day_with_what_was_known_at_any_moment(asked, as_of, then, now, between):
    id, variant, period, area = (*asked.split(), None)[:4]

    def told(known_at: datetime | None) -> float | None:
        value = query.indicator(id, area, period, variant, as_of=as_of, known_at=known_at).value
        return value and round(value, 1)

    assert (told(between), told(None)) == (then, now)


def test_what_was_published_as_of_that_day_is_told_as_published_and_what_is_computed_says_so(between):
    week = query.indicator("WO08", period="2026-W10", as_of="2026-03-08", known_at=between)
    assert (week.value, week.revision) == (pytest.approx(200 / 3), 1)
    on_the_way = query.indicator("WO08", period="2026-W10", as_of="2026-03-06", known_at=between)
    later = query.indicator("WO08", period="2026-W10", as_of="2026-03-06", known_at=datetime.now().astimezone())
    assert (round(on_the_way.value, 1), round(later.value, 1)) == (66.7, 33.3)
    assert (on_the_way.revision, [(s.table, s.version) for s in on_the_way.sources]) == (None, [(DUE, 0)])
    assert "时的主题表计算，不是发布过的数" in query.answer_text(on_the_way)
    with pytest.raises(QuestionError, match="以前所知"):
        query.trace(on_the_way)


def test_before_the_first_delivery_nothing_was_known():
    with pytest.raises(QuestionError, match="还没有数据"):
        query.indicator("WO08", period="2026-03", as_of="2026-03-05", known_at="2026-03-06")


def test_of_what_upkeep_let_go_the_published_numbers_are_left(between, tmp_path, monkeypatch):
    shutil.copytree(lake.home(), tmp_path / "city", symlinks=True)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "city"))
    serving = tmp_path / "city/serving"
    (serving / "current.duckdb").unlink()
    (serving / "current.duckdb").symlink_to(next(serving.glob("citybrain-*.duckdb")))
    DeltaTable(lake.table_uri(DUE)).vacuum(0, dry_run=False, enforce_retention_duration=False)
    asked = {"id": "WO08", "period": "2026-03", "known_at": between}
    assert query.indicator(**asked).value == pytest.approx(200 / 3)
    with pytest.raises(QuestionError, match=f"{DUE}.*已经清理.*截至 2026-03-31 的，不写截至日即可问.*旧版留 7 天"):
        query.indicator(**asked, as_of="2026-03-05")


def test_the_change_of_a_growth_is_traced_to_both_months_and_a_share_to_both_indicators():
    steps = query.trace(query.indicator("EC02", variant="growth_change", period="2021-07"))
    assert [fact["stat_month"] for fact in steps.figures[0].facts] == [6, 7]
    assert {row.receipt for row in steps.rows} == {"first", "June", "July"}
    share = query.trace(query.indicator("EC03", period="2021-07"))
    assert {fact["macro_indicator"] for fact in share.figures[0].facts} == {ADVANCED, VALUE_ADDED}
