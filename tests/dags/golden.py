"""DAGs as text: name, schedule, tasks. On a wanted change write it anew and read the difference:

.venvs/airflow/bin/python -m tests.dags.golden
"""

from airflow.sdk import AssetAny


def drawn(bag) -> str:
    return "\n".join(_dag(bag.dags[dag_id]) for dag_id in sorted(bag.dags))


def _dag(dag) -> str:
    tasks = " → ".join(task.task_id + (" × n" if task.is_mapped else "") for task in dag.topological_sort())
    return "".join(f"{line}\n" for line in (dag.dag_id, *(f"    {line}" for line in _when(dag)), f"    → {tasks}"))


def _when(dag) -> list[str]:
    condition = getattr(dag.timetable, "asset_condition", None)
    if isinstance(condition, AssetAny):
        return ["any of", *(f"    {asset.name}" for asset in condition.objects)]
    return [str(getattr(dag.timetable, "expression", None) or f"every {dag.timetable.delta}")]


if __name__ == "__main__":
    from airflow.dag_processing.dagbag import BundleDagBag

    from tests.dags.conftest import DAGS, GOLDEN

    GOLDEN.write_text(drawn(BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")), "utf-8")
