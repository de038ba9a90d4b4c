"""Stocks partition: at the end of any day an accepted order is in exactly one state of each stage (rules.md 7.2)."""

from citybrain import duck
from citybrain.indicators import contributions
from tests.indicators.drawn import CONTRACTS, STATE, put
from tests.indicators.facts import Facts


def test_at_the_end_of_any_day_an_accepted_order_is_in_exactly_one_state_of_each_stage(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    put("silver.work_order", Facts(seed=3).orders(400))
    with duck.open_lake() as db:
        contributions.view(db, CONTRACTS[STATE], version=0)
        wrong = db.execute("""
            WITH day AS (SELECT DISTINCT change_date AS day FROM contributions),
            level AS (
              SELECT day, work_order_id, stage, state, SUM(order_change) AS n
              FROM day JOIN contributions ON change_date <= day GROUP BY ALL
            )
            SELECT day, work_order_id, stage FROM level GROUP BY ALL
            HAVING SUM(n) <> 1 OR MIN(n) < 0 OR MAX(n) > 1
        """).fetchall()
        accepted = db.execute("SELECT COUNT(DISTINCT work_order_id) FROM contributions").fetchone()
    assert wrong == []
    assert accepted is not None
    assert accepted[0] > 250
