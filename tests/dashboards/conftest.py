"""Boards without a server: everything here needs files and DuckDB only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from citybrain.dashboards.bundle import Project, project
from citybrain.dashboards.files import FOLDER
from tests.dashboards import made_up_serving


@pytest.fixture(scope="session")
def boards() -> Project:
    """The project's own boards."""
    return project()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of dashboards/ that a test may spoil."""
    return Path(shutil.copytree(FOLDER, tmp_path / "dashboards"))


@pytest.fixture(scope="session")
def serving_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("serving") / "made_up.duckdb"
    made_up_serving.main(str(path))
    return path
