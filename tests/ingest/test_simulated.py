"""Every defect that the simulator planted is found, and nothing is reported that it did not plant."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from citybrain.ingest import Outcome, ingest, landing
from citybrain.simulate import simulate
from citybrain.verify import judge_dirt, judge_receipts, receipts
from citybrain.verify.findings import found, planted

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


@pytest.mark.slow
def test_findings_equal_the_planted_defects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(landing, "_now", lambda: datetime(2027, 1, 1, tzinfo=UTC))
    simulate(tmp_path / "sim", seed=11, months=1, scale=0.03)
    outcomes: list[tuple[str, Outcome]] = []
    for inbox in sorted((tmp_path / "sim" / "inbox").iterdir()):
        outcomes += [(file.name, ingest(inbox.name, file)) for file in sorted(inbox.iterdir())]
    truth = tmp_path / "sim" / "truth"
    dirt = judge_dirt(Counter(found(outcomes)), Counter(planted(truth)))
    assert not [wrong for tally in dirt.values() for wrong in tally.wrong]
    assert sum(tally.right for tally in dirt.values()) > 100
    counted = judge_receipts(receipts(outcomes), truth)
    assert not counted.wrong
    assert counted.right == counted.expected > 0
