"""1,495 real stations in one hour, as GeoJSON: strings for numbers, -; for what is missing. Followed to silver."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import duckdb
import pytest
from deltalake import DeltaTable

from citybrain import ingest, lake, runner
from citybrain.contracts.load import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]
NUMBERS = {"pm25": "pm2_5", "pm10": "pm10", "so2": "so2", "no2": "no2", "co": "co", "o3": "o3", "aqi": "aqi"}
TABLES = ["silver.town", "silver.air_hour"]


@pytest.fixture(scope="module")
def file(shared, tmp_path_factory):
    """The file as it was published, unpacked: no byte of it is changed."""
    path = tmp_path_factory.mktemp("stations") / "cnemc_stations_2017070716.json"
    path.write_bytes(gzip.decompress((shared / f"air/{path.name}.gz").read_bytes()))
    return path


@pytest.fixture(scope="module")
def stations(file):
    return [feature["properties"] for feature in json.loads(file.read_text("utf-8"))["features"]]


@pytest.fixture(scope="module")
def outcome(file, home, spark):
    ingest.ingest("reference__town", ROOT / "schemas/codes/town.csv", sender="测试")
    taken = ingest.ingest("environment__air_hour", file, sender="测试")
    results = runner.run(TABLES)
    assert [r.status for r in results] == ["published"] * len(TABLES), results
    return taken


def found(layer: str) -> duckdb.DuckDBPyRelation:
    table = {"bronze": "bronze.environment__air_hour", "silver": "silver.air_hour"}[layer]
    rows = DeltaTable(lake.table_uri(table)).to_pyarrow_dataset()
    return duckdb.from_arrow(rows)


def number(text: str) -> Decimal | None:
    return None if text == "-;" else Decimal(text)


def test_every_station_is_taken_as_a_row_of_its_properties(outcome):
    assert outcome.counts == {"delivered": 1495, "accepted": 1495, "quarantined": 0, "set_aside": 0}
    assert outcome.detected.kind == "json"
    headers = {column.header for column in outcome.detected.columns}
    assert {"stationcode", "pm2_5", "geometry"} <= headers
    assert {issue.rule for issue in outcome.issues} == {"unknown_column", "absent_column"}


@pytest.mark.parametrize("layer", ["bronze", "silver"])
def test_of_each_station_the_texts_are_its_numbers_and_what_is_missing_is_null(outcome, stations, layer):
    texts = {s["stationcode"]: (s["positionname"].strip(), *map(s.get, NUMBERS.values())) for s in stations}
    sent = {code: (name, *map(number, cells)) for code, (name, *cells) in texts.items()}
    kept = found(layer).select("station_code", "station_name", *NUMBERS).fetchall()
    assert {code: tuple(cells) for code, *cells in kept} == sent
    assert len(kept) == len(sent) == 1495
    missing = [sum(cells[i] is None for cells in sent.values()) for i in range(1, 1 + len(NUMBERS))]
    assert all(0 < count < 200 for count in missing), missing


def test_in_silver_the_hour_is_one_of_shanghai_and_nothing_is_flagged(outcome):
    rows = found("silver").select("epoch(observed_at), stat_date, town_code, quality_flags").distinct().fetchall()
    assert [(at, str(day), town, flags) for at, day, town, flags in rows] == [(1499414400.0, "2017-07-07", None, [])]
