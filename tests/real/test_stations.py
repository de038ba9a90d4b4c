"""1,495 real stations in one hour: strings for numbers, -; for what is missing."""

from __future__ import annotations

import csv
import gzip
import json

import duckdb
import pytest
from deltalake import DeltaTable

from citybrain import ingest, lake

pytestmark = pytest.mark.real
COLUMNS = {"pm25": "pm2_5", "pm10": "pm10", "so2": "so2", "no2": "no2", "co": "co", "o3": "o3", "aqi": "aqi"}


@pytest.fixture(scope="module")
def stations(shared):
    with gzip.open(shared / "air/cnemc_stations_2017070716.json.gz", "rt", encoding="utf-8") as text:
        return [feature["properties"] for feature in json.load(text)["features"]]


@pytest.fixture(scope="module")
def outcome(stations, home, tmp_path_factory):
    """The features as lines of a file, their texts untouched."""
    path = tmp_path_factory.mktemp("stations") / "站点.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(stations[0]))
        writer.writeheader()
        writer.writerows(stations)
    return ingest.ingest("environment__air_hour", path, sender="测试")


def test_every_station_is_taken(outcome):
    assert outcome.counts == {"delivered": 1495, "accepted": 1495, "quarantined": 0, "set_aside": 0}


@pytest.mark.parametrize("column", COLUMNS)
def test_texts_are_numbers_and_what_is_missing_is_null(outcome, stations, column):
    found = duckdb.connect()
    found.register("s", DeltaTable(lake.table_uri("bronze.environment__air_hour")).to_pyarrow_dataset())
    texts = [s[COLUMNS[column]] for s in stations]
    numbers = [float(text) for text in texts if text != "-;"]
    count, total = found.sql(f"SELECT count({column}), sum({column}) FROM s").fetchone()
    assert (count, float(total)) == (len(numbers), pytest.approx(sum(numbers)))
    assert 0 < len(texts) - len(numbers) < 200


def test_the_hour_is_one_of_shanghai(outcome):
    found = duckdb.connect()
    found.register("s", DeltaTable(lake.table_uri("bronze.environment__air_hour")).to_pyarrow_dataset())
    assert found.sql("SELECT DISTINCT epoch(observed_at) FROM s").fetchall() == [(1499414400.0,)]  # 2017-07-07 16:00
