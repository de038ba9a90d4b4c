"""Databases: PostgreSQL as Debian ships it; any other by its URL (SQLite here)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from citybrain.clock import SHANGHAI
from citybrain.ingest import landing
from citybrain.pull import database, steps
from tests.lake import rows_of
from tests.postgres import Server, server
from tests.pull.conftest import CASE, case, outcomes, pulled

QUERY = "SELECT case_id AS 办件编号, item_code AS 事项编码, accepted_at AS 受理时间, changed FROM cases"
TABLE = "CREATE TABLE cases (case_id text PRIMARY KEY, item_code text, accepted_at timestamptz, changed timestamp)"
INSERT = "INSERT INTO cases VALUES (%s, %s, '2026-03-01 08:00:00+08', %s)"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as found:
        yield found


@pytest.fixture
def declared(running: Server, site: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The database as the source of ``services__case``."""
    monkeypatch.setenv("CASES_PASSWORD", "secret")
    url = running.url.replace("postgresql:", "postgresql+psycopg2:").replace(":secret@", ":${CASES_PASSWORD}@")

    def declare(query: str = QUERY, **mark: Any) -> None:
        mark = {"column": "changed", "kind": "timestamp", **mark}
        site("services__case", how="database", url=url, query=query, watermark=mark)

    declare()
    return declare


@pytest.fixture
def postgres(running: Server, declared: Any) -> Any:
    """An empty table of cases; gives what runs SQL."""

    def run(sql: str, *rows: tuple[Any, ...]) -> None:
        with psycopg2.connect(running.url) as connection, connection.cursor() as cursor:
            cursor.executemany(sql, rows) if rows else cursor.execute(sql)
        connection.close()

    run("DROP TABLE IF EXISTS cases")
    run(TABLE)
    return run


def row(number: int, changed: str) -> tuple[str, str, str]:
    return f"NB{number:04d}", "1" * 31, changed


@pytest.mark.postgres
def test_what_is_new_in_postgresql_is_pulled_and_only_that(postgres):
    postgres(INSERT, *(row(n, f"2026-03-0{n} 09:00:00") for n in (1, 2, 3)))
    (first,) = pulled()
    assert (first.status, first.rows, first.watermark) == ("loaded", 3, "2026-03-03T09:00:00")
    assert {f"{r['accepted_at'].astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for r in rows_of(CASE)} == {"2026-03-01 08:00"}
    postgres("UPDATE cases SET changed = '2026-03-04 10:00:00.5' WHERE case_id = 'NB0001'")
    (second,) = pulled()
    assert (second.status, second.rows, second.watermark) == ("loaded", 2, "2026-03-04T10:00:00.500000")
    assert [pulled()[0].status for _ in range(3)][1:] == ["unchanged", "unchanged"]
    assert landing.receipts(CASE)[0].sender == "数据库拉取"


@pytest.mark.postgres
def test_a_server_killed_while_it_is_read_loses_nothing(postgres, running, monkeypatch):
    postgres("INSERT INTO cases SELECT 'NB' || n, repeat('1', 31), '2026-03-01 08:00+08', '2026-03-01'::timestamp"
             " + n * interval '1 second' FROM generate_series(1, 60000) n")  # fmt: skip
    usual, seen = database.digest_of, []

    def counted(cells: Any) -> int:
        seen.append(1)
        if len(seen) == 6000:
            running.kill()
        return usual(cells)

    monkeypatch.setattr(database, "digest_of", counted)
    (result,) = pulled()
    assert result.status == "failed"
    assert (landing.receipts(CASE), steps.standing(CASE).watermark) == ([], None)
    told = outcomes("step", "page", "status")
    assert told[:3] == [("connect", None, "ok"), ("fetch", 0, "ok"), ("fetch", 1, "ok")]
    assert told[-1][0::2] == ("fetch", "failed")
    monkeypatch.setattr(database, "digest_of", usual)
    assert pulled()[0].status == "failed"  # it is still down
    assert outcomes("step", "status")[-1] == ("connect", "failed")
    running.start()
    (result,) = pulled()
    assert (result.status, result.counts["accepted"]) == ("loaded", 60000)


@pytest.mark.postgres
def test_what_is_committed_late_comes_by_the_overlap(postgres, declared):
    postgres(INSERT, *(row(n, f"2026-03-0{n} 09:00:00") for n in (1, 3)))
    pulled()
    postgres(INSERT, row(2, "2026-03-03 08:59:00"))
    assert pulled()[0].rows == 1
    declared(overlap=3600)
    assert pulled()[0].rows == 2
    assert {r["case_id"] for r in rows_of(CASE)} == {"NB0001", "NB0002", "NB0003"}


@pytest.mark.postgres
def test_a_wrong_query_or_password_is_said_without_the_password(postgres, declared, monkeypatch):
    declared(query="SELECT nothing FROM nowhere")
    assert "nowhere" in pulled()[0].reason
    monkeypatch.setenv("CASES_PASSWORD", "wr0ng/p@ss")
    assert "password authentication failed" in pulled()[0].reason
    assert "wr0ng" not in str(outcomes("error"))


def test_any_other_database_by_its_url(site, tmp_path):
    with sqlite3.connect(tmp_path / "cases.db") as connection:
        connection.execute("CREATE TABLE cases (case_id, item_code, accepted_at, changed INTEGER)")
        rows = [(case(n)["case_id"], "1" * 31, "2026-03-01 08:00:00", n) for n in range(1, 4)]
        connection.executemany("INSERT INTO cases VALUES (?, ?, ?, ?)", rows)
    mark = {"column": "changed", "kind": "number", "start": "2"}
    site("services__case", how="database", url=f"sqlite:///{tmp_path}/cases.db", query=QUERY, watermark=mark)
    (result,) = pulled()
    assert result.status == "loaded", result.reason
    assert (result.rows, result.watermark, len(rows_of(CASE))) == (2, "3", 2)
