"""The serving file, when any gold table holds something new."""

from datetime import timedelta

from airflow.sdk import DAG

from citybrain import contracts
from citybrain.render import airflow as plan
from steps import Citybrain, any_of, policy

serve = plan.serve(contracts.load())

with DAG(serve.dag_id, schedule=any_of(serve.wakes_on), **policy(serve, "serving", timedelta(hours=1))):
    Citybrain(task_id="serve", command=serve.command)
