from __future__ import annotations

import csv
from pathlib import Path

import pytest

from citybrain.simulate import simulate


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine months of a very small district: long enough for late, repeated and corrected files of every table."""
    out = tmp_path_factory.mktemp("district") / "out"
    simulate(out, seed=7, months=9, scale=0.02)
    return out


@pytest.fixture(scope="session")
def defects(district: Path) -> list[dict[str, str]]:
    return read(district / "truth" / "defects.csv")


@pytest.fixture(scope="session")
def figures(district: Path) -> dict[tuple[str, ...], dict[str, str]]:
    """indicator, variant, area, period → row"""
    found = read(district / "truth" / "figures.csv")
    return {(row["indicator"], row["variant"], row["area"], row["period"]): row for row in found}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
