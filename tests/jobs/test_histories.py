"""Every table of the project: a city's deliveries in any order, some taken back, code tables changed on the way, in any
increments, give the same tables as one full build of the same bronze; and no file of them holds a person's number."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from citybrain import contracts, simulate
from citybrain.contracts.load import folders
from citybrain.ingest import ingest, withdraw
from citybrain.runner import state
from tests.jobs.lakehouse import build_and_publish, content, latest
from tests.jobs.personal import held, planted

pytestmark = pytest.mark.slow
DECLARED = contracts.load()
BUILT = [c.table for c in contracts.in_order(DECLARED) if c.build]
SEEDS = range(int(os.environ.get("CITYBRAIN_HISTORIES") or 1))  # `make bench` plays more of them


@pytest.mark.parametrize("seed", SEEDS)
def test_any_history_in_any_increments_equals_one_full_build(spark, seed, tmp_path, monkeypatch):
    chance = random.Random(seed)
    simulate.simulate(tmp_path / "city", seed=100 + seed, months=2, scale=0.004)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "parts"))
    for part in cut(deliveries(tmp_path, chance), chance, pieces=3):
        receipts = [ingest(table, file).receipt for table, file in part]
        for receipt in chance.sample(receipts, min(2, len(receipts))):
            withdraw(receipt)
        build_and_publish(spark, BUILT)
    in_parts = tables()
    shutil.copytree(tmp_path / "parts/lake/bronze", tmp_path / "whole/lake/bronze")
    shutil.copytree(tmp_path / "parts/secrets", tmp_path / "whole/secrets")
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "whole"))
    build_and_publish(spark, BUILT)
    at_once = tables()
    assert sum(map(bool, at_once.values())) > 20, "the history says something to most tables"
    for table in BUILT:
        assert in_parts[table] == at_once[table], table
    numbers = planted(tmp_path / "city/inbox")
    assert len(numbers) > 20
    for home in ("parts", "whole"):
        layers = (tmp_path / home / "lake" / layer for layer in ("silver", "gold"))
        assert [found for found in held(layers) if found[0] in numbers] == [], "a person's number left bronze"


def deliveries(folder: Path, chance: random.Random) -> list[tuple[str, Path]]:
    """Code tables, then what departments sent, shuffled; among it two code tables once more, changed."""
    codes = [(f"reference__{path.stem}", path) for root in folders() for path in sorted((root / "codes").glob("*.csv"))]
    sent = [(path.parent.name, path) for path in sorted((folder / "city/inbox").rglob("*")) if path.is_file()]
    rest = sent + [
        (table, shortened(path, folder)) for table, path in codes if path.stem in ("deadline_rule", "category")
    ]
    chance.shuffle(rest)
    return codes + rest


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
