"""What Superset is given: rendered from contracts and registry, the same for the same files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from citybrain.contracts import load
from citybrain.dashboards.bundle import bundle, project


@pytest.fixture(scope="module")
def documents(boards) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(bundle(boards, Path("/somewhere/current.duckdb")))) as archive:
        return {name.removeprefix("bundle/"): yaml.safe_load(archive.read(name)) for name in archive.namelist()}


def dataset(documents: dict[str, Any], name: str) -> dict[str, Any]:
    return documents[f"datasets/citybrain/{name}.yaml"]


def metric(documents: dict[str, Any], name: str, of: str) -> dict[str, Any]:
    return next(m for m in dataset(documents, of)["metrics"] if m["metric_name"] == name)


def test_the_same_files_give_the_same_bytes(boards):
    assert bundle(boards, Path("/a.duckdb")) == bundle(project(), Path("/a.duckdb"))


def test_every_gold_table_is_a_data_set(documents):
    for contract in load().values():
        if contract.layer == "gold":
            assert dataset(documents, contract.name)["table_name"] == contract.name


def test_a_column_bears_its_chinese_title_and_unit(documents):
    columns = {c["column_name"]: c for c in dataset(documents, "governance__work_order_flow_daily")["columns"]}
    assert columns["reported_count"]["verbose_name"] == "上报数（件）"
    assert columns["stat_date"]["is_dttm"]


def test_a_measure_is_summed_under_its_title(documents):
    assert metric(documents, "上报数", "governance__work_order_flow_daily")["expression"] == 'SUM("reported_count")'


def test_how_many_rows_contributed_is_nobodys_metric(documents):
    names = {m["metric_name"] for m in dataset(documents, "governance__work_order_flow_daily")["metrics"]}
    assert "贡献行数" not in names


def test_an_indicator_is_picked_never_computed(documents):
    found = metric(documents, "WO08.due_carry", "indicator_series")
    assert found["expression"] == "MAX(value) FILTER (WHERE indicator_id = 'WO08' AND variant = 'due_carry')"
    assert found["verbose_name"] == "按期结案率（含结转）（%）"
    assert found["d3format"] == ",.2f"
    assert "期初已超期" in found["description"]


def test_a_card_says_unit_time_and_who_answers_for_it(documents):
    params = documents["charts/one-map__closed-on-time.yaml"]["params"]
    assert params["subtitle"] == "%"
    assert params["time_format"] == "截至 %Y-%m-%d · 区智运中心"
    assert params["show_timestamp"]


def test_along_an_axis_a_chart_stands_on_its_own_indicators_only(documents):
    params = documents["charts/one-map__closure-by-month.yaml"]["params"]
    for filters in (params["adhoc_filters"], params["adhoc_filters_b"]):
        assert {f["subject"]: f["comparator"] for f in filters}["indicator_id"] == ["WO08", "WO09"]


def test_an_area_without_a_value_stays_on_the_map(documents):
    filters = documents["charts/one-map__town-rate.yaml"]["params"]["adhoc_filters"]
    assert "indicator_id" not in {f["subject"] for f in filters}


def test_a_charts_description_is_the_definition_of_what_it_shows(documents):
    said = documents["charts/one-map__closed-on-time.yaml"]["description"]
    assert said.startswith("按期结案率（不结转）：按期结案数 ÷ 应结案数 × 100")


def test_bands_hold_their_lower_end(documents):
    bands = documents["charts/one-map__town-rate.yaml"]["params"]["color_breakpoints"]
    # Superset takes the first band that holds the value, both ends included: 95 belongs to the first.
    assert [(b["minValue"], b["maxValue"]) for b in bands] == [(95, 1e12), (85, 95), (75, 85), (0, 75)]


def test_the_legend_says_which_end_belongs_to_a_band(documents):
    nodes = documents["dashboards/one-map.yaml"]["position"]
    text = nodes["MARKDOWN-one-map-legend"]["meta"]["code"]
    assert "95 及以上" in text
    assert "85～95（不含 95）" in text
    assert "75 以下" in text
    assert "${" not in text


def test_every_chart_of_a_board_is_in_the_bundle(documents):
    uuids = {d["uuid"] for name, d in documents.items() if name.startswith("charts/")}
    for name, board in documents.items():
        if name.startswith("dashboards/"):
            nodes = [n for n in board["position"].values() if isinstance(n, dict) and n["type"] == "CHART"]
            assert {node["meta"]["uuid"] for node in nodes} <= uuids


def test_the_database_is_read_only_and_holds_no_secret(documents):
    database = documents["databases/citybrain.yaml"]
    assert database["sqlalchemy_uri"] == "duckdb:////somewhere/current.duckdb"
    assert database["extra"]["engine_params"]["connect_args"] == {"read_only": True}
    assert not database["allow_dml"]


def test_no_map_asks_another_host(documents):
    styles = {d["params"].get("mapbox_style", "none") for n, d in documents.items() if n.startswith("charts/")}
    assert styles == {"none"}
