"""Deliveries drawn as text, and the lake drawn back. No JVM, no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from citybrain.ingest import Outcome, ingest
from tests.ingest.pictures import csv_bytes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake of the test's own."""
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CITYBRAIN_LAKE", raising=False)
    monkeypatch.delenv("CITYBRAIN_SCHEMAS", raising=False)
    return tmp_path / "home"


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., Outcome]:
    """Writes a drawn table to a csv and ingests it; blank cells are empty, ␣ is a blank, ⏎ a line break."""

    def deliver(table: str, picture: str, name: str = "报送.csv", encoding: str = "utf-8") -> Outcome:
        path = tmp_path / name
        path.write_bytes(csv_bytes(picture, encoding))
        return ingest(table, path)

    return deliver
