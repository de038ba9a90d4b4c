"""The flow log: every moment of every order as one row, with the unit, the person and a word of opinion.

Some steps arrive and are never marked finished (X26); some rows are sent again under a new number (X25): plain
retries, and disposals first logged open and then finished.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from citybrain.simulate.city import City, Texts
from citybrain.simulate.lifecycle import NONE, Life, Moments
from citybrain.simulate.orders import Orders
from citybrain.simulate.worktime import Bools, Ints

STEPS = tuple(
    [
        "采集",
        "受理",
        "立案",
        "不予立案",
        "派遣",
        "签收",
        "处置",
        "反馈",
        "核查",
        "结案",
        "评价",
        "退回",
        "返工",
        "延期申请",
        "延期批准",
        "挂账",
        "恢复",
        "督办",
        "作废",
        "申诉",
    ]
)
STEP = {name: index for index, name in enumerate(STEPS)}
# Losing one of these does not change any moment that an indicator rests on.
HARMLESS = ("签收", "反馈", "评价", "督办", "申诉")
NEVER_FINISHED, RETRIED, LOGGED_OPEN, TWO_LINES = 0.004, 0.004, 0.03, 0.003

# step, moment of finishing, moment of arriving, who: c the centre, u the unit, w the wrong unit, o another unit
SCRIPT = (
    ("采集", "reported", "reported", "c"), ("受理", "accepted", "reported", "c"),
    ("不予立案", "not_filed", "accepted", "c"), ("立案", "filed", "accepted", "c"),
    ("派遣", "dispatched", "filed", "c"), ("退回", "returned", "dispatched", "w"),
    ("派遣", "dispatched_2", "returned", "c"), ("退回", "returned_2", "dispatched_2", "o"),
    ("派遣", "dispatched_3", "returned_2", "c"), ("签收", "signed", "sent", "u"),
    ("挂账", "hung", "hung", "u"), ("恢复", "resumed", "resumed", "u"),
    ("挂账", "hung_2", "hung_2", "c"), ("恢复", "resumed_2", "resumed_2", "c"),
    ("延期申请", "asked", "asked", "u"), ("延期批准", "granted", "asked", "c"), ("督办", "urged", "urged", "c"),
    ("处置", "disposed", "signed", "u"), ("反馈", "feedback", "disposed", "u"), ("核查", "checked", "feedback", "c"),
    ("返工", "reworked", "checked", "c"), ("处置", "disposed_2", "reworked", "u"),
    ("反馈", "feedback_2", "disposed_2", "u"), ("核查", "checked_2", "feedback_2", "c"),
    ("结案", "closed", "last_check", "c"), ("评价", "evaluated", "closed", "c"), ("申诉", "appealed", "closed", "c"),
    ("作废", "cancelled", "cancelled", "c"),
)  # fmt: skip

OPINIONS = {
    "不予立案": "不属受理范围，已告知诉求人",
    "派遣": "请按职责处理并按时反馈",
    "处置": "已派员到场处理，现场已恢复",
    "反馈": "处理完毕，附现场照片（模拟）",
    "核查": "现场核查情况属实",
    "结案": "同意结案",
    "退回": "不属本单位职责，申请退回",
    "返工": "核查未通过，请重新处理",
    "延期申请": "需协调多方，申请延期",
    "延期批准": "同意延期",
    "挂账": "待施工条件具备，申请挂账",
    "恢复": "条件具备，恢复计时",
    "督办": "已超期，请尽快办理",
    "作废": "重复工单，作废",
    "申诉": "对结果有异议",
}


@dataclass(frozen=True)
class Log:
    """Rows of the flow log of one chunk, in the order of (order, number)."""

    order: Ints
    seq: Ints  # 序号; while the log is being made, the place in the script
    step: Ints
    unit: Ints
    arrived: Ints
    finished: Ints
    extended_to: Ints
    logged: Ints  # when the row was written: it is delivered with that period
    repeats: Bools  # this row is a second row of an event (X25)
    unfinished: Bools  # this step happened and was never marked finished (X26)

    def __len__(self) -> int:
        return len(self.order)

    def take(self, rows: Ints) -> Log:
        return Log(*(getattr(self, column.name)[rows] for column in fields(self)))


def flow_log(city: City, orders: Orders, life: Life, rng: np.random.Generator, stop: int) -> Log:
    at = dict(life.at)
    at["sent"] = np.maximum.reduce([at["dispatched"], at["dispatched_2"], at["dispatched_3"]])
    at["sent"] = np.where(at["sent"] > at["signed"], at["signed"], at["sent"])  # keyed late
    at["last_check"] = np.maximum(at["checked"], at["checked_2"])
    centre = np.full(len(orders), int(np.flatnonzero(city.unit_code == "D01")[0]))
    who = {"c": centre, "u": orders.unit, "w": life.wrong_unit, "o": life.other_unit}
    parts = [_rows(at, who, place, *entry) for place, entry in enumerate(SCRIPT)]
    parts.append(_still_open(at, who["u"]))
    order, place, step, unit, arrived, finished, extended_to = (np.concatenate(c) for c in zip(*parts, strict=True))
    logged = np.where(finished >= 0, finished, arrived)
    no = np.zeros(len(order), bool)
    log = Log(order, place, step, unit, arrived, finished, extended_to, logged, no, no)
    return _number(_repeat(_forget(log, rng), rng, stop))


def _rows(at: Moments, who: dict[str, Ints], place: int, step: str, end: str, begin: str, by: str) -> list[Ints]:
    index = np.flatnonzero(at[end] >= 0)
    finished = at[end][index]
    arrived = np.where(at[begin][index] >= 0, np.minimum(at[begin][index], finished), finished)
    extended = at["extended_to"][index] if step == "延期批准" else np.full(len(index), NONE)
    same = np.ones(len(index), np.int64)
    return [index, place * same, STEP[step] * same, who[by][index], arrived, finished, extended]


def _still_open(at: Moments, unit: Ints) -> list[Ints]:
    """The disposal that has begun and not ended when the simulation does."""
    first = (at["signed"] >= 0) & (at["disposed"] < 0) & (at["cancelled"] < 0)
    second = (at["reworked"] >= 0) & (at["disposed_2"] < 0)
    index = np.flatnonzero(first | second)
    same, none = np.ones(len(index), np.int64), np.full(len(index), NONE)
    arrived = np.where(second, at["reworked"], at["signed"])[index]
    return [index, len(SCRIPT) * same, STEP["处置"] * same, unit[index], arrived, none, none]


def _forget(log: Log, rng: np.random.Generator) -> Log:
    """X26: a signature or feedback that was never marked finished."""
    can = np.isin(log.step, [STEP["签收"], STEP["反馈"]])
    lost = can & (rng.random(len(log)) < NEVER_FINISHED)
    return replace(log, finished=np.where(lost, NONE, log.finished), unfinished=lost)


def _repeat(log: Log, rng: np.random.Generator, stop: int) -> Log:
    """X25: retries some minutes later, and disposals first logged open when the unit signs."""
    retried = (rng.random(len(log)) < RETRIED) & (log.finished >= 0) & (log.step != STEP["采集"])
    opened = (log.step == STEP["处置"]) & (log.finished >= 0) & (rng.random(len(log)) < LOGGED_OPEN)
    retry, early = log.take(np.flatnonzero(retried)), log.take(np.flatnonzero(opened))
    yes = np.ones(len(log), bool)
    retry = replace(retry, logged=retry.logged + rng.integers(30, 600, len(retry)), repeats=yes[: len(retry)])
    early = replace(early, finished=np.full(len(early), NONE), logged=early.arrived, repeats=yes[: len(early)])
    columns = (np.concatenate([getattr(part, column.name) for part in (log, retry, early)]) for column in fields(log))
    everything = Log(*columns)
    return everything.take(np.flatnonzero(everything.logged < stop))


def _number(log: Log) -> Log:
    """序号: within an order by time, then by the script."""
    ranked = log.take(np.lexsort((log.repeats, log.seq, log.logged, log.order)))
    starts = np.searchsorted(ranked.order, ranked.order)
    return replace(ranked, seq=np.arange(len(ranked)) - starts + 1)


def opinions(log: Log, rng: np.random.Generator) -> tuple[Texts, Bools]:
    """A word for most steps; a few run over two lines with quotation marks (X16)."""
    table = np.array([OPINIONS.get(step) for step in STEPS], dtype=object)
    words = table[log.step]
    two = (log.step == STEP["处置"]) & (rng.random(len(log)) < TWO_LINES)
    words[two] = '经查，"占道"属实；\n已当场整改'
    return np.asarray(words), two
