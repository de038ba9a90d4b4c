"""The catalogue of dirt is whole: every kind has its entry, and its picture and its plant."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from citybrain import contracts
from citybrain.docs.words import example_of
from citybrain.ingest.dirt import chapters, dirt_flags, dirt_kinds
from citybrain.simulate.dirt import VERDICTS
from citybrain.simulate.flagged import OF_ORDERS, OF_TOLD
from citybrain.verify.flags import FLAGGED, LISTED

KINDS = [f"X{number:02}" for number in range(1, 35)]
TESTS = Path(__file__).parents[1]
SILVER = TESTS.parent / "jobs" / "citybrain" / "silver"


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


def test_each_is_planted_by_the_simulator():
    """That each occurs in a city, and is found at its cell: tests/ingest/test_simulated.py; tests/e2e for silver."""
    assert sorted({kind.split()[0] for kind in VERDICTS if kind.startswith("X")}) == KINDS


def test_every_flag_of_silver_is_in_the_catalogue_and_every_flag_of_the_catalogue_is_raised():
    raised = {flag for path in SILVER.glob("*.py") for flag in raised_in(path.read_text("utf-8"))}
    assert len(raised) > 50
    listed = {flag for flag, _, _ in LISTED}
    assert raised | listed == set(dirt_flags())
    assert not raised & listed


def test_what_a_cleaned_table_says_of_its_flags_it_says_of_flags_of_the_catalogue():
    declared = [c for c in contracts.load().values() if c.layer == "silver" and "quality_flags" in c.names]
    texts = {c.table: (c.description or "").partition("质量标记：")[2] for c in declared}
    told = {table: set(re.findall("[a-z]+_[a-z_]+", text)) for table, text in texts.items()}
    assert sum(map(len, told.values())) > 60
    assert {table: flags - set(dirt_flags()) for table, flags in told.items() if flags - set(dirt_flags())} == {}


def raised_in(source: str) -> set[str]:
    """The names in the dictionaries that are handed to ``flags``, or that a function of flags gives."""
    tree = ast.parse(source)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "flags"]
    givers = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.endswith("_flags")]
    tables = [d for found in (*calls, *givers) for d in ast.walk(found) if isinstance(d, ast.Dict)]
    return {key.value for d in tables for key in d.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_flags_are_read_from_the_source_whatever_their_way_into_it():
    source = """
    def point_flags(): return {"zero": 1}
    def table(): return rows.select(flags({**point_flags(), "late": a < b}), other({"none": 1}))
    """
    assert raised_in(textwrap.dedent(source)) == {"zero", "late"}


def test_simulator_and_catalogue_name_one_kind_for_a_flag():
    told = {flag: kind for kind, flag in OF_ORDERS.values()} | OF_TOLD
    known = dirt_flags()
    assert {flag: known[flag].dirt for flag in told} == told


def test_what_verify_counts_in_silver_is_of_the_catalogue():
    named = {flag for _, flags in FLAGGED.values() for flag in flags or ()}
    assert named | {flag for flag, _, _ in LISTED} <= set(dirt_flags())
