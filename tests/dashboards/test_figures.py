"""Every chart's query, run on a serving file with made-up figures: it answers, and picks what it should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from citybrain.dashboards import kinds
from citybrain.dashboards.bundle import Project, dataset_of, project
from citybrain.dashboards.files import Chart, Condition

CHARTS = {key: chart for key, chart in project().charts.items() if chart.file.dataset}


@pytest.fixture(scope="module")
def db(serving_file) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(serving_file), read_only=True) as connection:
        yield connection


def rows_of(boards: Project, chart: Chart) -> str:
    """The rows that the chart stands on, as Superset selects them."""
    dataset = boards.datasets[dataset_of(boards, chart)]
    source = f"({dataset.sql})" if dataset.sql else f'gold."{dataset.name}"'
    where = kinds.conditions(chart.file, dataset)
    conditions = [f'"{column}" {_condition(value)}' for column, value in where.items()]
    return f"SELECT * FROM {source}" + (" WHERE " + " AND ".join(conditions) if conditions else "")


def _condition(value: Condition) -> str:
    if isinstance(value, dict):
        operator, right = next(iter(value.items()))
        return f"{operator} {right!r}"
    return f"IN {[*value]}" if isinstance(value, tuple) else f"= {value!r}"


def answered(boards: Project, db: duckdb.DuckDBPyConnection, chart: Chart) -> tuple[int, list[tuple[Any, ...]]]:
    """How many columns name what is shown, and the rows: these columns before the figures."""
    dataset = boards.datasets[dataset_of(boards, chart)]
    by = [name for name in (chart.file.x, *chart.file.dimensions) if name]
    metrics = [dataset.metrics[name].expression for name in (*chart.file.metrics, *chart.file.line_metrics)]
    what = ", ".join([*(f'"{name}"' for name in by), *metrics]) or "*"
    query = f"SELECT {what} FROM ({rows_of(boards, chart)})" + (" GROUP BY ALL" if metrics else "")
    return len(by), db.execute(query).fetchall()


@pytest.mark.parametrize("key", CHARTS)
def test_every_chart_has_something_to_show(boards, db, key):
    names, answer = answered(boards, db, CHARTS[key])
    assert answer
    assert any(row[names] is not None for row in answer)
    assert all(name is not None for row in answer for name in row[:names]), "no bar is labelled <NULL>"


def test_what_nobody_has_said_has_a_word_and_an_unknown_code_is_shown(boards, db):
    _, answer = answered(boards, db, CHARTS["governance/overdue-by-unit"])
    assert {("未派单位", 9000), ("D99", 9000)} <= set(answer)


@pytest.mark.parametrize(
    "key", [k for k, c in CHARTS.items() if c.file.metrics and c.file.metrics[0][:2] in ("WO", "GS")]
)
def test_an_indicator_is_one_value_never_a_choice_among_several(boards, db, key):
    chart = CHARTS[key]
    by = ["indicator_id", "variant", *(name for name in (chart.file.x, *chart.file.dimensions) if name)]
    if chart.file.kind == "polygons":
        by.append("area_code")
    columns = ", ".join(f'"{name}"' for name in by)
    twice = f"SELECT {columns} FROM ({rows_of(boards, chart)}) GROUP BY ALL HAVING count(*) > 1"
    assert db.execute(twice).fetchall() == []


def test_names_on_the_map_are_shapes_inside_their_district(boards, db):
    sql = boards.datasets["map_text"].sql
    features = db.execute(f"SELECT label_text, feature FROM ({sql}) WHERE subject = '镇街名称'").fetchall()
    assert len(features) == 7
    box = db.execute(f"""
        SELECT min(x[1]::double), max(x[1]::double), min(x[2]::double), max(x[2]::double)
        FROM (SELECT unnest(regexp_extract_all(feature, '\\[(-?[0-9.]+),(-?[0-9.]+)\\]')) AS pair FROM ({sql})
              WHERE subject = '镇街名称'), LATERAL (SELECT string_split(trim(pair, '[]'), ',') AS x)""").fetchone()
    assert box is not None
    assert box[0] > 112.8
    assert box[1] < 113.3
    assert box[2] > 22.8
    assert box[3] < 23.35


def test_weeks_are_counted_from_monday_to_sunday(boards, db):
    sql = boards.datasets["work_order_due"].sql
    ago = dict(db.execute(f"SELECT DISTINCT due_date::varchar, weeks_ago FROM ({sql})").fetchall())
    days = ("2026-03-20", "2026-03-16", "2026-03-15", "2026-03-09", "2026-03-08")  # of the data the first, a Friday
    assert [ago[day] for day in days] == [0, 0, 1, 1, 2]


def test_views_speak_of_the_day_of_the_data_never_of_today(boards):
    for dataset in boards.datasets.values():
        text = (dataset.sql or "").lower()
        assert not any(word in text for word in ("current_date", "now()", "today()", "current_timestamp")), dataset.name
