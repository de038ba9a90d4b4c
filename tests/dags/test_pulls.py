"""What a site has connections for is pulled by the DAG of its source, beside the inbox."""

import json
import shutil

import pytest

from tests.dags.conftest import DAGS
from tests.dags.golden import _dag
from tests.dags.test_runs import ORDER, run

__all__ = ["run"]

pytestmark = pytest.mark.usefixtures("database")
PULL = {"how": "api", "url": "https://orders.invalid/list", "rows": "data"}


@pytest.fixture
def bag(tmp_path, monkeypatch):
    """The DAGs of a site that pulls work orders."""
    from airflow.dag_processing.dagbag import BundleDagBag

    (tmp_path / "site/pulls").mkdir(parents=True)
    (tmp_path / "site/pulls/centre__work_order.yaml").write_text(json.dumps(PULL), "utf-8")
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(tmp_path / "site"))
    folder = tmp_path / "dags"
    folder.mkdir()
    for name in ("ingest.py", "steps.py"):
        shutil.copy(DAGS / name, folder)
    return BundleDagBag(dag_folder=str(folder), bundle_path=folder, bundle_name="dags-folder")


def test_only_the_source_with_a_connection_pulls(bag):
    assert bag.import_errors == {}
    tasks = {dag_id: {t.task_id for t in dag.tasks} for dag_id, dag in bag.dags.items()}
    assert {dag_id for dag_id, names in tasks.items() if "pull" in names} == {"ingest__centre"}
    assert "→ ingest → verdict → pull → pull_verdict" in _dag(bag.dags["ingest__centre"])


def test_a_pull_that_fails_stops_neither_the_inbox_nor_what_it_brought(bag, run, citybrain):
    loaded = {"table": ORDER, "receipt": "R1", "status": "loaded", "counts": {"accepted": 3}}
    failed = {"table": "bronze.centre__work_order_event", "status": "failed", "reason": "HTTP 500"}
    citybrain(json.dumps(loaded), json.dumps(failed), code=1)
    state, states, woke = run("ingest__centre")
    assert (state, woke) == ("failed", {ORDER})
    assert states == {"ingest": "success", "verdict": "failed", "pull": "success", "pull_verdict": "failed"}
