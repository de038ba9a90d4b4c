"""Every table of the project: a city's deliveries in any order, some taken back, code tables and formulas changed on
the way, in any increments, give the same tables as one full build; and no file of them holds a person's number."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from citybrain import contracts, simulate
from citybrain.contracts import Contract
from citybrain.contracts.load import folders
from citybrain.ingest import ingest, withdraw
from citybrain.runner import plan, state, transform
from tests.jobs.lakehouse import build_and_publish, content, latest
from tests.jobs.personal import held, planted

pytestmark = pytest.mark.slow
DECLARED = contracts.load()
BUILT = [c.table for c in contracts.in_order(DECLARED) if c.build]
WITH_FORMULA = [table for table in BUILT if DECLARED[table].build in ("merge", "cube", "replace")]
SEEDS = range(int(os.environ.get("CITYBRAIN_HISTORIES") or 1))  # `make bench` plays more of them


@pytest.mark.parametrize("seed", SEEDS)
def test_any_history_in_any_increments_equals_one_full_build(spark, seed, tmp_path, monkeypatch):
    chance = random.Random(seed)
    simulate.simulate(tmp_path / "city", seed=100 + seed, months=2, scale=0.004)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "parts"))
    *early, last = cut(deliveries(tmp_path, chance), chance, pieces=3)
    for part in early:
        hand_in(part, chance)
        with monkeypatch.context() as then:
            other_formulas(then, chance.sample(WITH_FORMULA, 5))
            build_and_publish(spark, BUILT)
    hand_in(last, chance)
    build_and_publish(spark, BUILT)
    in_parts, counted_on = tables(), shares()
    shutil.copytree(tmp_path / "parts/lake/bronze", tmp_path / "whole/lake/bronze")
    shutil.copytree(tmp_path / "parts/secrets", tmp_path / "whole/secrets")
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "whole"))
    build_and_publish(spark, BUILT)
    at_once = tables()
    assert shares() == counted_on
    assert sum(map(bool, at_once.values())) > 20, "the history says something to most tables"
    for table in BUILT:
        assert in_parts[table] == at_once[table], table
    numbers = planted(tmp_path / "city/inbox")
    assert len(numbers) > 20
    for home in ("parts", "whole"):
        layers = (tmp_path / home / "lake" / layer for layer in ("silver", "gold"))
        assert [found for found in held(layers) if found[0] in numbers] == [], "a person's number left bronze"


def shares() -> dict[str, dict[str, list[int]]]:
    """What each table says of the rows that its rules limit."""
    return {table: found.shares for table in BUILT if (found := state.state(table)) and found.shares}


def deliveries(folder: Path, chance: random.Random) -> list[tuple[str, Path]]:
    """Code tables, then what departments sent, shuffled; among it two code tables once more, changed."""
    codes = [(f"reference__{path.stem}", path) for root in folders() for path in sorted((root / "codes").glob("*.csv"))]
    sent = [(path.parent.name, path) for path in sorted((folder / "city/inbox").rglob("*")) if path.is_file()]
    rest = sent + [
        (table, shortened(path, folder)) for table, path in codes if path.stem in ("deadline_rule", "category")
    ]
    chance.shuffle(rest)
    return codes + rest


def hand_in(part: list[tuple[str, Path]], chance: random.Random) -> None:
    """All deliveries of a part; two of them are taken back."""
    receipts = [ingest(table, file).receipt for table, file in part]
    for receipt in chance.sample(receipts, min(2, len(receipts))):
        withdraw(receipt)


def other_formulas(then: pytest.MonkeyPatch, tables: list[str]) -> None:
    """At that time the formulas of some tables left out what those of today count: every fifth key."""
    result, print_of = transform._result, plan.fingerprint

    def left_out(contract: Contract, inputs: Any) -> Any:
        rows, key = result(contract, inputs), contract.key[0]
        return rows.filter(f"pmod(xxhash64(`{key}`), 5) <> 0") if contract.table in tables else rows

    then.setattr(transform, "_result", left_out)
    then.setattr(
        plan, "fingerprint", lambda contract: f"{print_of(contract)}{' then' if contract.table in tables else ''}"
    )


def shortened(path: Path, folder: Path) -> Path:
    """A code table without its last tenth."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    changed = folder / f"changed-{path.name}"
    changed.write_text("".join(lines[: -max(1, len(lines) // 10)]), "utf-8")
    return changed


def cut(items: list[Any], chance: random.Random, pieces: int) -> list[list[Any]]:
    places = sorted(chance.sample(range(1, len(items)), pieces - 1))
    return [items[a:b] for a, b in zip([0, *places], [*places, len(items)], strict=True)]


def tables() -> dict[str, Any]:
    """Every row of every table; of a journal, what its last revisions say."""
    return {
        table: (latest(table) if DECLARED[table].build == "journal" else content(table)) if state.pin(table).id else []
        for table in BUILT
    }
