"""One DAG a theme: its gold tables, when any table they read from elsewhere holds something new."""

from datetime import timedelta

from airflow.sdk import DAG

from citybrain import contracts
from citybrain.render import airflow as plan
from steps import any_of, bring_up_to_date, policy

for theme in plan.themes(contracts.load()):
    with DAG(theme.dag_id, schedule=any_of(theme.wakes_on), **policy(theme, "gold", timedelta(hours=3))):
        bring_up_to_date(theme)
