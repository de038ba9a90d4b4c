"""Real data of ../shared/data, which is no part of the project: where it is absent these tests skip, and say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.contracts.load import ROOT

SHARED = ROOT.parent / "shared" / "data"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"real data is not here: {SHARED}")
    return SHARED


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lake of the module's own."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("home")
        patch.setenv("CITYBRAIN_HOME", str(path))
        patch.setenv("CITYBRAIN_AIRFLOW_URL", "")
        yield path


@pytest.fixture(scope="module")
def site(request, home):
    """The contracts of the module's folder, laid over the project's: tests/real/test_boston.py → tests/real/boston."""
    with pytest.MonkeyPatch.context() as patch:
        overlay = HERE / request.module.__name__.rsplit("test_", 1)[1]
        patch.setenv("CITYBRAIN_SCHEMAS", str(overlay))
        yield overlay


@pytest.fixture(scope="session")
def spark():
    from citybrain import engine

    session = engine.session(master="local[2]", shuffle_partitions=2)
    yield session
    session.stop()
