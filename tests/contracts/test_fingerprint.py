"""What a table's fingerprint depends on: whatever changes the meaning of its rows, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from citybrain import contracts, geo
from citybrain.contracts.load import ROOT
from citybrain.runner import sources

ORDERS, FLOW = "silver.work_order", "gold.governance__work_order_flow_daily"


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A copy of the package, and a site that says nothing of its own yet."""
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    package = shutil.copytree(sources.PACKAGE, tmp_path / "citybrain", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "PACKAGE", package)
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(tmp_path))
    return tmp_path


def fingerprint(table: str) -> str:
    return sources.fingerprint(contracts.load()[table])


def change(site: Path, file: str, old: str, new: str) -> None:
    """Replaces a text: of the code in the copy, of anything else in the site's own file."""
    ours = ROOT / ("jobs" if file.startswith("citybrain/") else "" if file.startswith("expectations/") else "schemas")
    text = (ours / file).read_text("utf-8")
    assert old in text, f"{file} does not say {old}"
    (site / file).parent.mkdir(parents=True, exist_ok=True)
    (site / file).write_text(text.replace(old, new, 1), "utf-8")


MEANS_OTHER_ROWS = {
    "a rule": (ORDERS, "expectations/silver/work_order.yaml", "above: 0.05", "above: 0.06"),
    "a parameter": (ORDERS, "silver/work_order.yaml", "build: merge", "build: merge\nparameters: {threshold: 2}"),
    "a field": (ORDERS, "silver/work_order.yaml", "  - source_no?\n", ""),
    "the transform": (ORDERS, "citybrain/silver/work_order.py", "def ", "\n\ndef "),
    "the text of a query": (FLOW, "citybrain/gold/governance__work_order_flow_daily.sql", "IS NOT NULL", "IS NULL"),
    "a module it imports": (ORDERS, "citybrain/silver/_due.py", "def ", "\n\ndef "),
    "a module that is imported there": (ORDERS, "citybrain/intervals.py", "def ", "\n\ndef "),
    "a plane": (ORDERS, "crs.yaml", "central_meridian: 114", "central_meridian: 114.5"),
    "how an input is delivered": ("silver.town", "bronze/reference__town.yaml", "mode: snapshot", "mode: events"),
    "which rows of it stand": (
        "silver.market_full",
        "bronze/market__entity_full.yaml",
        "period: snapshot_date, ",
        "",
    ),
}
MEANS_THE_SAME = {
    "when an input is due": (ORDERS, "bronze/centre__work_order.yaml", "every: hour", "every: day"),
    "how another table is delivered": (ORDERS, "bronze/services__case.yaml", "mode: upsert", "mode: events"),
    "a plane, where there is no point": (FLOW, "crs.yaml", "central_meridian: 114", "central_meridian: 114.5"),
    "a rule of an input": (FLOW, "expectations/silver/work_order.yaml", "above: 0.05", "above: 0.06"),
    "another table's transform": (ORDERS, "citybrain/silver/service_case.py", "def ", "\n\ndef "),
    "the runner": (ORDERS, "citybrain/runner/plan.py", "def ", "\n\ndef "),
}


@pytest.mark.parametrize("changed", MEANS_OTHER_ROWS)
def test_a_fingerprint_changes_with(changed, site):
    table, *edit = MEANS_OTHER_ROWS[changed]
    before = fingerprint(table)
    assert fingerprint(table) == before
    change(site, *edit)
    assert fingerprint(table) != before


@pytest.mark.parametrize("changed", MEANS_THE_SAME)
def test_a_fingerprint_does_not_change_with(changed, site):
    table, *edit = MEANS_THE_SAME[changed]
    before = fingerprint(table)
    change(site, *edit)
    assert fingerprint(table) == before


def test_a_site_adds_its_plane_to_those_of_the_project_and_may_put_one_right(site):
    before, ours = fingerprint("silver.urban_component"), geo.planes()
    assert "CGCS2000-GK38" in ours
    (site / "crs.yaml").write_text("地方平面: {title: 某地, central_meridian: 113.25, false_easting: 600000}", "utf-8")
    local = geo.Plane(title="某地", central_meridian=113.25, false_easting=600000)
    assert geo.planes() == {**ours, "地方平面": local}
    assert fingerprint("silver.urban_component") != before
    change(site, "crs.yaml", "central_meridian: 114", "central_meridian: 114.5")
    assert {name for name, plane in geo.planes().items() if plane != ours[name]} == {"CGCS2000-GK38"}
