"""DAGs as text: name, schedule, tasks. On a wanted change write it anew and read the difference:

.venvs/airflow/bin/python -m tests.dags.golden
"""

from airflow.sdk import AssetAny


def drawn(bag) -> str:
    return "\n".join(_dag(bag.dags[dag_id]) for dag_id in sorted(bag.dags))


def _dag(dag) -> str:
    tasks = " → ".join(task.task_id + (" × n" if task.is_mapped else "") for task in dag.topological_sort())
    return f"{dag.dag_id}\n    {_when(dag)}\n    → {tasks}\n"


def _when(dag) -> str:
    condition = getattr(dag.timetable, "asset_condition", None)
    if isinstance(condition, AssetAny):  # by source or theme: a further table is no news here
        return "any of " + " ".join(sorted({asset.name.split("__")[0] for asset in condition.objects}))
    return str(getattr(dag.timetable, "expression", None) or f"every {dag.timetable.delta}")


if __name__ == "__main__":
    from airflow.dag_processing.dagbag import BundleDagBag

    from tests.dags.conftest import DAGS, GOLDEN

    GOLDEN.write_text(drawn(BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")), "utf-8")
