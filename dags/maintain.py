"""Each night, upkeep: few files instead of many in the lake, and no old runs in Airflow's own database."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import DAG, Context, task
from airflow.sdk.exceptions import AirflowSkipException

from citybrain import contracts
from citybrain.render import airflow as plan
from steps import ZONE, Citybrain, at, policy, verdict

KEEP_DAYS = int(os.environ.get("CITYBRAIN_AIRFLOW_KEEP_DAYS") or 90)


class Upkeep(Citybrain):
    """Tables whose upkeep failed are the next task's complaint; they stay as they were."""

    def execute(self, context: Context) -> list[str]:
        return plan.complaints(super().execute(context))


@task
def forget() -> None:
    """Deletes what Airflow remembers of runs that are older than CITYBRAIN_AIRFLOW_KEEP_DAYS.

    Airflow keeps its database from tasks; the supervisor gives the address under a name of its own (infra/stack.py).
    """
    address = os.environ.get("_AIRFLOW_DATABASE")
    if not address:
        raise AirflowSkipException("where Airflow's database is, _AIRFLOW_DATABASE does not say")
    before = pendulum.now(ZONE).subtract(days=KEEP_DAYS).to_iso8601_string()
    airflow = str(Path(sys.executable).with_name("airflow"))
    options = ["--clean-before-timestamp", before, "--skip-archive", "--error-on-cleanup-failure", "--yes"]
    env = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address}
    subprocess.run([airflow, "db", "clean", *options], env=env, stdin=subprocess.DEVNULL, check=True)


maintain = plan.maintain(contracts.load())

with DAG(maintain.dag_id, schedule=at("30 3 * * *"), **policy(maintain, "upkeep", timedelta(hours=3))):
    verdict(Upkeep(task_id="maintain", command=maintain.command).output)
    forget()
