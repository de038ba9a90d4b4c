"""The check says file and line of whatever does not fit. Each test breaks the boards on purpose, in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.contracts import ContractError, load
from citybrain.dashboards.bundle import project
from citybrain.dashboards.check import problems
from citybrain.dashboards.datasets import datasets
from citybrain.dashboards.files import DashboardError, read
from citybrain.indicators.registry import registry


def spoil(folder: Path, name: str, old: str, new: str) -> int:
    """Puts ``new`` for ``old`` in a file; returns the line on which it stands."""
    path = folder / name
    text = path.read_text("utf-8")
    assert text.count(old) >= 1, f"{old!r} is not in {name}"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return text[: text.index(old)].count("\n") + 1


def found(folder: Path) -> list[str]:
    return problems(project(folder))


def test_the_projects_own_boards_hold(boards):
    assert problems(boards) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("one-map/charts/by-source.yaml", "source_system", "sorce", "work_order_flow has no column sorce"),
        ("one-map/charts/by-source.yaml", "[上报数]", "[上报量]", "work_order_flow has no metric 上报量"),
        ("one-map/charts/closed-on-time.yaml", "[WO08]", "[WO88]", "the registry has no indicator WO88"),
        ("one-map/charts/closed-on-time.yaml", "[WO08]", "[WO08.carry]", "the registry has no indicator WO08.carry"),
        ("one-map/charts/closed-on-time.yaml", "area_level: 区", "area_level: 县", "area_level is never 县"),
        ("governance/charts/overdue-by-unit.yaml", "state: 待办超期", "state: 红灯", "state is never 红灯"),
        ("one-map/charts/by-category.yaml", "'<': 30", "'<>': 30", "one operator of"),
        ("one-map/charts/towns.yaml", "order_by: WO08", "order_by: WO99", "cannot be ordered by WO99"),
        ("one-map/charts/town-rate.yaml", "[area_name, WO08]", "[town, WO08]", "no column or metric town"),
        ("one-map/charts/map.yaml", "events", "happenings", "no chart happenings on this board"),
        ("one-map/charts/flow-by-day.yaml", "dataset: work_order_flow", "dataset: flow", "no data set flow"),
        ("one-map/charts/flow-by-day.yaml", "x: stat_date\n", "", "a chart of kind areas needs `x`"),
        ("one-map/dashboard.yaml", "chart: towns", "chart: villages", "no chart villages"),
        ("one-map/dashboard.yaml", "title.md, width: 6", "title.md, width: 7", "the row is 13 wide"),
        ("one-map/dashboard.yaml", "slug: one-map", "slug: governance", "has this slug already"),
        ("one-map/dashboard.yaml", "one-map/wall.css", "one-map/wal.css", "no file one-map/wal.css"),
        ("one-map/links.md", "dashboard/governance/", "dashboard/governence/", "no board governence"),
        ("one-map/legend.md", "${legend:town-rate}", "${legend:events}", "no legend of it"),
        ("base.css", "body, #app {", "@import 'https://fonts.example.cn/x.css'; body {", "looks like a host"),
        ("one-map/charts/cases.yaml", "kind: number", "kind: number\nnote: 'password: 123456'", "looks like a secret"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_its_file(folder, name, old, new, says):
    spoil(folder, name, old, new)
    assert any(says in problem and Path(name).name in problem for problem in found(folder)), found(folder)


def test_the_message_names_the_line(folder):
    line = spoil(folder, "governance/charts/by-town.yaml", "WO13]", "WO77]")
    path = folder / "governance/charts/by-town.yaml"
    assert f"{path}:{line}: the registry has no indicator WO77" in found(folder)


def test_a_chart_that_no_board_shows_is_found(folder):
    (folder / "governance/charts/forgotten.yaml").write_text(
        "title: 忘了\nkind: table\ndataset: event_point\n", "utf-8"
    )
    assert found(folder) == [f"{folder / 'governance/charts/forgotten.yaml'}:1: no board shows this chart"]


def test_a_chart_may_not_compute(folder):
    spoil(folder, "one-map/charts/cases.yaml", "kind: number", "kind: number\noptions: {metric: {sqlExpression: a/b}}")
    assert any("a chart computes nothing" in problem for problem in found(folder))


def test_an_unknown_key_is_an_error_and_not_ignored(folder):
    line = spoil(folder, "one-map/charts/cases.yaml", "kind:", "knid:")
    with pytest.raises(ContractError, match=f"cases.yaml:{line}: knid: unknown key"):
        project(folder)


def test_a_view_that_names_a_missing_column_is_said_with_its_line(folder):
    line = spoil(folder, "datasets/event_point.sql", "p.town_code,", "p.street_code,")
    with pytest.raises(DashboardError, match=rf"event_point.sql:{line}: .*street_code"):
        project(folder)


def test_every_broken_view_is_named_not_only_the_first(folder):
    spoil(folder, "datasets/event_point.sql", "p.town_code,", "p.street_code,")
    spoil(folder, "datasets/work_order_flow.sql", "f.closed_count", "f.finished_count")
    with pytest.raises(DashboardError, match=r"(?s)event_point.sql.*work_order_flow.sql"):
        project(folder)


def test_a_column_renamed_in_a_contract_breaks_the_boards_that_stand_on_it():
    tables = load()
    points = tables["gold.governance__event_point_daily"]
    fields = [f.model_copy(update={"name": "happening_count"}) if f.name == "event_count" else f for f in points.fields]
    tables[points.table] = points.model_copy(update={"fields": tuple(fields)})
    with pytest.raises(DashboardError, match=r"event_point.sql:\d+: .*event_count"):
        datasets(read(), tables, registry())


def test_a_town_with_a_letter_that_maps_cannot_write_is_found(folder):
    letters = folder / "lettering/letters.json"
    lines = [line for line in letters.read_text("utf-8").splitlines() if not line.startswith('"樵"')]
    letters.write_text("\n".join(lines), "utf-8")
    assert found(folder) == [f"{letters}:1: maps cannot write 樵; run dashboards/lettering/make.py"]
