import random
from collections import Counter
from datetime import datetime, timedelta

from tests.jobs.city import counted
from tests.tables import CONTRACTS, SHANGHAI, assert_same, frame

TABLE = "gold.governance__work_order_state_daily"
MOMENTS = ("accepted_at", "filed_at", "not_filed_at", "disposed_at", "closed_at", "cancelled_at", "final_deadline_at")
BEGIN = datetime(2026, 2, 20, tzinfo=SHANGHAI)


def test_an_order_moves_from_state_to_state_and_only_the_last_state_of_a_day_counts(given):
    orders = given("""
        silver.work_order
        town_code | accepted_at      | filed_at         | not_filed_at     | closed_at        | cancelled_at     | final_deadline_at   | suspensions
        on time   | 2026-03-02T09:00 | 2026-03-02T10:00 |                  | 2026-03-05T17:30 |                  | 2026-03-05T17:30    | 2026-03-03T09:00/2026-03-04T09:00
        late      | 2026-03-02T09:00 | 2026-03-03T10:00 |                  | 2026-03-07T09:00 |                  | 2026-03-05T23:59:59 | 2026-03-03T11:00/2026-03-03T12:00
        hung late | 2026-03-02T09:00 | 2026-03-02T10:00 |                  |                  | 2026-03-09T09:00 | 2026-03-05T23:59:59 | 2026-03-07T11:00/
        refused   | 2026-03-02T09:00 |                  | 2026-03-02T09:30 |                  |                  |                     |
        reported  |                  |                  |                  |                  |                  |                     |
        undated   | 2026-03-02T09:00 | 2026-03-02T10:00 |                  | 2026-03-07T09:00 |                  |                     |
    """)  # noqa: E501
    assert_same(
        counted(TABLE, orders).where("stage = '结案'"),
        given("""
            gold.governance__work_order_state_daily
            change_date | stage | state      | town_code | order_change
            2026-03-02  | 结案  | 待办未到期 | on time   | 1
            2026-03-03  | 结案  | 待办未到期 | on time   | -1
            2026-03-03  | 结案  | 挂账       | on time   | 1
            2026-03-04  | 结案  | 挂账       | on time   | -1
            2026-03-04  | 结案  | 待办未到期 | on time   | 1
            2026-03-05  | 结案  | 待办未到期 | on time   | -1
            2026-03-05  | 结案  | 按期办结   | on time   | 1
            2026-03-02  | 结案  | 待立案     | late      | 1
            2026-03-03  | 结案  | 待立案     | late      | -1
            2026-03-03  | 结案  | 待办未到期 | late      | 1
            2026-03-05  | 结案  | 待办未到期 | late      | -1
            2026-03-05  | 结案  | 待办超期   | late      | 1
            2026-03-07  | 结案  | 待办超期   | late      | -1
            2026-03-07  | 结案  | 超期办结   | late      | 1
            2026-03-02  | 结案  | 待办未到期 | hung late | 1
            2026-03-05  | 结案  | 待办未到期 | hung late | -1
            2026-03-05  | 结案  | 待办超期   | hung late | 1
            2026-03-07  | 结案  | 待办超期   | hung late | -1
            2026-03-07  | 结案  | 挂账       | hung late | 1
            2026-03-09  | 结案  | 挂账       | hung late | -1
            2026-03-09  | 结案  | 作废       | hung late | 1
            2026-03-02  | 结案  | 不予立案   | refused   | 1
            2026-03-02  | 结案  | 待办未到期 | undated   | 1
            2026-03-07  | 结案  | 待办未到期 | undated   | -1
            2026-03-07  | 结案  | 按期办结   | undated   | 1
        """).drop("row_count"),
    )


def test_at_the_end_of_any_day_every_accepted_order_is_in_exactly_one_state_of_each_stage(spark):
    """On random lives, also such as cannot be: moments in any order, some missing."""
    draw = random.Random(20260302)
    orders = [random_order(draw, number) for number in range(400)]
    contract = CONTRACTS["silver.work_order"]
    schema = ", ".join(f"`{f.name}` {f.sql_type}" for f in contract.fields)
    facts = frame(spark, [tuple(order.get(f.name) for f in contract.fields) for order in orders], schema)
    moves = [row.asDict() for row in counted(TABLE, facts).collect()]
    for day in range(0, 30):
        date = (BEGIN + timedelta(days=day)).date()
        told = Counter()
        for move in moves:
            if move["change_date"] <= date:
                told[move["stage"], move["state"]] += move["order_change"]
        states = [(stage, state_of(o, stage, date)) for o in orders for stage in ("处置", "结案") if before(o, date)]
        assert +told == Counter(states)
        assert min(told.values(), default=0) >= 0


def random_order(draw, number):
    def moment():
        return BEGIN + timedelta(hours=draw.randrange(0, 24 * 25)) if draw.random() < 0.7 else None

    order = {name: moment() for name in MOMENTS}
    begins = sorted(BEGIN + timedelta(hours=hour) for hour in draw.sample(range(24 * 25), 4))
    stops = [{"begin": a, "end": b} for a, b in zip(begins[::2], begins[1::2], strict=True)]
    if draw.random() < 0.3:
        stops[-1]["end"] = None
    return {"work_order_id": f"NH{number}", **order, "suspensions": stops if draw.random() < 0.5 else None}


def before(order, date, name="accepted_at"):
    """Whether the order's moment falls on the day or earlier."""
    return order[name] is not None and order[name].date() <= date


def state_of(order, stage, date):
    """The rule as a person would put it, for the end of one day."""
    done = order["closed_at"] if stage == "结案" else order["disposed_at"] or order["closed_at"]
    due = order["final_deadline_at"]
    if before(order, date, "cancelled_at"):
        return "作废"
    if before(order, date, "not_filed_at"):
        return "不予立案"
    if done and done.date() <= date:
        return "超期办结" if due and done > due else "按期办结"
    if not before(order, date, "filed_at"):
        return "待立案"
    ends_of_stops = [(s["begin"].date(), s["end"] and s["end"].date()) for s in order["suspensions"] or ()]
    if any(begin <= date and (end is None or end > date) for begin, end in ends_of_stops):
        return "挂账"
    return "待办超期" if due and due.date() <= date else "待办未到期"
