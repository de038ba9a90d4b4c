"""One portal for all tests of the folder: its workers take a second to start. Each test hands in files of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain import contracts
from citybrain.dashboards.chromium import browser
from tests.portal.clerk import Clerk
from tests.portal.served import Person, Program, Served, serving

EVENT, CASE = "centre__work_order_event", "services__case"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("portal") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(folder))
        for name in ("CITYBRAIN_LAKE", "CITYBRAIN_SCHEMAS", "CITYBRAIN_POSTGRES", "CITYBRAIN_AIRFLOW_URL"):
            patch.delenv(name, raising=False)
        yield folder


def owner(table: str) -> str:
    return contracts.load()[f"bronze.{table}"].owner


@pytest.fixture(scope="session")
def served(home: Path) -> Iterator[Served]:
    with serving(requests=100_000) as found:
        found.account("centre", owner(EVENT))
        found.account("services", owner(CASE))
        found.account("steward", owner(EVENT), "steward")
        found.account("admin", owner(EVENT), "administrator")
        yield found


@pytest.fixture(scope="session")
def centre(served: Served) -> Person:
    """Of the department that delivers the flow of work orders."""
    return served.signed_in("centre")


@pytest.fixture(scope="session")
def services(served: Served) -> Person:
    """Of the department that delivers cases, in which there are personal columns."""
    return served.signed_in("services")


@pytest.fixture(scope="session")
def steward(served: Served) -> Program:
    return Program(served.url, served.token("steward"))


@pytest.fixture
def clerk(served: Served) -> Iterator[Clerk]:
    with browser(1280, 900) as page:
        yield Clerk(page, served)
