"""What DAGs there are, when they run, and the rules that all of them keep."""

import subprocess
import sys
from datetime import timedelta

import pendulum
import pytest
from airflow.sdk import AssetAny
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import TimeRestriction

from citybrain import contracts
from citybrain.render import airflow as plan
from tests.dags.conftest import DAGS, GOLDEN
from tests.dags.golden import drawn

EXPECTED = {
    "ingest__centre",
    "ingest__reference",
    "ingest__services",
    "conform",
    "theme__governance",
    "theme__platform",
    "theme__reference",
    "theme__services",
    "serve",
    "catch_up",
    "maintain",
    "morning",
}


CONTRACTS = contracts.load()


def test_every_file_imports(bag):
    assert bag.import_errors == {}


def test_the_expected_dags_are_there(bag):
    assert set(bag.dags) >= EXPECTED


def test_dags_schedules_and_tasks_are_the_golden_ones(bag):
    """On a wanted change: .venvs/airflow/bin/python -m tests.dags.golden"""
    assert drawn(bag) == GOLDEN.read_text("utf-8")


def test_every_built_table_is_built_by_exactly_the_dag_that_catch_up_would_start(bag):
    built = [c.table for c in CONTRACTS.values() if c.layer != "bronze"]
    by_dag = {t: dag.dag_id for dag in bag.dags.values() for task in dag.tasks for t in getattr(task, "command", ())}
    assert {table: by_dag.get(table) for table in built} == {table: plan.dag_of(table) for table in built}


def test_every_table_that_something_reads_wakes_its_reader(bag):
    for contract in CONTRACTS.values():
        for table in contract.inputs:
            reader = plan.dag_of(contract.table)
            made_there = CONTRACTS[table].layer != "bronze" and plan.dag_of(table) == reader
            assert made_there or table in woken_by(bag.dags[reader]), f"{table} does not wake {reader}"


def woken_by(dag) -> set[str]:
    condition = dag.timetable.asset_condition
    assert isinstance(condition, AssetAny), "a list of assets would wait for all of them"
    return {asset.name for asset in condition.objects}


def test_what_was_due_before_a_first_start_is_not_made_up_for(bag):
    """Where a bureau installs at nine, the digest of half past seven comes tomorrow. As the scheduler reads it back."""
    from steps import at

    just = pendulum.now("Asia/Shanghai").subtract(minutes=2)
    schedule = decode_timetable(encode_timetable(at(f"{just.minute} {just.hour} * * *")))
    first = schedule.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(earliest=None, latest=None, catchup=False)
    )
    assert first.run_after > pendulum.now()


def policies() -> list:
    def owner(dag):
        assert {t.owner for t in dag.tasks} <= {c.owner for c in CONTRACTS.values()}

    def text(dag):
        title, by_hand = dag.doc_md.split("\n\n")
        assert any("一" <= character <= "鿿" for character in title), "a Chinese title"
        assert "`citybrain " in by_hand, "how to run it by hand"

    def tags(dag):
        from steps import TAGS

        assert len(dag.tags) >= 1
        assert set(dag.tags) <= set(TAGS)

    def retries(dag):
        assert all(t.retries == 2 and t.retry_delay >= timedelta(seconds=30) for t in dag.tasks)

    def time_limit(dag):
        assert all(t.execution_timeout for t in dag.tasks)

    def zone(dag):
        assert str(dag.timezone) == "Asia/Shanghai"
        assert str(getattr(dag.timetable, "timezone", "Asia/Shanghai")) == "Asia/Shanghai"

    def one_at_a_time(dag):
        assert dag.max_active_runs == 1
        assert dag.catchup is False

    return [owner, text, tags, retries, time_limit, zone, one_at_a_time]


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.__name__)
@pytest.mark.parametrize("dag_id", sorted(EXPECTED))
def test_policy(bag, dag_id, policy):
    policy(bag.dags[dag_id])


def test_airflow_loads_no_engine():
    """In a process of its own: what the DAGs import, and nothing that this test run imported before."""
    script = (
        "import sys, runpy; sys.path.insert(0, '.');"
        "[runpy.run_path(f) for f in sys.argv[1:]];"
        "print(*sorted({'pyspark', 'duckdb', 'deltalake', 'delta', 'pyarrow'} & set(sys.modules)))"
    )
    files = sorted(path.name for path in DAGS.glob("*.py"))
    assert len(files) >= 6
    ended = subprocess.run([sys.executable, "-c", script, *files], cwd=DAGS, capture_output=True, text=True, check=True)
    assert ended.stdout.split("\n")[-2:] == ["", ""]
