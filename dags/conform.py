"""Silver, when any bronze table holds something new. One process: the tables read each other."""

from datetime import timedelta

from airflow.sdk import DAG

from citybrain import contracts
from citybrain.render import airflow as plan
from steps import any_of, bring_up_to_date, policy

conform = plan.conform(contracts.load())

with DAG(conform.dag_id, schedule=any_of(conform.wakes_on), **policy(conform, "silver", timedelta(hours=3))):
    bring_up_to_date(conform)
