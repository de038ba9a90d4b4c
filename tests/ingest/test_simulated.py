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
