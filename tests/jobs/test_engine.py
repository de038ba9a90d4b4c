"""What is particular to Spark with Delta: a table read as its files is the table that Delta reads."""

from __future__ import annotations

from datetime import date

import pytest
from deltalake import DeltaTable

from citybrain import engine, lake
from tests.jobs.lakehouse import deliver, withdraw

TOWN = "bronze.reference__town"


def town(n: int) -> dict[str, object]:
    return {"town_code": f"44060501{n}", "town_name": f"镇{n}", "valid_from": date(2003, 1, 1)}


@pytest.mark.parametrize("at_most", [engine.FILES_LISTED, 1])
def test_every_version_is_read_as_delta_reads_it(spark, tmp_path, monkeypatch, at_most):
    monkeypatch.setattr(engine, "FILES_LISTED", at_most)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "甲 100% b"))
    deliver(TOWN, [town(1)], "R1")
    deliver(TOWN, [town(2), town(3)], "R2", nth=1)
    withdraw(TOWN, "R1")
    withdraw(TOWN, "R2")
    uri = lake.table_uri(TOWN)
    found = []
    for version in range(DeltaTable(uri).version() + 1):
        ours = engine.read(spark, uri, version)
        delta = spark.read.format("delta").option("versionAsOf", version).load(uri)
        assert ours.schema == delta.schema
        assert sorted(ours.collect()) == sorted(delta.collect())
        found.append(sorted(row.town_code for row in ours.collect()))
    assert found == [["440605011"], ["440605011", "440605012", "440605013"], ["440605012", "440605013"], []]
