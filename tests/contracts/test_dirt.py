"""The catalogue of dirt is whole: every kind has its entry, and its picture and its plant."""

from __future__ import annotations

import re
from pathlib import Path

from citybrain.docs.words import example_of
from citybrain.ingest.dirt import chapters, dirt_flags, dirt_kinds
from citybrain.simulate.dirt import VERDICTS
from citybrain.verify.findings import FLAGGED, LISTED

KINDS = [f"X{number:02}" for number in range(1, 35)]
TESTS = Path(__file__).parents[1]


def test_each_of_the_34_kinds_says_how_bad_it_is_who_acts_and_what_to_do():
    assert list(dirt_kinds()) == KINDS
    for chapter in chapters():
        assert chapter.entries
        for entry in chapter.entries:
            assert entry.severity in ("block", "warn", "note")
            assert entry.fix in ("department", "bureau")
            assert re.search("[\u4e00-\u9fff]", entry.name)
            assert re.search("[\u4e00-\u9fff]", example_of(entry.message))  # it has words for every blank
            assert re.search("[\u4e00-\u9fff]", entry.hint)


def test_each_has_a_picture():
    texts = [path.read_text("utf-8") for path in TESTS.rglob("test_*.py")]
    drawn = {kind for text in texts for kind in re.findall(r'mark\.dirt\("(X\d\d)"\)', text)}
    assert sorted(drawn) == KINDS


def test_each_is_planted_by_the_simulator_and_so_counted_by_verify():
    """What the simulator plants it must write down: tests/simulate asks that all of VERDICTS occurs."""
    assert sorted({kind.split()[0] for kind in VERDICTS if kind.startswith("X")}) == KINDS


def test_what_verify_counts_in_silver_is_of_the_catalogue():
    counted = {flag for _, flags in FLAGGED.values() for flag in flags} | set(LISTED)
    assert counted <= set(dirt_flags())
