"""Where the rows of some keys stand in a table that is too large to be read through."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, WriterProperties, write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from citybrain import lookup
from citybrain.runner import reading
from citybrain.runner.reading import Among

IN_GROUP = 10
KINDS = {"day": pa.date32(), "unit": pa.string(), "at": pa.timestamp("us", "UTC"), "lon": pa.decimal128(7, 3)}


def written(path: Path, *files: pa.Table) -> DeltaTable:
    properties = WriterProperties(max_row_group_size=IN_GROUP, statistics_truncate_length=None)
    for rows in files:
        write_deltalake(str(path), rows, mode="append", writer_properties=properties)
    return DeltaTable(str(path))


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> DeltaTable:
    """The numbers up to 100 in two files, of which the second comes first, in groups of ten, and one group of nulls."""
    numbers = [pa.table({"n": pa.array(range(*part), pa.int64())}) for part in ((50, 100), (0, 50))]
    return written(tmp_path_factory.mktemp("hundred"), *numbers, pa.table({"n": pa.array([None], pa.int64())}))


@pytest.mark.parametrize(
    ("values", "at_most", "ranges"),
    [
        ([], 64, []),
        ([7], 64, [(7, 7)]),
        ([36, 2, 99, 1, 35], 64, [(1, 2), (35, 36), (99, 99)]),
        ([1, 2, 35, 36, 99], 2, [(1, 36), (99, 99)]),
        ([1, 2, 35, 36, 99], 1, [(1, 99)]),
        ([-5, 3, 200, 300], 64, [(-5, -5), (3, 3), (200, 300)]),
    ],
)
def test_ranges_part_where_most_groups_lie_between(hundred, monkeypatch, values, at_most, ranges):
    monkeypatch.setattr(lookup, "RANGES", at_most)
    assert lookup.ranges(hundred, "n", values) == ranges


@given(st.sets(st.integers(-20, 120)), st.integers(1, 6))
def test_ranges_hold_all_values_and_no_group_lies_needlessly_in_one(hundred, values, at_most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "RANGES", at_most)
        ranges = lookup.ranges(hundred, "n", values)
    assert len(ranges) <= at_most
    assert {v for v in values if any(first <= v <= last for first, last in ranges)} == values
    assert {end for span in ranges for end in span} <= values
    if 0 < len(ranges) < at_most:  # there was room for more
        groups = {n // IN_GROUP for n in range(100) if any(first <= n <= last for first, last in ranges)}
        near = {v // IN_GROUP for v in values}
        assert all({group - 1, group, group + 1} & near for group in groups)


@pytest.mark.parametrize("marked", [False, True])
def test_rows_equal_a_key_in_all_its_columns_and_nulls_are_equal(tmp_path, monkeypatch, marked):
    monkeypatch.setattr(lookup, "marks_rows", lambda _: marked)
    monday, tuesday = date(2026, 3, 2), date(2026, 3, 3)
    early, late = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (1, 2))

    def table(*rows: tuple[Any, ...]) -> pa.Table:
        return pa.Table.from_pylist([dict(zip(KINDS, row, strict=True)) for row in rows], pa.schema(KINDS.items()))

    wanted = [
        (monday, "甲", early, Decimal("113.050")),
        (monday, None, late, None),
        (tuesday, "乙", None, Decimal("113.051")),
    ]
    others = [
        (monday, "乙", early, Decimal("113.050")),
        (monday, "甲", late, Decimal("113.050")),
        (monday, "甲", early, None),
        (tuesday, "甲", early, Decimal("113.050")),
        (None, "甲", early, Decimal("113.050")),
    ]
    stands = written(tmp_path, table(*others[:3], *wanted, *others[3:]))
    unknown = table((date(2026, 3, 4), None, None, None))
    keys = pa.concat_tables([table(*wanted), unknown]).append_column("new", pa.array(range(4)))
    assert lookup.rows_among(stands, "day", keys).equals(table(*wanted))
    assert lookup.rows_among(stands, "day", unknown).equals(table())
    assert lookup.rows_among(stands, "day", keys.select(["day"])).equals(table(*others[:3], *wanted, others[3]))


@pytest.mark.parametrize(
    ("column", "at_most", "known"),
    [("text", 3, True), ("day", 3, True), ("n", 3, True), ("at", 3, False), ("gap", 3, False), ("n", 2, False)],
)
def test_keys_are_looked_for_unless_they_are_too_many_or_of_no_such_kind(spark, monkeypatch, column, at_most, known):
    monkeypatch.setattr(reading, "FEW", at_most)
    at = datetime(2026, 3, 2, 1, tzinfo=UTC)
    rows = [("甲", at.date(), 1, at, "a"), ("乙", at.date(), 2, None, None), ("乙", at.date(), 3, at, "a")]
    keys = spark.createDataFrame(rows, "text string, day date, n bigint, at timestamp, gap string")
    found = Among(keys, column).keys
    assert (found.num_rows if found is not None else None) == (3 if known else None)
