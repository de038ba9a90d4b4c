"""What the DAGs start is what the command line understands."""

import pytest
import typer

from citybrain import cli, contracts
from citybrain.render import airflow as plan

CONTRACTS = contracts.load()


def parsed(command: tuple[str, ...]) -> dict:
    """The parameters of the command, as it would be called with them."""
    app = typer.main.get_command(cli.app)
    context = app.make_context("citybrain", list(command))
    name, verb, words = app.resolve_command(context, list(command))
    return verb.make_context(name, list(words), parent=context).params


def layer(name: str) -> set[str]:
    return {c.table for c in CONTRACTS.values() if c.layer == name}


def test_the_sources_together_empty_every_inbox():
    calls = [parsed(source.command) for source in plan.sources(CONTRACTS)]
    assert all(call["inbox"] and call["as_json"] and not call["table"] and not call["file"] for call in calls)
    assert {table for call in calls for table in call["tables"]} == layer("bronze")


def test_every_built_table_is_run():
    calls = [parsed(process.command) for process in (plan.conform(CONTRACTS), *plan.themes(CONTRACTS))]
    assert all(call["as_json"] and not call["full"] for call in calls)
    assert {table for call in calls for table in call["tables"]} == layer("silver") | layer("gold")


@pytest.mark.parametrize(
    "process",
    [plan.serve(CONTRACTS), plan.catch_up(CONTRACTS), plan.maintain(CONTRACTS), plan.morning(CONTRACTS)],
    ids=lambda p: p.dag_id,
)
def test_the_others_are_understood(process):
    parsed(process.command)
