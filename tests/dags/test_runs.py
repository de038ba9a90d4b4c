"""Runs of single DAGs, with a script that speaks in the place of `citybrain`."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pendulum
import pytest
from sqlalchemy import select, update

from citybrain.render import airflow as plan
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("database")

ORDER, EVENT = "bronze.centre__work_order", "bronze.centre__work_order_event"


def receipt(table: str, status: str, accepted: int = 0, quarantined: int = 0) -> str:
    counts = {"delivered": accepted + quarantined, "accepted": accepted, "quarantined": quarantined}
    issues = [{"text": "440681199001011234"}] * quarantined
    return json.dumps({"table": table, "receipt": "R1", "status": status, "counts": counts, "issues": issues})


LOADED = receipt(ORDER, "loaded", accepted=7, quarantined=1)
ALL_BAD = receipt(ORDER, "loaded", quarantined=9)
REFUSED = receipt(EVENT, "refused")
ALREADY = receipt(EVENT, "already", accepted=7)


@pytest.fixture
def run(bag):
    """Runs a DAG without retries; gives the states of its run and tasks, and the tables it woke the readers of."""

    def run(dag_id: str) -> tuple[str, dict[str, str], set[str]]:
        dag = bag.dags[dag_id]
        usual = [(task, task.retries) for task in dag.tasks if task.task_id != "verdict" and not task.is_mapped]
        for task, _ in usual:
            task.retries = 0
        try:
            done = dag.test()
        finally:
            for task, retries in usual:
                task.retries = retries
        states = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
        return str(done.state), states, woken(done.run_id)

    return run


def woken(run_id: str) -> set[str]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        return {e.asset.name for e in session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run_id))}


def test_only_tables_with_good_rows_wake_their_readers(run, citybrain):
    called = citybrain(LOADED, REFUSED, ALREADY)
    state, _, woke = run("ingest__centre")
    assert (state, woke) == ("success", {ORDER})
    assert called.read_text() == f"ingest --inbox --table {ORDER} --table {EVENT} --json\n"


def test_what_is_delivered_does_not_get_into_the_log():
    said = plan.results(LOADED)
    assert [plan.line(r) for r in said] == ["bronze.centre__work_order R1 loaded delivered 8 accepted 7 quarantined 1"]


def test_a_refused_file_is_the_departments_matter_and_no_failure(run, citybrain):
    citybrain(REFUSED, ALL_BAD, code=3)
    assert run("ingest__centre") == ("success", {"ingest": "success", "verdict": "success"}, set())


def test_an_empty_inbox_is_skipped(run, citybrain):
    citybrain("looking", code=0)
    assert run("ingest__centre") == ("success", {"ingest": "skipped", "verdict": "skipped"}, set())


def test_a_full_disk_fails_the_task_and_wakes_nobody(run, citybrain):
    citybrain(LOADED, code=4)
    state, states, woke = run("ingest__centre")
    assert (state, states["ingest"], woke) == ("failed", "failed", set())


@pytest.mark.parametrize("code", [1, 2, 3, 127])
def test_an_end_without_an_answer_is_a_failure(run, citybrain, code):
    citybrain("Traceback (most recent call last):", code=code)
    assert run("ingest__centre")[0] == "failed"


def test_half_an_answer_is_a_failure(run, citybrain):
    citybrain(LOADED[:40], code=0)
    assert run("ingest__centre")[0] == "failed"


def test_what_was_published_wakes_its_readers_though_another_table_was_blocked(run, citybrain):
    citybrain(
        '{"table": "silver.town", "status": "published", "version": 3, "rows": {"inserted": 1}}',
        '{"table": "silver.village", "status": "unchanged", "version": 8, "rows": {}}',
        '{"table": "silver.work_order", "status": "blocked", "version": 5, "rows": {}, "reason": "重复的工单"}',
        '{"table": "silver.service_case", "status": "skipped", "version": 2, "rows": {}}',
        code=1,
    )
    assert run("conform") == ("failed", {"run": "success", "verdict": "failed"}, {"silver.town"})


def test_a_rerun_that_changes_nothing_wakes_nobody(run, citybrain):
    citybrain('{"table": "gold.reference__area", "status": "unchanged", "version": 3, "rows": {}}')
    assert run("theme__reference") == ("success", {"run": "success", "verdict": "success"}, set())


def test_serving_is_one_process(run, citybrain):
    called = citybrain()
    assert run("serve") == ("success", {"serve": "success"}, set())
    assert called.read_text() == "serve\n"


def test_the_morning_is_one_process(run, citybrain):
    called = citybrain('{"table": "ops.reminder", "status": "written", "rows": {"late": 3, "due": 0}}')
    assert run("morning") == ("success", {"digest": "success"}, set())
    assert called.read_text() == "digest --keep --json\n"


def test_nothing_is_started_when_nothing_lags(run, citybrain):
    citybrain('{"tables": [], "serving": false}')
    assert run("catch_up") == ("success", {"lag": "success", "wake": "skipped"}, set())


def test_upkeep_forgets_old_runs_only_and_complains_of_tables_it_could_not_keep(run, citybrain, monkeypatch):
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    monkeypatch.setenv("_AIRFLOW_DATABASE", os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    citybrain('{"table": "silver.town", "status": "unchanged", "files_before": 1, "files_after": 1, "deleted": 0}')
    states = [run("serve")[0] for _ in range(3)]
    assert states == ["success"] * 3
    with create_session() as session:
        old, kept, _ = session.scalars(select(DagRun).where(DagRun.dag_id == "serve").order_by(DagRun.id).limit(3))
        old.start_date, old_id, kept_id = pendulum.now().subtract(days=91), old.id, kept.id
    assert run("maintain")[:2] == ("success", {"maintain": "success", "verdict": "success", "forget": "success"})
    with create_session() as session:
        left = set(session.scalars(select(DagRun.id).where(DagRun.dag_id == "serve")))
    assert (old_id in left, kept_id in left) == (False, True)
    citybrain('{"table": "silver.town", "status": "failed", "reason": "full disk"}', code=1)
    assert run("maintain")[1] == {"maintain": "success", "verdict": "failed", "forget": "success"}


def test_exactly_the_dags_that_lag_are_started_once(run, citybrain):
    tables = ["gold.services__case_daily", "gold.services__item_daily"]
    citybrain(json.dumps({"tables": tables, "blocked": {"silver.village": "key_unique"}, "serving": True}))
    before = waiting()
    assert run("catch_up")[0] == "success"
    after = waiting()
    assert run("catch_up")[0] == "success"
    assert sorted(after - before) == sorted(waiting() - before)
    assert {dag_id for dag_id, _ in after - before} == {"theme__services", "serve"}


def test_a_dag_is_not_started_while_what_builds_its_inputs_is_at_it(run, citybrain):
    citybrain('{"tables": ["silver.town"], "serving": false}')
    run("catch_up")
    (building,) = [run_id for dag_id, run_id in waiting() if dag_id == "conform"]
    citybrain('{"tables": ["gold.reference__area"], "serving": false}')
    run("catch_up")
    assert [dag_id for dag_id, _ in waiting() if dag_id == "theme__reference"] == []
    ended(building, "success")
    run("catch_up")
    assert [dag_id for dag_id, _ in waiting() if dag_id == "theme__reference"] == ["theme__reference"]


def test_a_dag_that_keeps_failing_is_started_once_an_hour(run, citybrain):
    if time.localtime().tm_min == 59:
        time.sleep(60)  # the hour must not change on the way
    citybrain('{"tables": ["silver.town"], "serving": false}')
    assert run("catch_up")[0] == "success"
    (first,) = [run_id for dag_id, run_id in waiting() if dag_id == "conform"]
    ended(first, "failed")
    run("catch_up")
    assert [run_id for dag_id, run_id in waiting() if dag_id == "conform"] == []
    ended(first, "success")
    run("catch_up")
    assert len([run_id for dag_id, run_id in waiting() if dag_id == "conform"]) == 1


def ended(run_id: str, state: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        session.execute(update(DagRun).where(DagRun.run_id == run_id).values(state=state))


def waiting() -> set[tuple[str, str]]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return {(r.dag_id, r.run_id) for r in session.scalars(select(DagRun).where(DagRun.state == "queued"))}


def test_the_process_gets_no_secret_of_airflow_and_sends_no_hints(run, citybrain, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", "http://127.0.0.1:1")
    citybrain(LOADED, first=f"env >{tmp_path}/env")
    run("ingest__centre")
    seen = (tmp_path / "env").read_text("utf-8")
    assert "AIRFLOW__" not in seen
    assert "CITYBRAIN_AIRFLOW_URL=\n" in seen
    assert "CITYBRAIN_BIN=" in seen


def test_a_task_out_of_time_ends_its_process_and_what_that_started(bag, run, citybrain, tmp_path):
    citybrain(LOADED, first=f"sleep 987 & echo $! $$ >{tmp_path}/pids; wait")
    task = bag.dags["ingest__centre"].get_task("ingest")
    usual, task.execution_timeout = task.execution_timeout, timedelta(seconds=3)
    try:
        assert run("ingest__centre")[0] == "failed"
    finally:
        task.execution_timeout = usual
    assert not alive(tmp_path / "pids")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_a_killed_task_leaves_no_process(citybrain, tmp_path, how):
    """The task in a process of its own, which is killed from outside, as Airflow and the kernel do."""
    citybrain(LOADED, first=f"sleep 986 & echo $! $$ >{tmp_path}/pids; wait")
    script = (
        "import sys, signal; sys.path.insert(0, 'dags'); from steps import Citybrain;"
        "task = Citybrain(task_id='t', command=('serve',));"
        "signal.signal(signal.SIGTERM, lambda *_: task.on_kill());"
        "task.execute({})"
    )
    runner = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    pids = tmp_path / "pids"
    wait_until(lambda: pids.exists() and alive(pids), 30)
    runner.send_signal(how)
    runner.wait(timeout=30)
    wait_until(lambda: not alive(pids), 1)


def alive(pids: Path) -> list[int]:
    return [int(pid) for pid in pids.read_text().split() if Path(f"/proc/{pid}").exists() and not zombie(pid)]


def zombie(pid: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
