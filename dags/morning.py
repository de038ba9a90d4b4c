"""Each morning: what is late, due today, failed, blocked or drifted; the reminders (催报) as rows, all as text."""

from datetime import timedelta

from airflow.sdk import DAG

from citybrain import contracts
from citybrain.render import airflow as plan
from steps import Citybrain, at, policy

morning = plan.morning(contracts.load())

with DAG(morning.dag_id, schedule=at("30 7 * * *"), **policy(morning, "upkeep", timedelta(minutes=30))):
    Citybrain(task_id="digest", command=morning.command)
