"""Starts what lags behind its inputs. Asset events are hints and some get lost; the versions in the lake do not."""

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Context

from citybrain import contracts
from citybrain.render import airflow as plan
from steps import ZONE, Citybrain, policy

EVERY = timedelta(seconds=int(os.environ.get("CITYBRAIN_CATCH_UP_SECONDS") or 300))


class Lagging(Citybrain):
    """The DAGs to start: those with tables that lag, unless they, or what builds their inputs, are at it already."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        ti = context["ti"]
        start = []
        said = super().execute(context)
        for table, why in plan.blocked(said).items():
            self.log.warning("%s stays as it was, blocked by %s", table, why)
        for dag_id, tables in plan.lagging(said).items():
            if at_it := [d for d in (dag_id, *upstream[dag_id]) if ti.get_dr_count(d, states=["queued", "running"])]:
                self.log.info("%s is behind with %s, and on its way: %s", dag_id, tables, ", ".join(sorted(at_it)))
                continue
            # The number of successes of a DAG that keeps failing stands still: so it is started once an hour at most,
            # not at each look, for Airflow takes a name only once.
            hour = pendulum.now(ZONE).format("YYYY-MM-DDTHH")
            run_id = f"{plan.CATCH_UP}__{hour}__{ti.get_dr_count(dag_id, states=['success'])}"
            self.log.info("%s is behind with %s", dag_id, tables)
            start.append({"trigger_dag_id": dag_id, "trigger_run_id": run_id, "conf": {"lagging": tables}})
        return start


catch_up = plan.catch_up(contracts.load())
upstream = plan.upstream(contracts.load())

with DAG(catch_up.dag_id, schedule=EVERY, **policy(catch_up, "upkeep", timedelta(minutes=10))):
    lagging = Lagging(task_id="lag", command=catch_up.command)
    TriggerDagRunOperator.partial(task_id="wake", logical_date=None, skip_when_already_exists=True).expand_kwargs(
        lagging.output
    )
