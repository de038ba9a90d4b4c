"""Which stretches of keys a day's refresh looks at."""

from datetime import date

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from citybrain.runner.stretches import stretches, within


def test_keys_are_cut_where_the_gaps_are_widest():
    keys = ["NH20200105", "NH20260901", "NH20260902", "NH20260903"]
    assert stretches(keys, most=2) == [("NH20200105", "NH20200105"), ("NH20260901", "NH20260903")]
    assert stretches(keys, most=1) == [("NH20200105", "NH20260903")]
    assert stretches([date(2026, 1, 31), date(2026, 2, 1), date(2020, 1, 1)], most=2) == [
        (date(2020, 1, 1), date(2020, 1, 1)),
        (date(2026, 1, 31), date(2026, 2, 1)),
    ]
    assert stretches([], most=3) == []


@given(st.lists(st.text() | st.from_regex(r"NH\d{6}", fullmatch=True), unique=True), st.integers(1, 5))
def test_every_key_is_in_one_stretch_and_they_do_not_overlap(keys, most):
    found = stretches(keys, most)
    assert len(found) == min(most, len(keys))
    assert all(sum(low <= key <= high for low, high in found) == 1 for key in keys)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)), st.integers(1, 9))
def test_the_condition_is_true_in_the_stretches_and_nowhere_else(keys, others, most):
    found = stretches(sorted(keys), most)
    rows = sorted(keys | others)
    inside = [row for row in rows if any(low <= row <= high for low, high in found)]
    said = duckdb.sql(
        f"SELECT row FROM (SELECT unnest({rows}::BIGINT[]) AS row) WHERE {within('row', found)}"
    ).fetchall()
    assert [row for (row,) in said] == inside
