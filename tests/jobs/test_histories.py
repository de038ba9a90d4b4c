"""Every table of the project: a city's deliveries in any order and any increments, some taken back, corrected, repaired
or read anew, code tables and formulas changed on the way, tables kept up and looked through as small or as large ones,
give the same tables as one full build; and no file of them holds a person's number. What happens in a history, and how,
is told by tests.jobs.happened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from citybrain import contracts, simulate
from citybrain.contracts import Contract
from citybrain.maintain import maintain
from citybrain.runner import plan, state, transform
from citybrain.runner.build import Stage
from tests.jobs.happened import FULLS, KINDS, REFUSING, History, Home, Step, files_of, source_of
from tests.jobs.lakehouse import build_and_publish, content, latest
from tests.jobs.personal import held, planted

pytestmark = pytest.mark.slow
DECLARED = contracts.load()
BUILT = [c.table for c in contracts.in_order(DECLARED) if c.build]
POPULATION = "gold.economy__population_yearly"  # its facts change but once, which today's formula must see
WITH_FORMULA = [t for t in BUILT if DECLARED[t].build in ("merge", "cube", "replace") and t != POPULATION]
INCREMENTAL = {table for table in BUILT if DECLARED[table].build in ("merge", "cube")}
LOOKUPS = ("town", "village", "category", "place_name")  # each of several tables
OTHERS = ("deadline_rule", "calendar_day", "boundary", "industry", "department")
PLAYED, SEED = (int(os.environ.get(f"CITYBRAIN_HISTORIES{name}") or n) for name, n in (("", 1), ("_SEED", 0)))


@st.composite
def histories(draw: st.DrawFn, files: tuple[str, ...]) -> History:
    """Each source delivers on two days if it has two files: how many of them on the first is drawn.

    Fulls of the register come on the first and the third: each has the table of entities built anew, which would never
    be seen to follow its changes otherwise.
    """
    order = draw(st.permutations(files))
    hypothesis.assume(order != list(files))  # what comes first is always the plainest: everything as planned
    days: tuple[list[str], ...] = ([], [], [])
    for source in dict.fromkeys(map(source_of, files)):
        sent = [file for file in order if source_of(file) == source]
        cut = draw(st.integers(1, max(1, len(sent) - 1)))
        days[0].extend(sent[:cut])
        days[2 if source == FULLS else 1].extend(sent[cut:])
    steps = [Step(kind, draw(st.integers(0, 99))) for kind in draw(st.permutations(KINDS))]
    cut = draw(st.integers(0, len(steps)))
    return History(
        deliveries=tuple(tuple(file for file in order if file in day) for day in days),
        steps=(tuple(steps[:cut]), tuple(steps[cut:])),
        refusing=draw(st.sampled_from(REFUSING)),
        formulas=tuple(draw(st.lists(st.sampled_from(WITH_FORMULA), min_size=5, max_size=5, unique=True))),
        codes=("population", draw(st.sampled_from(LOOKUPS)), draw(st.sampled_from(OTHERS))),
        large=draw(st.sampled_from((1, 40, state.LARGE))),
    )


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("city")
    simulate.simulate(folder, seed=105, months=2, scale=0.004)  # of 105 every delivery has rows
    return folder / "inbox"


@hypothesis.seed(SEED)
@settings(max_examples=PLAYED, phases=[Phase.generate], deadline=None, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(data=st.data())
def test_any_history_in_any_increments_equals_one_full_build(spark, city, tmp_path_factory, data):
    hypothesis.note(f"CITYBRAIN_HISTORIES={PLAYED} CITYBRAIN_HISTORIES_SEED={SEED}")
    files = files_of(city)
    history = data.draw(histories(tuple(files)))
    folder = tmp_path_factory.mktemp("history")
    with pytest.MonkeyPatch.context() as environment:
        built, in_parts = play(spark, history, files, folder, environment)
        assert_that_increments_were_played(built, history)
        counted_on = shares()
        shutil.copytree(folder / "parts/lake/bronze", folder / "whole/lake/bronze")
        shutil.copytree(folder / "parts/secrets", folder / "whole/secrets")
        environment.setenv("CITYBRAIN_HOME", str(folder / "whole"))
        build_and_publish(spark, BUILT)
        at_once = tables()
        assert shares() == counted_on
    assert sum(map(bool, at_once.values())) > 20, "the history says something to most tables"
    for table in BUILT:
        assert in_parts[table] == at_once[table], table
    assert_that_no_number_left_bronze(city, folder)
    shutil.rmtree(folder)


def play(
    spark: Any, history: History, files: dict[str, Path], folder: Path, environment: pytest.MonkeyPatch
) -> tuple[list[Stage], dict[str, Any]]:
    """Three days: some deliveries, then upkeep; others and what happens to them; the rest, by other code tables and
    formulas."""
    environment.setenv("CITYBRAIN_HOME", str(folder / "parts"))
    environment.setattr(state, "LARGE", history.large)
    home, built = Home(files, folder, environment), []
    with pytest.MonkeyPatch.context() as then:
        other_formulas(then, history.formulas)
        with home.refusing(history.refusing):
            home.receive(history.deliveries[0])
        built += build_and_publish(spark, BUILT).values()
        assert all(kept.ok for kept in maintain(keep_days=0))
        home.receive(history.deliveries[1])
        home.correct_what_came_once()
        home.take(history.steps[0], history.refusing)
        built += build_and_publish(spark, BUILT).values()
    home.receive(history.deliveries[2])
    home.take(history.steps[1], history.refusing)
    home.change_codes(history.codes)
    built += build_and_publish(spark, BUILT).values()
    return built, tables()


def assert_that_increments_were_played(built: list[Stage], history: History) -> None:
    by_changes = [stage for stage in built if stage.extent == "changes"]
    never = INCREMENTAL - {stage.table for stage in by_changes} - set(history.formulas)  # these on the second day only
    assert len(never) <= len(INCREMENTAL) / 5, f"never brought up to date by changes: {sorted(never)}"
    by_via = [s for s in by_changes if s.table == "silver.service_rating" and "silver.service_case" in s.reason]
    assert by_via, "a lookup was followed through its key"
    assert any(stage.reason.startswith("lookup ") for stage in built), "a lookup changed"
    assert any(stage.reason.startswith("contract, rules") for stage in built), "a formula changed"


def assert_that_no_number_left_bronze(city: Path, folder: Path) -> None:
    numbers = planted(city)
    assert len(numbers) > 20
    for home in ("parts", "whole"):
        layers = (folder / home / "lake" / layer for layer in ("silver", "gold"))
        assert [found for found in held(layers) if found[0] in numbers] == [], "a person's number left bronze"


def shares() -> dict[str, dict[str, list[int]]]:
    """What each table says of the rows that its rules limit."""
    return {table: found.shares for table in BUILT if (found := state.state(table)) and found.shares}


def other_formulas(then: pytest.MonkeyPatch, tables: tuple[str, ...]) -> None:
    """At that time the formulas of some tables left out what those of today count: every fifth key."""
    result, print_of = transform._result, plan.fingerprint

    def left_out(contract: Contract, inputs: Any) -> Any:
        rows, key = result(contract, inputs), contract.key[0]
        return rows.filter(f"pmod(xxhash64(`{key}`), 5) <> 0") if contract.table in tables else rows

    then.setattr(transform, "_result", left_out)
    then.setattr(
        plan, "fingerprint", lambda contract: f"{print_of(contract)}{' then' if contract.table in tables else ''}"
    )


def tables() -> dict[str, Any]:
    """Every row of every table; of a journal, what its last revisions say."""
    return {
        table: (latest(table) if DECLARED[table].build == "journal" else content(table)) if state.pin(table).id else []
        for table in BUILT
    }
