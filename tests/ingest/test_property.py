"""Whatever is delivered, every row is in exactly one place."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.ingest import ingest
from citybrain.ingest.sheet_text import cell_text, texts
from tests.lake import rows_of

NAME = "centre__work_order_event"
HEADER = ["工单编号", "序号", "环节", "到达时间", "完成时间", "意见"]
ORDERS = st.sampled_from(
    ["NH20260908000001", "ＮＨ20260908000002", "NH2026", "", "合计", "小 计", "工单编号", "'NH20260908000003"]
)
NUMBERS = st.sampled_from(["1", "2", "３", "1,000", "x", "", "—", "1.5", "9999999999999999999", "1E+3"])
STEPS = st.sampled_from(["受理", "派遣", "打回", "", "无", "环节", "#REF!"])
TIMES = st.sampled_from(
    [
        "2026-09-08 09:05:00",
        "2026/9/8",
        "2026-02-30",
        "",
        "—",
        "46273.5",
        "2026-09-08 24:00",
        "到达时间",
        "明天",
        "1988-05-01",
    ]
)
TEXTS = st.text(st.characters(codec="gb18030", exclude_categories=["Cs"], exclude_characters="\x00\ufffd"), max_size=12)
ROWS = st.lists(
    st.one_of(
        st.tuples(ORDERS, NUMBERS, STEPS, TIMES, TIMES, TEXTS).map(list),
        st.just([""] * 6),
        st.just(["注：以上为模拟数据", "", "", "", "", ""]),
        st.lists(TEXTS, min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, repeat=st.booleans(), encoding=st.sampled_from(["utf-8-sig", "gb18030"]))
def test_delivered_is_accepted_and_quarantined_and_set_aside(monkeypatch, rows, repeat, encoding):
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("CITYBRAIN_HOME", f"{folder}/home")
        file = Path(folder, "x.csv")
        with file.open("w", encoding=encoding, newline="") as stream:
            csv.writer(stream).writerows([HEADER, *rows, *(rows if repeat else [])])
        outcome = ingest(NAME, file)
        if outcome.status == "refused":
            assert outcome.refused_because
            assert outcome.refused_because.rule in ("unclosed_quote", "lost_characters")
            return
        loaded = [r["_row"] for r in rows_of(f"bronze.{NAME}")]
        held = [r["row"] for r in rows_of(f"quarantine.{NAME}")]
        where = Counter([*loaded, *held, *(s.row for s in outcome.set_aside)])
        counts = outcome.counts
        assert counts["delivered"] == counts["accepted"] + counts["quarantined"] + counts["set_aside"]
        assert counts["delivered"] == sum(where.values())
        assert set(where.values()) <= {1}
        filled = [n for n, row in enumerate([*rows, *(rows if repeat else [])], 2) if any(c.strip() for c in row)]
        footers = outcome.detected.footer_rows if outcome.detected else ()
        assert set(filled) - set(footers) == set(where)


_CELLS = {
    "numbers": st.one_of(st.floats(), st.integers(-(10**6), 10**6).map(float), st.decimals(places=3, allow_nan=False,
                         allow_infinity=False, min_value=-10**9, max_value=10**9).map(float)),
    "whole": st.integers(-(10**16), 10**16).map(float),
    "texts": st.text(max_size=4),
    "times": st.datetimes(dt.datetime(1899, 12, 31)),  # noqa: DTZ001  (a workbook knows no zones)
}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(_CELLS)).flatmap(lambda kind: st.lists(st.one_of(_CELLS[kind], st.just("")))))
def test_a_column_that_becomes_text_at_once_says_what_each_cell_says(cells):
    assert texts(cells).to_pylist() == [cell_text(cell) for cell in cells]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (dt.timedelta(days=1, hours=12, minutes=5), "36:05:00"),  # as [h]:mm:ss shows it
        (dt.timedelta(seconds=59.9996), "00:01:00"),
        (dt.timedelta(hours=-1, seconds=-1), "-01:00:01"),
        (dt.time(9, 4, 59, 999_000), "09:05:00"),
        (dt.time(23, 59, 59, 999_600), "00:00:00"),
    ],
)
def test_times_without_a_day_are_as_a_person_sees_them(cell, text):
    assert cell_text(cell) == text
