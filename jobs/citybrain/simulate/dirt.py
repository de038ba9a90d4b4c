"""The dirt that departments deliver (codes X01…X31 of the catalogue), planted on purpose and written down.

A kind of dirt says which column it spoils, how often, and how. What a good pipeline does with it stands in VERDICTS
and nowhere else; `quarantine` there also makes the simulator treat the row as lost (or send it again later).
A row bears at most one planted defect, so that every verdict is unambiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from citybrain.simulate.city import Texts
from citybrain.simulate.plan import AIR, CASES, ENTITIES, EVENTS, FULLS, MACRO, ORDERS
from citybrain.simulate.spoil import (
    arrowed,
    broken,
    colloquial,
    compact,
    digits,
    dotted,
    dotted_day,
    doubled,
    drifted,
    drifts,
    full_width,
    grouped,
    impossible,
    in_numerals,
    in_seconds,
    in_words,
    is_null,
    masked,
    midnight,
    missing,
    noted,
    old_number,
    reference_error,
    scientific,
    sentinel,
    serial,
    several,
    signed,
    thousands,
    token,
    twenty_four,
    variant,
    varies,
    whole_minute,
    wrong_check,
)
from citybrain.simulate.worktime import Bools, Ints

VERDICTS = {
    "X01": "none",  # title, unit and signature rows are no data
    "X01 合计": "set_aside",
    "X02": "noted",  # how the header's rows were joined
    "X03": "read",  # in the one other encoding that is read
    "X04": "marked",
    "X05": "marked",
    "X06": "quarantine",
    "X07": "marked",
    "X08": "none",  # bronze keeps the name; silver flags what differs in brackets and blanks alone
    "X11": "none",  # silver finds the town in the address, or says that there is none
    "X09": "warned",  # a column under another name, and one that nobody agreed on
    "X10": "warned",  # the code is taken out of its note
    "X10 两码": "quarantine",
    "X12": "marked",
    "X12 不可能": "quarantine",
    "X13": "warned",  # ten times what it was a year ago
    "X13 整表": "refused",
    "X13 换算": "marked",  # told in another unit, which the header states
    "X14": "marked",
    "X15": "marked",
    "X16": "none",
    "X16 编码": "marked",
    "X17": "warned",
    "X18": "marked",
    "X19": "marked",
    "X20": "warned",
    "X20 度分秒": "marked",
    "X20 火星": "none",  # silver tells it in CGCS2000 and says so
    "X20 无村居": "none",  # silver finds the village by the point
    "X21": "set_aside",
    "X22": "marked",
    "X23": "none",  # silver lists what another channel has told of
    "X24": "warned",
    "X24 派遣": "none",  # only silver sees both steps; it flags the order
    "X25": "none",  # bronze keeps the repeated row, silver merges it
    "X26": "none",
    "X27": "warned",
    "X28": "none",  # silver lists who stands where another was struck off, or what stands there under a newer code
    "X29": "marked",
    "X30": "warned",
    "X31": "none",  # bronze keeps the text, silver redacts it
    "X32": "quarantine",
    "X33": "marked",
    "X34 错期": "refused",
    "X34": "already",  # the same bytes once more: nothing is taken, the sender gets the first receipt
    "enum": "warned",
    "code": "warned",  # no such town, or another one than that of the village
    "code 无村居": "none",  # no such town and no village: silver flags the order, it counts in the district only
    "code 旧": "warned",  # an expired town code: the village tells the town
    "required": "quarantine",
    "more_agent_calls_than_inbound": "quarantine",
    "more_answered_than_agent_calls": "quarantine",
    "more_in_15s_than_answered": "quarantine",
    "calls_do_not_add_up": "warned",
    "name": "none",  # of a street or category that there is not: silver finds no code
    "orphan_case": "none",  # only silver sees ratings and cases
}  # fmt: skip
Spoil = Callable[[np.random.Generator, str], str | None]
Fits = Callable[[str | None], bool]


@dataclass
class Batch:
    """Rows on their way into files: text columns, the file of each row, what has been done to them."""

    table: str
    columns: dict[str, Texts]
    file: Ints  # index of the delivery
    owner: Ints  # which order or case of the chunk the row is about
    sheet: Bools  # the row goes into an xlsx file
    moment: Ints  # rows stand in a file in this order
    sparing: Bools = field(default_factory=lambda: np.empty(0, bool))  # rows that must not be lost for good
    kinds: tuple[Kind, ...] = ()  # ways of spoiling it beside those in KINDS
    agreed: dict[str, Texts] = field(default_factory=dict)  # by column, cells told in another unit in the agreed one
    taken: Bools = field(init=False)
    bad: Bools = field(init=False)
    twice: Bools = field(init=False)
    notes: list[tuple[Ints, str, str]] = field(init=False)  # rows, column, entry of VERDICTS

    def __post_init__(self) -> None:
        self.taken, self.bad, self.twice = (np.zeros(len(self), bool) for _ in range(3))
        if not len(self.sparing):
            self.sparing = np.zeros(len(self), bool)
        self.notes = []

    def __len__(self) -> int:
        return len(self.file)

    def note(self, rows: Ints, column: str, kind: str) -> None:
        """Write down a defect that the rows already have."""
        if len(rows):
            self.notes.append((rows, column, kind))
            self.taken[rows] = True


@dataclass(frozen=True)
class Kind:
    """One way of spoiling one column: `rate` of the rows whose text `fits`."""

    verdict: str  # entry of VERDICTS; its first word is the rule
    table: str
    column: str
    rate: float
    spoil: Spoil
    fits: Fits = lambda text: text is not None
    sheets: bool | None = None  # only in xlsx files, only in csv files, or in both


KINDS = (
    Kind("X04", ORDERS, "满意度", 0.003, token, is_null),
    Kind("X04", ORDERS, "结案时间", 0.003, token, is_null),
    Kind("X04", ORDERS, "身份证", 0.003, token, is_null),
    Kind("X05", ORDERS, "镇街码", 0.001, full_width),
    Kind("X05", ORDERS, "电话", 0.001, full_width),
    Kind("X05", ORDERS, "上报时间", 0.0005, full_width),
    Kind("X05", ORDERS, "工单编号", 0.0005, full_width),
    Kind("X06", ORDERS, "身份证", 0.0006, scientific, digits),
    Kind("X07", ORDERS, "电话", 0.004, masked),
    Kind("X07", ORDERS, "身份证", 0.002, masked),
    Kind("X12", ORDERS, "上报时间", 0.0015, colloquial, whole_minute),
    Kind("X12", ORDERS, "上报时间", 0.0015, in_words, whole_minute),
    Kind("X12", ORDERS, "上报时间", 0.01, serial, sheets=True),
    Kind("X12", ORDERS, "结案时间", 0.01, serial, sheets=True),
    Kind("X12 不可能", ORDERS, "上报时间", 0.0004, impossible),
    Kind("X12 不可能", ORDERS, "结案时间", 0.0004, impossible),
    Kind("X16 编码", ORDERS, "来源工单号", 0.001, broken),
    Kind("X18", ORDERS, "状态", 0.003, drifted, drifts),
    Kind("X20 度分秒", ORDERS, "经度", 0.001, in_seconds),
    Kind("X29", ORDERS, "电话", 0.003, several),
    Kind("X30", ORDERS, "身份证", 0.002, old_number),
    Kind("X33", ORDERS, "诉求类型", 0.002, variant, varies),
    Kind("X21", ORDERS, "", 0.001, missing),
    Kind("X27", ORDERS, "身份证", 0.001, wrong_check),
    Kind("required", ORDERS, "工单编号", 0.0003, missing),
    Kind("required", ORDERS, "上报时间", 0.0003, missing),
    Kind("X04", EVENTS, "新截止时间", 0.0005, token, is_null),
    Kind("X05", EVENTS, "工单编号", 0.0003, full_width),
    Kind("X12", EVENTS, "完成时间", 0.0004, colloquial, whole_minute),
    Kind("X12", EVENTS, "完成时间", 0.0004, in_words, whole_minute),
    Kind("X12 不可能", EVENTS, "完成时间", 0.0001, impossible),
    Kind("X12 不可能", EVENTS, "到达时间", 0.0001, impossible),
    Kind("X14", EVENTS, "完成时间", 0.002, twenty_four, midnight),
    Kind("X21", EVENTS, "", 0.0004, missing),
    Kind("required", EVENTS, "工单编号", 0.0001, missing),
    Kind("required", EVENTS, "序号", 0.0001, missing),
    Kind("X04", CASES, "办结时间", 0.004, token, is_null),
    Kind("X04", CASES, "特别程序原因", 0.002, token, is_null),
    Kind("X05", CASES, "受理镇街", 0.002, full_width),
    Kind("X05", CASES, "承诺时限", 0.001, full_width),
    Kind("X06", CASES, "申请人证件号", 0.0015, scientific, digits),
    Kind("X07", CASES, "申请人证件号", 0.003, masked, digits),
    Kind("X12", CASES, "特别程序起", 0.002, dotted),
    Kind("X12", CASES, "特别程序止", 0.002, compact),
    Kind("X12", CASES, "申请时间", 0.003, in_words, whole_minute),
    Kind("X12", CASES, "受理时间", 0.004, serial, sheets=True),
    Kind("X12 不可能", CASES, "受理时间", 0.0008, impossible),
    Kind("X32", CASES, "受理时间", 0.0006, reference_error),
    Kind("X18", CASES, "申请人类型", 0.003, drifted, drifts),
    Kind("X18", CASES, "时限单位", 0.003, drifted, drifts),
    Kind("X21", CASES, "", 0.0015, missing),
    Kind("required", CASES, "办件编号", 0.0005, missing),
    Kind("X04", ENTITIES, "注销吊销日期", 0.004, token, is_null),
    Kind("X05", ENTITIES, "统一社会信用代码", 0.002, full_width),
    Kind("X10", ENTITIES, "统一社会信用代码", 0.003, noted),
    Kind("X10 两码", ENTITIES, "统一社会信用代码", 0.001, doubled),
    Kind("X12", ENTITIES, "成立日期", 0.004, dotted_day),
    Kind("X12", ENTITIES, "成立日期", 0.002, in_numerals),
    Kind("X12", ENTITIES, "核准日期", 0.004, compact),
    Kind("X12 不可能", ENTITIES, "核准日期", 0.002, impossible),
    Kind("X18", ENTITIES, "登记状态", 0.004, drifted, drifts),
    Kind("X21", ENTITIES, "", 0.002, missing),
    Kind("required", ENTITIES, "统一社会信用代码", 0.001, missing),
    Kind("X04", FULLS, "注销吊销日期", 0.0003, token, is_null),
    Kind("X12", FULLS, "成立日期", 0.0003, dotted_day),
    Kind("X18", FULLS, "登记状态", 0.0005, drifted, drifts),
    Kind("X21", FULLS, "", 0.0002, missing),
    Kind("X04", MACRO, "累计", 0.03, token, is_null),
    Kind("X15", MACRO, "累计", 0.04, grouped, thousands),
    Kind("X15", MACRO, "累计增长", 0.04, signed),
    Kind("X15", MACRO, "累计增长", 0.04, arrowed),
    Kind("X18", MACRO, "指标", 0.03, drifted, drifts),
    Kind("X04", AIR, "PM2.5", 0.002, sentinel, is_null),
    Kind("X04", AIR, "O3", 0.002, sentinel, is_null),
    Kind("X04", AIR, "CO", 0.001, token, is_null),
    Kind("X14", AIR, "监测时间", 0.01, twenty_four, midnight),
    Kind("X12", AIR, "监测时间", 0.002, in_words),
    Kind("X12 不可能", AIR, "监测时间", 0.0004, impossible),
    Kind("X21", AIR, "", 0.0005, missing),
    Kind("required", AIR, "站点编码", 0.0003, missing),
)


def soil(batch: Batch, rng: np.random.Generator, turn: int) -> None:
    """Plant the dirt of the batch's table. One kind in two is sure to occur once; which ones turns with `turn`."""
    for place, kind in enumerate([*(kind for kind in KINDS if kind.table == batch.table), *batch.kinds]):
        want = max(rng.binomial(len(batch), kind.rate), (place + turn) % 2 == 0)
        rows = _choose(batch, rng, kind, int(want))
        if not len(rows):
            continue
        if kind.verdict == "X21":
            batch.twice[rows] = True
            batch.note(rows, "", kind.verdict)
            continue
        column = batch.columns[kind.column]
        for row in rows.tolist():
            column[row] = kind.spoil(rng, column[row])
        batch.note(rows, kind.column, kind.verdict)
        batch.bad[rows] |= VERDICTS[kind.verdict] == "quarantine"


def _choose(batch: Batch, rng: np.random.Generator, kind: Kind, want: int) -> Ints:
    """Up to `want` clean rows that the kind fits, found by trying a sample."""
    if not want:
        return np.empty(0, np.int64)
    free = ~batch.taken
    if kind.sheets is not None:
        free &= batch.sheet == kind.sheets
    if VERDICTS[kind.verdict] == "quarantine":
        free &= ~batch.sparing
    rows = rng.permutation(np.flatnonzero(free))
    if kind.column:
        column = batch.columns[kind.column]
        found: list[int] = []
        for row in rows.tolist():
            if kind.fits(column[row]):
                found.append(row)
                if len(found) == want:
                    break
        return np.array(found, np.int64)
    return rows[:want]
