"""What is published is what is answered; a cube unsummed on DuckDB is what it is on Spark."""

import random
from types import SimpleNamespace

import pytest

from citybrain import duck
from citybrain.indicators import contributions, period
from citybrain.indicators.registry import registry
from citybrain.runner import transform as running
from tests.indicators.drawn import AREA, CONTRACTS, FLOW, JOURNAL, TOWNS, arrow, memory, put, random_cubes, value
from tests.indicators.facts import Facts

pytestmark = pytest.mark.slow
CUBES = [c for c in CONTRACTS.values() if c.build == "cube"]


def test_the_journal_says_for_every_variant_area_and_period_what_is_answered():
    with memory(random_cubes(seed=7)) as db:
        cursor = db.execute(running.values_of(CONTRACTS[JOURNAL]))
        names = [column[0] for column in cursor.description]
        published = [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
        for row in random.Random(1).sample(published, 3000):
            expected = value(db, row.indicator_id, row.variant, row.period, str(row.as_of), row.area_code)
            found = tuple(
                None if x is None else round(float(x), 4) for x in (row.numerator, row.denominator, row.value)
            )
            assert found == expected, row
            assert row.period_end == row.as_of, "a closed period is as of its own end"
            named = period.parse(row.period)
            assert (named.kind, named.start) == (row.period_kind, row.period_start)
            assert row.period_end <= named.end
        covered = {(r.indicator_id, r.variant) for r in published}
        assert covered == {(i.id, v.id) for i, v in registry().variants()}
        assert {r.area_code for r in published} == {"440605", *TOWNS}
        assert {r.period_kind for r in published} == {"day", "week", "month", "quarter", "year"}
        latest = "SELECT MAX(stat_date) FROM gold.governance__work_order_flow_daily WHERE reported_count > 0"
        unfinished = {r.as_of for r in published if r.indicator_id == "WO01" and r.as_of < period.parse(r.period).end}
        assert unfinished == set(db.execute(latest).fetchone())
        days = {r.as_of for r in published if r.period_kind == "day" and r.indicator_id == "WO01"}
        assert len(days) == (max(days) - min(days)).days + 1, "a day without orders is a day"


def test_without_data_there_is_nothing_to_publish():
    with memory({AREA: random_cubes(1)[AREA]}) as db:
        assert db.execute(running.values_of(CONTRACTS[JOURNAL])).fetchall() == []


@pytest.mark.parametrize("cube", CUBES, ids=lambda c: c.name)
def test_a_cube_unsummed_is_on_duckdb_what_it_is_on_spark(spark, cube, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    (fact,) = cube.inputs
    rows = Facts(seed=11).of(fact, 150)
    put(fact, rows)
    by_spark = running.contributions(cube, {fact: spark.createDataFrame(arrow(CONTRACTS[fact], rows))})
    with duck.open_lake() as db:
        contributions.view(db, cube, version=0)
        names = [*CONTRACTS[fact].key, *(n for n in cube.names if n != "row_count")]
        typed = ", ".join(f"CAST({n} AS string) AS {n}" for n in names)
        by_duckdb = db.execute(f"SELECT {typed.replace('string', 'varchar')} FROM contributions").fetchall()
    cast = by_spark.selectExpr(*[f"CAST({m.name} AS {m.sql_type}) AS {m.name}" if (m := _measure(cube, n)) else n
                                 for n in names])  # fmt: skip
    assert sorted(map(repr, by_duckdb)) == sorted(
        repr(tuple(row)) for row in cast.selectExpr(typed.split(", ")).collect()
    )


def _measure(cube, name):
    return next((m for m in cube.measures if m.name == name), None)


def test_a_cube_that_duckdb_cannot_read_is_traced_by_spark(spark, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    cube = CONTRACTS[FLOW]
    put("silver.work_order", Facts(seed=5).orders(40))
    query = "SELECT COUNT(*), SUM(reported_count) FROM contributions WHERE stat_date > DATE '2026-03-01'"
    with duck.open_lake() as db:
        contributions.view(db, cube, version=0)
        by_duckdb = db.execute(query).fetchone()
    with duck.open_lake() as db:
        contributions.by_spark(db, cube, version=0, condition="stat_date > DATE '2026-03-01'")
        assert db.execute(query).fetchone() == by_duckdb
