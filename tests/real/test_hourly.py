"""35,064 real hours of one station, 2013 to 2017, through days and indicators, against an independent query."""

from __future__ import annotations

import duckdb
import pytest
from deltalake import DeltaTable

from citybrain import ingest, lake, runner, serve
from citybrain.contracts.load import ROOT
from citybrain.indicators import query

pytestmark = [pytest.mark.real, pytest.mark.slow]
TABLES = ["silver.town", "gold.reference__area", "silver.air_hour", "gold.environment__air_daily"]
# A day is the hours that end from 01:00 to 24:00; its mean needs twenty of them.
DAYS = """CREATE TABLE days AS SELECT day, avg(pm25) FILTER (pm25 IS NOT NULL) AS pm25 FROM (
    SELECT CAST(ended - INTERVAL 1 HOUR AS DATE) AS day, TRY_CAST("PM2.5" AS DOUBLE) AS pm25 FROM raw)
    GROUP BY day HAVING count(pm25) >= 20"""


@pytest.fixture(scope="module")
def hours(shared, tmp_path_factory):
    """The file with its year, month, day and hour in one column, and the unit of CO in another."""
    connection = duckdb.connect()
    source = shared / "air/beijing_station_hourly_2013_2017.csv.gz"
    connection.sql(f"""CREATE TABLE raw AS SELECT *, make_timestamp(year::INT, month::INT, day::INT, hour::INT, 0, 0)
        AS ended FROM read_csv('{source}', all_varchar = true)""")
    connection.sql(DAYS)
    path = tmp_path_factory.mktemp("hourly") / "hours.csv"
    connection.sql(f"""COPY (SELECT * EXCLUDE ended, strftime(ended, '%Y-%m-%d %H:%M:%S') AS 监测时间,
        'µg/m³' AS CO单位 FROM raw) TO '{path}'""")
    return path, connection


@pytest.fixture(scope="module")
def outcome(hours, site, spark):
    ingest.ingest("reference__town", ROOT / "schemas/codes/town.csv", sender="测试")
    taken = ingest.ingest("environment__air_hour", hours[0], sender="测试")
    results = runner.run(TABLES)
    assert [r.status for r in results] == ["published"] * len(TABLES), results
    serve.publish()
    return taken


def test_every_hour_is_taken_and_is_one_row(outcome):
    assert outcome.counts == {"delivered": 35064, "accepted": 35064, "quarantined": 0, "set_aside": 0}
    connection = duckdb.connect()
    connection.register("h", DeltaTable(lake.table_uri("silver.air_hour")).to_pyarrow_dataset())
    found = connection.sql("SELECT count(*), count(DISTINCT observed_at), count(pm25), max(co) FROM h").fetchone()
    assert found[:3] == (35064, 35064, 35064 - 925)
    assert found[3] <= 10, "carbon monoxide is in mg/m³"


@pytest.mark.parametrize("year", ["2014", "2015", "2016"])
def test_the_mean_of_pm25_agrees(outcome, hours, year):
    total, days = hours[1].sql(f"SELECT sum(pm25), count(*) FROM days WHERE year(day) = {year}").fetchone()
    answer = query.indicator("EN02", period=year)
    assert answer.denominator == days
    assert answer.value == pytest.approx(total / days, abs=1e-4)


def test_no_day_of_bad_pm25_is_good(outcome, hours):
    bad = hours[1].sql("SELECT count(*) FROM days WHERE year(day) = 2015 AND round(pm25) > 75").fetchone()[0]
    answer = query.indicator("EN01", period="2015")
    assert 0 < answer.numerator <= answer.denominator - bad
    assert 340 < answer.denominator <= 365
