"""Every defect that the simulator planted is found, and nothing is reported that it did not plant."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from citybrain.ingest import ingest, landing, reingest
from citybrain.ingest.dirt import dirt_kinds
from citybrain.simulate import simulate
from citybrain.verify import judge_dirt, judge_receipts, play, receipts
from citybrain.verify.findings import found, planted
from citybrain.verify.flags import planted_flags

IN_SILVER = {"X08", "X11", "X23", "X25", "X26", "X28", "X31"}  # no cell shows them, only rows side by side

PLANTED = """table,file,sheet,row,column,cell,rule,text,verdict,value
hotline__call_day,话务.csv,,2,平均等待秒数（分钟）,G2,X13,0.413333,marked,24.8
hotline__call_day,话务.csv,,3,平均等待秒数（分钟）,G3,X13,0.2,marked,{second}
"""


@pytest.mark.parametrize(("second", "right"), [("12.0", 2), ("0.2", 1)])
def test_a_number_told_in_another_unit_is_found_where_it_is_marked_and_right(deliver, tmp_path, second, right):
    outcome = deliver(
        "bronze.hotline__call_day",
        """
        统计日期   | 呼入量 | 进入人工量 | 接通量 | 15秒内接通量 | 放弃量 | 平均等待秒数（分钟）
        2026-03-01 | 2000   | 1600       | 1500   | 1400         | 100    | 0.413333
        2026-03-02 | 2000   | 1600       | 1500   | 1400         | 100    | 0.2
        """,
        "话务.csv",
    )
    (tmp_path / "defects.csv").write_text(PLANTED.format(second=second), "utf-8")
    tally = judge_dirt(Counter(found([("话务.csv", outcome)])), Counter(planted(tmp_path)))["X13"]
    assert (tally.expected, tally.right, tally.false) == (2, right, 2 - right)


def test_a_delivery_that_was_read_anew_is_judged_by_its_last_load(deliver, tmp_path):
    outcome = deliver(
        "bronze.hotline__call_day",
        """
        统计日期   | 呼入量 | 进入人工量 | 接通量 | 15秒内接通量 | 放弃量
        2026-03-01 | 2000   | 1600       | 1500   | 1400         | 100
        2026-02-30 | 2000   | 1600       | 1500   | 1400         | 100
        """,
        "话务.csv",
    )
    (again,) = reingest(receipt=outcome.receipt)
    assert again.load == 2
    assert [(f.row, f.kind, f.verdict) for f in found([("话务.csv", again)])] == [(3, "X12", "quarantine")]


@pytest.mark.slow
def test_each_of_the_34_kinds_is_planted_and_found_at_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Those of silver are planted here and found in tests/e2e, where silver is built."""
    monkeypatch.setattr(landing, "_now", lambda: datetime(2027, 1, 1, tzinfo=UTC))
    city, truth = tmp_path / "city", tmp_path / "city" / "truth"
    simulate(city, seed=11, months=2, scale=0.03)
    for table, path in play.deliveries(city):
        if path.is_relative_to(city):  # not the project's code lists, which nobody soils
            ingest(table, path)
    told = list(play.outcomes(city))
    dirt = judge_dirt(Counter(found(told)), Counter(planted(truth)))
    assert not [wrong for tally in dirt.values() for wrong in tally.wrong]
    assert {kind: (t.right, t.false) for kind, t in dirt.items()} == {kind: (t.expected, 0) for kind, t in dirt.items()}
    of_cells, of_rows = set(dirt) & set(dirt_kinds()), {flag.kind for flag in planted_flags(truth)}
    assert of_cells == set(dirt_kinds()) - IN_SILVER
    assert of_rows >= IN_SILVER
    assert sum(tally.right for tally in dirt.values()) > 400
    counted = judge_receipts(receipts(told), truth)
    assert not counted.wrong
    assert counted.right == counted.expected > 30
