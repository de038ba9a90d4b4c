"""One DAG a source: look into its inboxes, and pull what its systems have; load what has arrived."""

from datetime import timedelta

from airflow.sdk import DAG

from citybrain import contracts
from citybrain.pull import declared
from citybrain.render import airflow as plan
from steps import at, bring_up_to_date, policy

# We look more often than a source delivers: files come late, and repaired ones need not wait for the next delivery.
LOOKS = {
    "hour": "*/10 * * * *",
    "day": "5 * * * *",
    "week": "15 6-20/2 * * *",
    "month": "15 6-20/2 * * *",
    "quarter": "25 7,13 * * *",
    "once": "25 7,13 * * *",
}

known = contracts.load()
pulls = plan.pulls(known, declared.load(known))

for source in plan.sources(known):
    with DAG(source.dag_id, schedule=at(LOOKS[str(source.every)]), **policy(source, "bronze", timedelta(hours=1))):
        bring_up_to_date(source)
        if source.dag_id in pulls:
            bring_up_to_date(pulls[source.dag_id])
