"""A clerk corrects and withdraws a delivery in the portal: both months around the end of one follow by themselves.

The portal's word goes to a stand-in for Airflow; from there on each process of the plan that the news wake builds its
tables, and the news of these wake the next (tests/dags shows that Airflow's DAGs are this plan, and wake so).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from citybrain import contracts, serve
from citybrain.contracts.load import ROOT
from citybrain.indicators import query
from citybrain.ingest import ingest
from citybrain.render import airflow as plan
from tests.airflow_api import AirflowApi, passwords
from tests.jobs.lakehouse import build_and_publish
from tests.portal.served import Person, serving

ORDER = "centre__work_order"
CONTRACTS = contracts.load()
PROCESSES = [plan.conform(CONTRACTS), *plan.themes(CONTRACTS), plan.serve(CONTRACTS)]
TABLES = {
    "silver.town",
    "silver.work_order",
    "gold.governance__work_order_flow_daily",
    "gold.reference__area",
    "gold.platform__indicator_value",
}
HEAD = "工单编号,来源系统,上报时间,镇街码,更新时间\n"
# The second order was reported ten minutes before midnight; it is delivered once more, corrected to after midnight.
FIRST = (
    HEAD
    + """NH20260331000001,网格系统,2026-03-31 09:00:00,440605011,2026-04-01 08:00:00
NH20260331000002,网格系统,2026-03-31 23:50:00,440605011,2026-04-01 08:00:00
NH20260401000003,网格系统,2026-04-01 00:10:00,440605011,2026-04-01 08:00:00
"""
)
SECOND = HEAD + "NH20260331000002,网格系统,2026-03-31 23:50:00,440605011,2026-04-02 08:00:00\n"
CORRECTED = HEAD + "NH20260331000002,网格系统,2026-04-01 00:05:00,440605011,2026-04-02 08:00:00\n"


@pytest.fixture
def airflow(tmp_path, monkeypatch):
    server = AirflowApi(CONTRACTS)
    passwords(tmp_path / "home")
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CITYBRAIN_AIRFLOW_URL", server.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.end()


@pytest.fixture
def clerk(airflow):
    with serving() as served:
        served.account("工单员", CONTRACTS[f"bronze.{ORDER}"].owner)
        yield served.signed_in("工单员")


@pytest.fixture
def followed(spark, airflow) -> Callable[[], None]:
    """All that what Airflow was told of since the last time starts, and what that starts."""

    def followed() -> None:
        news = set(airflow.told)
        airflow.told.clear()
        while news:
            woken = [p for p in PROCESSES if news & set(p.wakes_on)]
            news = set(build_and_publish(spark, _tables(woken)))
            if any(p.dag_id == plan.SERVE for p in woken):
                serve.publish()

    return followed


def _tables(woken: Iterable[plan.Process]) -> list[str]:
    return [table for process in woken for table in process.command if table in TABLES]


def reported(month: str) -> query.IndicatorAnswer:
    return query.indicator("WO01", period=month, variant="reported")


def revisions(month: str) -> list[tuple[float | None, set[tuple[str, str]]]]:
    """Each value that was published, and the deliveries that moved it."""
    return [(r.value, {(c.kind, c.receipt) for c in r.causes}) for r in query.revisions(reported(month))]


def test_corrected_and_withdrawn_in_the_portal_both_months_follow(clerk: Person, followed: Callable[[], None]):
    ingest("reference__town", ROOT / "schemas/codes/town.csv")
    clerk.loaded(ORDER, "三月.csv", FIRST.encode())
    second = clerk.loaded(ORDER, "补报.csv", SECOND.encode())
    followed()
    assert [reported(m).value for m in ("2026-03", "2026-04")] == [2, 1]

    corrected = clerk.loaded(ORDER, "更正.csv", CORRECTED.encode(), purpose="correct", receipt=second)
    followed()
    assert [reported(m).value for m in ("2026-03", "2026-04")] == [1, 2]

    assert clerk.submit(f"/receipts/{corrected}/withdraw").status_code == 303
    followed()
    assert [reported(m).value for m in ("2026-03", "2026-04")] == [2, 1]

    moved = {("新到", corrected), ("撤回", second)}
    back = {("撤回", corrected)}
    assert revisions("2026-03") == [(2, set()), (1, moved), (2, back)]
    assert revisions("2026-04") == [(1, set()), (2, moved), (1, back)]
