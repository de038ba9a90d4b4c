"""58,251 real service requests through ingest, silver, cubes and indicators, against an independent query."""

from __future__ import annotations

import zipfile
from pathlib import Path

import duckdb
import pytest

from citybrain import ingest, runner, serve
from citybrain.indicators import query

pytestmark = [pytest.mark.real, pytest.mark.slow]
TABLES = ["silver.town", "gold.reference__area", "silver.work_order", "gold.governance__work_order_flow_daily",
          "gold.governance__work_order_due_daily"]  # fmt: skip
AS_OF = "2011-12-31"


@pytest.fixture(scope="module")
def requests(shared, tmp_path_factory):
    """The file itself, asked by DuckDB without any of our code."""
    folder = tmp_path_factory.mktemp("boston")
    with zipfile.ZipFile(shared / "work_orders/boston_311_2011H2.zip") as archive:
        (name,) = archive.namelist()
        path = archive.extract(name, folder)
    connection = duckdb.connect()
    connection.sql(f"CREATE TABLE raw AS FROM read_csv('{path}', all_varchar = true)")
    connection.sql("""CREATE TABLE r AS SELECT nullif(trim(neighborhood), '') AS place, open_dt::TIMESTAMP AS opened,
        target_dt::TIMESTAMP AS target, closed_dt::TIMESTAMP AS closed, least(target, closed)::DATE AS due FROM raw""")
    return path, connection


@pytest.fixture(scope="module")
def outcome(requests, site, spark):
    path, connection = requests
    towns = f"{path}.towns.csv"
    connection.sql(f"""COPY (SELECT DISTINCT place AS 镇街代码, place AS 镇街名称, DATE '2000-01-01' AS 生效日期
        FROM r WHERE place IS NOT NULL ORDER BY 1) TO '{towns}'""")
    ingest.ingest("reference__town", Path(towns), sender="测试")
    taken = ingest.ingest("centre__work_order", Path(path), sender="测试")
    results = runner.run(TABLES)
    assert [r.status for r in results] == ["published"] * len(TABLES), results
    serve.publish()
    return taken


def ask(connection, select: str, where: str) -> int:
    return connection.sql(f"SELECT {select} FROM r WHERE {where}").fetchone()[0]


def test_every_request_is_taken(outcome, requests):
    assert outcome.counts["delivered"] == outcome.counts["accepted"] == 58251
    assert outcome.counts["quarantined"] == 0


def test_reported_by_month_agrees(outcome, requests):
    for month in ("2011-07", "2011-10", "2011-12"):
        expected = ask(requests[1], "count(*)", f"strftime(opened, '%Y-%m') = '{month}'")
        assert query.indicator("WO01", period=month, as_of=AS_OF).numerator == expected


def test_on_time_closure_agrees_with_the_city_s_own_dates(outcome, requests):
    """Due once: each request with a target in the period of its closing or its target, whichever came first."""
    for month in ("2011-08", "2011-11"):
        due = f"target IS NOT NULL AND strftime(due, '%Y-%m') = '{month}'"
        answer = query.indicator("WO08", period=month, as_of=AS_OF)
        assert answer.denominator == ask(requests[1], "count(*)", due)
        assert answer.numerator == ask(requests[1], "count(*)", f"{due} AND closed <= target")


def test_a_neighbourhood_has_its_own_rate(outcome, requests):
    due = "target IS NOT NULL AND strftime(due, '%Y-%m') = '2011-09' AND place = 'Roxbury'"
    answer = query.indicator("WO08", area="Roxbury", period="2011-09", as_of=AS_OF)
    assert answer.denominator == ask(requests[1], "count(*)", due)


def test_what_was_due_and_is_still_open_at_the_end_of_the_year_agrees(outcome, requests):
    late = "target IS NOT NULL AND target < '2012-01-01' AND (closed IS NULL OR closed >= '2012-01-01')"
    answer = query.indicator("WO07", variant="due", period="2011", as_of=AS_OF)
    assert answer.denominator - answer.numerator == ask(requests[1], "count(*)", late)
