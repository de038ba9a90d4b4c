"""The score of a department: every point can be counted by hand, and every point lost has its receipt."""

from __future__ import annotations

from datetime import date

import pytest

from citybrain.duties.score import DIMENSIONS, Part, Score, quality, scores
from citybrain.ingest import quarantined, repair, withdraw
from citybrain.ingest.dirt import dirt_rules
from tests.duties.conftest import CASE, cases

DAY, OWNER = date(2026, 3, 10), "区政务服务数据管理局"  # a Tuesday


def parts(day: date = DAY) -> dict[str, Part]:
    (found,) = (s for s in scores(day) if s.owner == OWNER)
    return {part.dimension: part for part in found.parts}


def fractions(day: date = DAY) -> dict[str, tuple[int, int]]:
    return {name: (part.good, part.of) for name, part in parts(day).items()}


BAD = cases("NB1 | 2026-03-01 08:00:00", "NB2 | 2026-02-30 08:00:00", "NB3 | 2026-02-31 08:00:00", " | 2026-03-01")


def test_every_rule_of_the_catalogue_is_of_one_dimension():
    assert set(quality().of_rule) == set(dirt_rules())
    refusing = {r for r, d in quality().of_rule.items() if d == "可访问性"}
    assert {dirt_rules()[r].severity for r in refusing} == {"block"}


@pytest.mark.parametrize("wrong", [("required",), ("required", "required", "range")])
def test_a_rule_that_is_missing_or_named_twice_is_told(wrong):
    document = {"dimensions": {**dict(quality().dimensions), "完整性": wrong}, "between_columns": "一致性"}
    with pytest.raises(ValueError, match="not each dimension and rule once"):
        type(quality()).model_validate(document)


def test_rows_with_findings_count_once_each_in_their_dimension(received):
    number = received("2026-03-06 09:00", CASE, BAD).receipt
    found = fractions()
    assert [found[d] for d in ("规范性", "完整性", "准确性", "一致性")] == [(2, 4), (3, 4), (4, 4), (4, 4)]
    (trace,) = parts()["规范性"].against
    assert (trace.receipt, trace.good, trace.of) == (number, 2, 4)


def test_a_rule_between_columns_is_of_consistency_and_a_warning_counts(received):
    picture = f"""
        办件编号 | 事项编码 | 申请时间            | 受理时间            | 办结时间
        NB1      | {"1" * 31} | 2026-03-01 08:00:00 | 2026-03-01 09:00:00 | 2026-02-20 08:00:00
        NB2      | {"1" * 31} | 2026-03-01 08:00:00 | 2026-03-01 09:00:00 | 2026-03-02 08:00:00
    """
    assert received("2026-03-06 09:00", CASE, picture).counts["accepted"] == 2
    assert fractions()["一致性"] == (1, 2)


def test_what_has_been_repaired_costs_nothing_any_more(received, tmp_path):
    number = received("2026-03-06 09:00", CASE, cases("NB1 | 2026-03-01", "NB2 | 2026-02-30")).receipt
    assert fractions()["规范性"] == (1, 2)
    form = tmp_path / "修正.csv"
    quarantined(number, form)
    form.write_text(form.read_text("utf-8-sig").replace("2026-02-30", "2026-03-02"), "utf-8-sig")
    repair(number, form)
    assert fractions()["规范性"] == (2, 2)


def test_what_was_withdrawn_or_came_later_is_no_evidence(received):
    withdraw(received("2026-03-05 09:00", CASE, BAD).receipt)
    received("2026-03-06 09:00", CASE, cases("NB8 | 2026-03-01"), name="二.csv")
    received("2026-03-12 09:00", CASE, cases("NB9 | 2026-02-30"), name="三.csv")
    assert (fractions()["规范性"], fractions()["可访问性"]) == ((1, 1), (1, 1))
    assert fractions(date(2026, 3, 12))["规范性"] == (1, 2)


def test_refused_files_cost_accessibility_and_late_days_timeliness(received):
    """Daily since Thursday the 5th, due on the next working day: the 5th came on time; the 6th, 7th and 8th were due on
    Monday the 9th and came on Tuesday; the 9th came on Tuesday, on time."""
    received("2026-03-05 17:00", CASE, cases("NB1 | 2026-03-01"))
    received("2026-03-06 08:30", CASE, cases("NB2 | 2026-03-01"), name="二.csv")
    refused = received("2026-03-06 09:00", CASE, "什么 | 都不是\n1 | 2", name="三.csv").receipt
    received("2026-03-10 09:00", CASE, cases("NB3 | 2026-03-01"), name="四.csv")
    assert fractions()["可访问性"] == (3, 4)
    assert [t.receipt for t in parts()["可访问性"].against] == [refused]
    timely = [t for t in parts()["时效性"].traces if t.table == CASE]
    assert (sum(t.good for t in timely), len(timely)) == (2, 5)
    assert {t.note for t in timely if not t.good} == {"2026-03-06", "2026-03-07", "2026-03-08"}


def test_the_score_is_the_mean_of_the_dimensions_with_evidence():
    from citybrain.duties.score import Trace

    def part(dimension, good, of):
        return Part(dimension, (Trace("t", "表", "R-1", good, of),) if of else ())

    found = Score(
        "局", tuple(part(d, *n) for d, n in zip(DIMENSIONS, [(9, 10), (10, 10), (0, 0), (5, 10)], strict=False))
    )
    assert found.points == pytest.approx((90 + 100 + 50) / 3)
    assert Score("局", (part("规范性", 0, 0),)).points is None
