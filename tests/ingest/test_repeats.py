"""Rows that came before are found, whatever parts a file is taken in."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from citybrain.ingest.first_look import hashes_of_few
from citybrain.ingest.repeats import Seen


def _rows(rows: list[tuple[int, int, int]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    kinds = (pa.uint64(), pa.uint64(), pa.int64())
    return pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], names=["h1", "h2", "_row"])


def _found(seen: Seen, rows: list[tuple[int, int, int]]) -> dict[int, int]:
    found = seen.take(_rows(rows))
    return dict(zip(found["_row"].to_pylist(), found["kept"].to_pylist(), strict=True))


def test_cells_of_few_texts_have_the_same_hash_with_and_without_a_dictionary():
    one, other = pa.array(["受理", None, "", "结案", "受理"]), pa.array(["是"] * 5)
    rows = pa.table({"c0": one, "c1": other})
    encoded = pa.table(
        {"c0": pa.chunked_array([one[:2].dictionary_encode(), one[2:].dictionary_encode()]), "c1": other}
    )
    found = hashes_of_few(rows, ("c0", "c1"))
    assert found.tolist() == hashes_of_few(encoded, ("c0", "c1")).tolist()
    assert found[0] == found[4]
    assert len({*found}) == 4
    swapped = hashes_of_few(pa.table({"c0": other, "c1": one}), ("c0", "c1"))
    assert not {*found} & {*swapped}, "the same text in another column is another cell"


def test_both_hashes_tell_a_row(tmp_path):
    seen = Seen(tmp_path)
    assert _found(seen, [(2**63 + 1, 5, 2), (7, 5, 3), (2**63 + 1, 5, 4), (7, 6, 5)]) == {4: 2}
    assert _found(seen, [(9, 9, 6)]) == {}
    assert _found(seen, [(7, 6, 7), (7, 6, 8), (7, 7, 9), (2**63 + 1, 5, 10)]) == {7: 5, 8: 5, 10: 2}


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), max_size=12), max_size=9))
def test_parts_of_any_size(tmp_path_factory, parts):
    seen, firsts, number = Seen(tmp_path_factory.mktemp("stage")), {}, 1
    for part in parts:
        rows, expected = [], {}
        for hashes in part:
            number += 1
            rows.append((*hashes, number))
            if (first := firsts.setdefault(hashes, number)) != number:
                expected[number] = first
        assert _found(seen, rows) == expected
