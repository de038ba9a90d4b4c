"""Whatever changes a table through the portal is told to Airflow, so that its readers start; what changes none is not.

That the event starts them is shown in tests/dags, that they follow to the indicator in tests/jobs/test_followed.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from citybrain import contracts
from tests.airflow_api import AirflowApi, passwords
from tests.portal.conftest import EVENT, owner
from tests.portal.drawn import events
from tests.portal.served import Person, serving


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowApi]:
    server, home = AirflowApi(contracts.load()), tmp_path_factory.mktemp("told")
    passwords(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(home))
        patch.setenv("CITYBRAIN_AIRFLOW_URL", server.url)
        yield server
    server.end()


@pytest.fixture(scope="module")
def clerk(airflow: AirflowApi) -> Iterator[Person]:
    with serving() as served:
        served.account("centre", owner(EVENT))
        yield served.signed_in("centre")


def test_each_change_of_a_table_is_told_and_nothing_else(airflow: AirflowApi, clerk: Person) -> None:
    def told() -> int:
        """How many events came since the last look, all of this one table."""
        found = [*airflow.told]
        airflow.told.clear()
        assert set(found) <= {f"bronze.{EVENT}"}
        return len(found)

    looked_at = clerk.hand_in(EVENT, "流转.csv", events(good=2, bad=1))
    assert (looked_at["state"], told()) == ("checked", 0)
    number = clerk.confirmed(looked_at["id"])["receipt"]
    assert told() == 1

    refused = clerk.hand_in(EVENT, "别的.csv", "姓名,电话\n甲,1\n".encode(), direct=True)
    assert (refused["state"], told()) == ("done", 0)

    mended = "行号,到达时间\n4,2026-09-08 10:00:00\n".encode()
    assert clerk.loaded(EVENT, "改好.csv", mended, purpose="repair", receipt=number) == number
    assert told() == 1

    corrected = clerk.loaded(EVENT, "更正.csv", events(good=3, bad=0), purpose="correct", receipt=number)
    assert told() == 1
    assert clerk.api("POST", f"/receipts/{corrected}/withdraw").json()["status"] == "withdrawn"
    assert told() == 1


def test_of_a_burst_each_is_told(airflow: AirflowApi, clerk: Person) -> None:
    """Airflow takes them together where it can; which of them it may miss, we cannot know."""
    airflow.told.clear()
    waiting = [clerk.hand_in(EVENT, f"流转{n}.csv", events(good=1, bad=0))["id"] for n in range(12)]
    for id in waiting:
        assert clerk.api("POST", f"/uploads/{id}/confirm").status_code == 202
    receipts = {clerk.settled(id, ("done", "failed"))["receipt"] for id in waiting}
    assert len(receipts - {None}) == len(waiting)
    assert [*airflow.told] == [f"bronze.{EVENT}"] * len(waiting)
