"""2,675 real registrations of 南海, 1980 to 2003: codes, and towns from addresses, old names among them."""

from __future__ import annotations

import csv
import re

import duckdb
import pytest
from deltalake import DeltaTable

from citybrain import ingest, lake, runner
from citybrain.contracts.load import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]
CODES = ROOT / "schemas" / "codes"
LOOKUPS = ("town", "place_name", "industry")
TABLES = ["silver.town", "silver.place_name", "silver.industry", "silver.market_entity", "silver.market_unmatched"]
# Name in an address → the present town, told by hand; the address begins with the larger place.
TOWNS = {"桂城": "011", "平洲": "011", "九江": "121", "沙头": "121", "西樵": "122", "官山": "122", "丹灶": "123",
         "金沙": "123", "狮山": "124", "罗村": "124", "松岗": "124", "官窑": "124", "小塘": "124", "大圃": "124",
         "大沥": "125", "盐步": "125", "黄岐": "125", "里水": "126", "和顺": "126"}  # fmt: skip
OTHERS = ("禅城区", "顺德区", "三水区", "高明区")


@pytest.fixture(scope="module")
def file(shared):
    return shared / "enterprises/nanhai_enterprises_1980_2003.csv"


@pytest.fixture(scope="module")
def delivered(file):
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def outcome(file, home, spark):
    for name in LOOKUPS:
        ingest.ingest(f"reference__{name}", CODES / f"{name}.csv", sender="测试")
    taken = ingest.ingest("market__entity", file, sender="测试")
    results = runner.run(TABLES)
    assert [r.status for r in results] == ["published"] * len(TABLES), results
    return taken


@pytest.fixture(scope="module")
def entities(outcome):
    connection = duckdb.connect()
    for name in ("market_entity", "market_unmatched"):
        connection.register(name, DeltaTable(lake.table_uri(f"silver.{name}")).to_pyarrow_dataset())
    return connection


def counted(connection, query: str) -> dict:
    return dict(connection.sql(query).fetchall())


def test_every_registration_is_taken_and_every_check_digit_is_right(outcome, entities):
    assert outcome.counts == {"delivered": 2675, "accepted": 2675, "quarantined": 0, "set_aside": 0}
    assert {issue.rule for issue in outcome.issues} == {"unknown_column", "absent_column"}
    flagged = "SELECT count(*) FROM market_entity WHERE list_contains(quality_flags, 'invalid_uscc')"
    assert entities.sql(flagged).fetchone() == (0,)
    kinds = counted(entities, "SELECT entity_kind, count(*) FROM market_entity GROUP BY 1")
    assert kinds == {"企业": 2548, "个体工商户": 127}


def test_the_town_is_the_one_whose_name_or_old_name_the_address_bears_first(delivered, entities):
    names = re.compile("|".join((*TOWNS, *OTHERS)))
    told = {row["统一社会信用代码"]: names.search(row["注册地址"] or "") for row in delivered}
    expected = {code: f"440605{TOWNS[m[0]]}" if m and m[0] in TOWNS else None for code, m in told.items()}
    assert counted(entities, "SELECT uscc, town_code FROM market_entity") == expected
    assert len(expected) == 2675
    assert sum(town == "440605124" for town in expected.values()) > 600, "罗村, 官窑, 小塘 and 松岗 count in 狮山"


def test_what_names_no_town_waits_in_the_queue(delivered, entities):
    queue = counted(entities, "SELECT uscc, coalesce(business_address, 'N/A') FROM market_unmatched")
    assert queue == {
        row["统一社会信用代码"]: row["注册地址"]
        for row in delivered
        if not re.search("|".join(TOWNS), row["注册地址"]) or any(name in row["注册地址"] for name in OTHERS)
    }
    assert 0 < len(queue) < 60
    abroad = "SELECT count(*) FROM market_unmatched WHERE list_contains(quality_flags, 'outside_district')"
    assert entities.sql(abroad).fetchone() == (sum(any(n in a for n in OTHERS) for a in queue.values()),)


def test_capital_is_read_with_its_currency(delivered, entities):
    query = """SELECT capital_currency, count(capital_amount) FROM market_entity
               WHERE registered_capital IS NOT NULL GROUP BY 1"""
    texts = [row["注册资金"] for row in delivered if row["注册资金"] != "N/A"]
    dollars, hongkong = (sum(word in text for text in texts) for word in ("美元", "香港"))
    assert counted(entities, query) == {"人民币": len(texts) - dollars - hongkong, "美元": dollars, "港元": hongkong}
