"""A number of a table that is computed, not added up, is traced by the keys that it shares with its input."""

import hashlib
import json
from datetime import date
from decimal import Decimal

import pytest

from citybrain import lake, serve
from citybrain.indicators import query
from citybrain.runner.state import Pin, State
from tests.indicators.drawn import AIR, AREA, AREAS, MACRO, drawn, put
from tests.jobs.lakehouse import deliver

MONTH = {"macro_indicator": "规上工业增加值", "stat_year": 2021, "stat_month": 7}
GROWTH = Decimal("5.5")
HOURS = """
    silver.air_hour
    station_code | observed_at      | stat_date  | pm25 | quality_flags
    NH01         | 2026-03-01T09:00 | 2026-03-01 | 20   | []
    NH02         | 2026-03-01T09:00 | 2026-03-01 | 30   | []
    NH02         | 2026-03-02T09:00 | 2026-03-02 | 40   | []
"""
DAYS = """
    gold.environment__air_daily
    stat_date  | air_scope | station_code | town_code | pm25_mean | pm25_day_count
    2026-03-01 | 测点      | NH02         | 440605124 | 30        | 1
    2026-03-01 | 全区      | 全区         |           | 25        | 1
"""


def state(inputs):
    return State("run", 1, "f", {name: Pin("id", 0) for name in inputs}).to_json()


@pytest.fixture(scope="module", autouse=True)
def city(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(tmp_path_factory.mktemp("city")))
        put(AREA, drawn(AREAS)[1])
        land()
        put("silver.macro_month", [MONTH | {"stat_date": date(2021, 7, 31), "ytd_growth": GROWTH, "quality_flags": []}],
            state(["bronze.economy__monthly"]))  # fmt: skip
        put(MACRO, [{"stat_date": date(2021, 7, 31), "macro_indicator": MONTH["macro_indicator"], "ytd_growth": GROWTH,
                     "growth_count": 1, "published_count": 1}], state(["silver.macro_month"]))  # fmt: skip
        put("silver.air_hour", drawn(HOURS)[1])
        put(AIR, drawn(DAYS)[1], state(["silver.air_hour"]))
        serve.publish()
        yield


def land():
    """One row of one workbook, and its receipt."""
    deliver("bronze.economy__monthly", [{**MONTH, "ytd_growth": GROWTH, "_file": "快报.xlsx"}], "R-1")
    folder = lake.folder("landing") / "economy__monthly" / "R-1"
    folder.mkdir(parents=True)
    column = {"position": 7, "letter": "H", "header": "累计增长", "field": "ytd_growth"}
    said = {"receipt": "R-1", "table": "bronze.economy__monthly", "file": "快报.xlsx", "sender": "区统计局",
            "sha256": hashlib.sha256(b"").hexdigest(), "received_at": "2021-08-18T00:00:00Z",
            "detected": {"kind": "xlsx", "columns": [column]}}  # fmt: skip
    (folder / "receipt.json").write_text(json.dumps(said))


def test_a_published_growth_is_traced_to_its_cell():
    answer = query.indicator("EC02", period="2021-07")
    steps = query.trace(answer, limit=5)
    assert answer.shown == "5.5%"
    assert [(f.fact_table, f.fact_count, f.contributed, f.agrees) for f in steps.figures] == [
        ("silver.macro_month", 1, None, True),
        ("silver.macro_month", 1, None, True),
    ]
    (row,) = steps.rows
    assert row.receipt == "R-1"
    assert ("H2", "累计增长", "5.50") in [(cell.address, cell.header, cell.text) for cell in row.cells]
    assert "由 silver.macro_month 1 行算出" in query.answer_text(answer, steps)


def test_a_station_s_day_is_traced_to_its_own_hours_and_the_district_s_to_all_of_the_day():
    station = query.trace(query.indicator("EN02", variant="station", area="狮山", period="2026-03"), limit=5)
    assert [fact["station_code"] for fact in station.figures[0].facts] == ["NH02"]
    district = query.trace(query.indicator("EN02", period="2026-03"), limit=5)
    assert [fact["station_code"] for fact in district.figures[0].facts] == ["NH01", "NH02"]
    assert district.figures[0].facts[0]["observed_at"] == "2026-03-01 09:00:00+08"
