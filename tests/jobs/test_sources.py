"""A small city's deliveries of one source after the other, soiled as departments soil them, through ingest and Spark:
the cleaned table is the simulator's truth, column by column."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from citybrain import contracts, simulate
from citybrain.contracts.load import folders
from citybrain.ingest import ingest
from tests.jobs.lakehouse import build_and_publish
from tests.jobs.personal import KINDS, held, planted
from tests.lake import rows_of
from tests.tables import SHANGHAI

pytestmark = pytest.mark.slow
TRUTHS = {
    "silver.hotline_day": "calls",
    "silver.service_rating": "ratings",
    "silver.urban_case": "urban",
    "silver.hotline_order": "hotline",
    "silver.urban_component": "components",
    "silver.fire_incident": "fire",
}  # cleaned table → file of the truth
CONTRACTS = contracts.load()


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("city") / "city"
    simulate.simulate(out, seed=7, months=2, scale=0.02)
    return out


@pytest.fixture(scope="module", autouse=True)
def lake(city, spark, tmp_path_factory):
    """Everything that the cleaned tables are made of, handed in and built."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("CITYBRAIN_HOME", str(home))
        needed = [c for c in contracts.in_order(CONTRACTS) if c.table in upstream(TRUTHS)]
        for contract in needed:
            if contract.layer == "bronze":
                for path in sent(contract.name, city):
                    ingest(contract.name, path)
        build_and_publish(spark, [c.table for c in needed if c.build])
        yield home / "lake"


def upstream(tables: Any) -> set[str]:
    """The tables and all that they are made of."""
    found = set(tables)
    return found | upstream({name for table in found for name in CONTRACTS[table].inputs}) if found else found


def sent(source: str, city: Path) -> list[Path]:
    codes = [folder / "codes" / f"{source.removeprefix('reference__')}.csv" for folder in folders()]
    return [path for path in codes if path.exists()] or sorted((city / "inbox" / source).iterdir())


@pytest.mark.parametrize(("table", "name"), TRUTHS.items(), ids=TRUTHS)
def test_the_cleaned_table_is_the_truth(city, table, name):
    contract = CONTRACTS[table]
    truth = parquet.read_table(city / "truth" / f"{name}.parquet").to_pylist()
    unknown = {n for n in contract.names if "pseudonym" in n}  # the simulator does not know the key
    assert set(truth[0]) == set(contract.names) - unknown
    told = {keyed(row, contract.key): plain(row) for row in truth}
    built = {keyed(row, contract.key): plain({n: row[n] for n in truth[0]}) for row in rows_of(table)}
    assert len(told) == len(truth) > 10
    assert built.keys() == told.keys()
    for column in truth[0]:
        differs = [
            (key, built[key][column], told[key][column]) for key in told if built[key][column] != told[key][column]
        ]
        assert not differs, (column, len(differs), differs[:3])


def test_no_number_of_a_person_is_in_any_file_of_what_was_built(city, lake):
    numbers = planted(city / "inbox")
    assert set(numbers.values()) == set(KINDS)
    in_bronze = {number for number, _ in held([lake / "bronze"])}
    assert {numbers[number] for number in in_bronze & numbers.keys()} == set(KINDS), "this test would see them"
    assert [found for found in held([lake / "silver"]) if found[0] in numbers] == []


def keyed(row: dict[str, Any], key: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[name] for name in key)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    """Numbers as numbers, instants as the wall clock of Shanghai."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(SHANGHAI).replace(tzinfo=None)
    return round(float(value), 7) if isinstance(value, Decimal | float) else value
