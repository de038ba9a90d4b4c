"""A journal says what was published and when: it adds revisions and changes none."""

from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from citybrain import lake
from citybrain.runner import journal
from citybrain.runner.state import Pin
from tests.tables import CONTRACTS

JOURNAL = CONTRACTS["gold.platform__indicator_value"]
BODY = [name for name in JOURNAL.names if name not in journal.JOURNAL_FIELDS]


@pytest.fixture
def db():
    with duckdb.connect() as db:
        columns = ", ".join(f"{f.name} {journal.duck.type_of(f)}" for f in JOURNAL.fields)
        db.execute(f"SET TimeZone = 'UTC'; CREATE SCHEMA gold; CREATE TABLE {JOURNAL.table} ({columns})")
        yield db


def publish(db, *given):
    """Adds the revisions for what is given now; returns (period, value, revision) of what was added."""
    rows = [
        f"('WO01', 'reported', '440605', 'month', '{period}', DATE '{period}-01', DATE '{period}-28', "
        f"DATE '{period}-28', "
        f"{value or 'NULL'}, NULL, {value or 'NULL'})"
        for period, value in given
    ]
    values = (
        f"SELECT * FROM (VALUES {', '.join(rows)}) AS v({', '.join(BODY)})"
        if rows
        else (f"SELECT {', '.join(BODY)} FROM {JOURNAL.table} LIMIT 0")
    )
    db.execute(f"CREATE OR REPLACE TEMP TABLE added AS {journal.revisions(JOURNAL, values)}")
    db.execute(f"INSERT INTO {JOURNAL.table} SELECT * EXCLUDE _change FROM added")
    return db.execute("SELECT period, value, revision FROM added ORDER BY period").fetchall()


def test_what_is_new_is_the_first_revision(db):
    assert publish(db, ("2026-03", 7), ("2026-04", 8)) == [("2026-03", 7.0, 1), ("2026-04", 8.0, 1)]
    (row,) = db.execute(
        f"SELECT period_start, numerator, as_of FROM {JOURNAL.table} WHERE period = '2026-03'"
    ).fetchall()
    assert row == (date(2026, 3, 1), Decimal(7), date(2026, 3, 28))


def test_what_is_the_same_is_not_published_again(db):
    publish(db, ("2026-03", 7), ("2026-04", None))
    assert publish(db, ("2026-03", 7), ("2026-04", None)) == []


def test_a_restatement_is_added_and_the_old_revision_stays(db):
    publish(db, ("2026-03", 7), ("2026-04", 8))
    assert publish(db, ("2026-03", 9), ("2026-04", 8)) == [("2026-03", 9.0, 2)]
    history = f"SELECT value FROM {JOURNAL.table} WHERE period = '2026-03' ORDER BY revision"
    assert db.execute(history).fetchall() == [(7.0,), (9.0,)]


def test_what_is_no_longer_given_loses_its_value_once_and_may_come_back(db):
    publish(db, ("2026-03", 7), ("2026-04", 8))
    assert publish(db, ("2026-03", 7)) == [("2026-04", None, 2)]
    assert publish(db, ("2026-03", 7)) == []
    assert publish(db, ("2026-03", 7), ("2026-04", 8)) == [("2026-04", 8.0, 3)]


def test_an_input_that_does_not_exist_yet_is_empty(db):
    flow = "gold.governance__work_order_flow_daily"
    journal.attach(db, {flow: journal.Pin(None, -1)})
    assert db.execute(f"SELECT * FROM {flow}").fetchall() == []
    assert [column[0] for column in db.description] == list(CONTRACTS[flow].names)


def test_a_column_that_the_contract_has_got_since_is_empty(db, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    write_deltalake(lake.table_uri("silver.town"), pa.table({"town_code": ["440605011"], "town_name": ["桂城街道"]}))
    with journal.duck.open_lake() as found:
        journal.attach(found, {"silver.town": Pin("some", 0), JOURNAL.table: Pin(None, -1)})
        columns = found.execute("DESCRIBE silver.town").fetchall()
        assert {name for name, *_ in columns} == set(CONTRACTS["silver.town"].names)
        town = CONTRACTS["silver.town"]
        assert {name: kind.lower() for name, kind, *_ in columns} == {
            f.name: journal.duck.type_of(f) for f in town.fields
        }
        assert found.execute("SELECT town_name, valid_from FROM silver.town").fetchall() == [("桂城街道", None)]
        assert found.execute(f"SELECT COUNT(*) FROM {JOURNAL.table}").fetchall() == [(0,)]
