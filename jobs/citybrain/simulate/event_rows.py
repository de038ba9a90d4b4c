"""S02 as it is exported: the steps logged in a week."""

from __future__ import annotations

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import City
from citybrain.simulate.dirt import Batch
from citybrain.simulate.events import HARMLESS, STEP, STEPS, Log, opinions
from citybrain.simulate.files import Layout
from citybrain.simulate.lifecycle import Life
from citybrain.simulate.orders import Orders
from citybrain.simulate.plan import EVENTS, LATE_BY, Delivery, Span

EVENT_LAYOUT = Layout(
    title="工单流转日志",
    unit="条",
    header=tuple(
        ["事件编号", "工单编号", "序号", "环节", "操作单位", "操作人", "到达时间", "完成时间", "新截止时间", "意见"]
    ),
    groups={},
    numbers=frozenset({"序号"}),
    counted="环节",
)
OPERATORS = np.array([f"模拟员{k:03d}" for k in range(500)], dtype=object)


def event_batch(
    city: City, span: Span, files: list[Delivery], orders: Orders, life: Life, log: Log, rng: np.random.Generator
) -> Batch:
    """The rows of S02 about these orders, clean. What was keyed in afterwards is logged afterwards."""
    words, two_lines = opinions(log, rng)
    slot = np.maximum(span.slot(EVENTS, log.logged), span.slot(EVENTS, life.at["reported"][log.order]))
    number = orders.number[log.order]
    seq = log.seq.astype(str).astype(object)
    columns = {
        "事件编号": "EV" + number + "-" + seq,
        "工单编号": number.copy(),
        "序号": seq,
        "环节": np.array(STEPS, dtype=object)[log.step],
        "操作单位": city.unit_code[log.unit],
        "操作人": rng.choice(OPERATORS, len(log)),
        "到达时间": people.stamps(log.arrived),
        "完成时间": people.stamps(log.finished),
        "新截止时间": people.stamps(log.extended_to),
        "意见": words,
    }
    critical = ~np.isin(log.step, [STEP[name] for name in HARMLESS])
    too_late = slot + LATE_BY >= len(span.periods(EVENTS))  # to be sent again
    is_sheet = np.array([file.is_sheet for file in files])[slot]
    batch = Batch(EVENTS, columns, slot, log.order, is_sheet, log.logged, sparing=critical & too_late)
    batch.note(np.flatnonzero(log.repeats), "", "X25")
    batch.note(np.flatnonzero(log.unfinished & ~batch.taken), "完成时间", "X26")
    batch.note(np.flatnonzero(two_lines & ~batch.taken), "意见", "X16")
    disposed = life.at["disposed"][log.order]
    wrong = (log.step == STEP["派遣"]) & (log.finished > disposed) & (disposed >= 0)
    wrong &= life.at["returned"][log.order] < 0
    batch.note(np.flatnonzero(wrong & ~batch.taken), "完成时间", "X24 派遣")
    return batch
