"""The serving file: consistent, complete, swapped without a stale read or an error, and closed to everything else."""

import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from citybrain import cli, lake, serve
from citybrain.indicators.registry import registry
from tests.indicators.drawn import AREA, FLOW, JOURNAL, drawn, put, random_cubes
from tests.indicators.facts import Facts
from tests.lake import rows_of

READER = """
import os, sys, time
import duckdb
link, stop = sys.argv[1:]
seen, rounds, highest = set(), 0, 0
while not os.path.exists(stop):
    with duckdb.connect(os.path.realpath(link), read_only=True) as db:
        (number,) = db.execute("SELECT MAX(reported_count) FROM gold.governance__work_order_flow_daily").fetchone()
    assert number >= highest, f"{number} after {highest}"
    highest = number
    seen.add(number)
    rounds += 1
    time.sleep(0.05)
print(rounds, highest, len(seen))
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    return tmp_path


def reported(count: int) -> None:
    put(
        FLOW,
        drawn(f"""
        gold.governance__work_order_flow_daily
        stat_date  | town_code | reported_count
        2026-03-01 | 440605011 | {count}
    """)[1],
    )


def one(query: str):
    with serve.connect() as db:
        return db.execute(query).fetchall()


def test_the_file_holds_every_gold_table_at_the_versions_that_it_names():
    for name, rows in random_cubes(2).items():
        put(name, rows)
    reported(1)
    put("silver.work_order", Facts(1).orders(5))
    serve.publish()

    versions = dict(one("SELECT table_name, version FROM meta.source_version"))
    assert versions[FLOW] == DeltaTable(lake.table_uri(FLOW)).version() == 1
    assert versions[AREA] == 0
    for table in versions:
        served = one(f"SELECT COUNT(*) FROM {table}")[0][0]
        assert served == len(rows_of(table))
    assert one("SELECT COUNT(*) FROM gold.platform__indicator_value") == [(0,)], "not yet built, so empty"
    assert one("SELECT COUNT(*) FROM silver.work_order") == [(5,)]
    assert (
        one(f"SELECT data_time FROM meta.source_version WHERE table_name = '{FLOW}'")[0][0].isoformat() == "2026-03-01"
    )
    assert one("SELECT comment FROM duckdb_tables() WHERE table_name = 'governance__work_order_flow_daily'") == [
        ("工单流量日统计",)
    ]
    schemas = {row[0] for row in one("SELECT DISTINCT table_schema FROM information_schema.tables")}
    assert schemas == {"gold", "silver", "meta"}


def test_the_registry_is_in_the_file_with_formulas_in_chinese():
    serve.publish()
    assert one("SELECT formula FROM meta.variant WHERE indicator_id = 'WO08' AND variant = 'due_carry'") == [
        ("按期结案数 ÷ （应结案数 + 期初超期未结案数） × 100",)
    ]
    assert one("SELECT formula FROM meta.variant WHERE indicator_id = 'EN02' AND variant = 'district'") == [
        ("全区 PM2.5 日均之和 ÷ 全区 PM2.5 有效天数",)
    ]
    assert one("SELECT COUNT(*) FROM meta.variant") == [(len(list(registry().variants())),)]
    assert one("SELECT COUNT(*) FROM meta.figure") == [(len(registry().figures),)]
    assert one("SELECT unit FROM meta.column WHERE column_name = 'reported_count'") == [("件",)]


def test_the_current_value_of_an_indicator_is_its_latest_revision():
    for name, rows in random_cubes(2).items():
        put(name, rows)
    put(JOURNAL, drawn("""
        gold.platform__indicator_value
        indicator_id | variant  | area_code | period_kind | period  | period_start | period_end | as_of      | numerator | denominator | value | published_at     | revision
        WO08         | due_once | 440605    | month       | 2026-03 | 2026-03-01   | 2026-03-31 | 2026-04-01 | 3         | 4           | 75    | 2026-04-02T06:00 | 1
        WO08         | due_once | 440605    | month       | 2026-03 | 2026-03-01   | 2026-03-31 | 2026-04-09 | 8         | 20          | 40    | 2026-04-10T06:00 | 2
        WO98         | gone     | 440605    | month       | 2026-03 | 2026-03-01   | 2026-03-31 | 2026-04-09 | 4         | 4           | 100   | 2026-04-10T06:00 | 1
    """)[1])  # fmt: skip # noqa: E501
    serve.publish()
    assert one("""
        SELECT indicator_name, variant_title, is_default, unit, area_name, theme_title, value, revision, is_ranked,
          CAST(published_at AS varchar) FROM gold.indicator_current
    """) == [
        ("按期结案率", "按期结案率（不结转）", True, "%", "南海区", "社会治理", 40.0, 2, True, "2026-04-10 06:00:00")
    ]


def test_nothing_is_done_while_nothing_changed_and_the_last_three_files_are_kept(home):
    assert not serve.lags()
    reported(1)
    assert serve.lags()
    first = serve.publish()
    assert serve.publish() == first
    assert not serve.lags()
    for count in range(2, 6):
        reported(count)
        assert serve.lags()
        assert serve.publish() != first
    names = sorted(p.name for p in (home / "serving").iterdir())
    assert names == ["citybrain-000003.duckdb", "citybrain-000004.duckdb", "citybrain-000005.duckdb", "current.duckdb"]
    assert (home / "serving/current.duckdb").resolve().name == names[2]


def test_a_half_built_file_of_a_killed_process_is_cleared_away(home):
    reported(1)
    (home / "serving").mkdir()
    (home / "serving/.building-4711.duckdb").write_bytes(b"half")
    serve.publish()
    assert not list((home / "serving").glob(".building*"))


def test_a_damaged_current_file_is_replaced(home):
    reported(1)
    path = serve.publish()
    path.write_bytes(b"broken")
    assert serve.publish() != path
    assert one("SELECT MAX(reported_count) FROM gold.governance__work_order_flow_daily") == [(1,)]


@pytest.mark.slow
def test_readers_in_other_processes_see_no_error_and_nothing_older_than_they_have_seen(home):
    reported(1)
    link, stop = home / "serving/current.duckdb", home / "stop"
    serve.publish()
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, link, stop], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    time.sleep(2)
    for count in range(2, 9):
        reported(count)
        serve.publish()
        assert one("SELECT MAX(reported_count) FROM gold.governance__work_order_flow_daily") == [(count,)], "stale"
    time.sleep(1)
    stop.touch()
    for reader in readers:
        said, errors = reader.communicate(timeout=60)
        assert reader.returncode == 0, errors.decode()
        rounds, highest, _ = map(int, said.split())
        assert rounds > 10
        assert highest == 8


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{home}/out.csv'",
        "ATTACH '{home}/other.duckdb' AS other",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "CREATE TABLE gold.mine (a int)",
        "DELETE FROM gold.reference__area",
        "INSTALL httpfs",
        "SELECT * FROM delta_scan('{home}/lake/bronze/centre__work_order')",
        "SELECT * FROM read_parquet('{home}/lake/bronze/centre__work_order/*.parquet')",
        "SELECT * FROM '{home}/landing/x.csv'",
    ],
)
def test_a_reader_reaches_nothing_but_gold_and_silver(home, query):
    reported(1)
    put("silver.work_order", Facts(1).orders(5))
    put("bronze.centre__work_order", [{"work_order_id": "NH20260301000001"}])
    serve.publish()
    with serve.connect() as db, pytest.raises(duckdb.Error):
        db.execute(query.format(home=home)).fetchall()


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO '{home}/lake/silver/x.csv'",
        "SET threads = 1",
        "ATTACH ':memory:' AS m",
        "CALL pragma_version()",
        "SELECT 1; CREATE TEMP TABLE t (a int)",
    ],
)
def test_the_command_line_takes_queries_only(home, query):
    serve.publish()
    (home / "lake/silver").mkdir(parents=True, exist_ok=True)
    with pytest.raises(serve.QueryError, match="只能查询"):
        serve.sql(query.format(home=home))


@pytest.mark.parametrize(("query", "why"), [("SELEC 1", "syntax error"), ("SELECT theem FROM meta.theme", '"theme"')])
def test_what_is_wrong_with_a_query_is_said_without_a_traceback(monkeypatch, capsys, query, why):
    serve.publish()
    monkeypatch.setattr("sys.argv", ["citybrain", "sql", query])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    said = capsys.readouterr().err
    assert said.startswith("citybrain: 查询不成立：")
    assert why in said
    assert "Traceback" not in said


def test_answers_are_aligned_also_in_chinese_or_one_json_object_a_line():
    serve.publish()
    query = "SELECT panel_title, theme FROM meta.theme WHERE theme IN ('T01', 'T12') ORDER BY theme"
    assert serve.sql(query) == "panel_title     theme\n宏观经济        T01\n广东金融高新区  T12"
    lines = serve.sql(query, as_json=True).splitlines()
    assert json.loads(lines[1]) == {"panel_title": "广东金融高新区", "theme": "T12"}


def test_without_a_file_the_message_says_what_to_do():
    with pytest.raises(FileNotFoundError, match="citybrain serve"):
        serve.connect()


def test_serving_needs_neither_spark_nor_great_expectations():
    code = "import sys; from citybrain import serve; print({'pyspark', 'great_expectations'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert said.stdout.strip() == "set()"
