"""Service cases (S06): what the halls accept and finish, against promised and statutory limits.

Drawn so that the definitions leave no doubt: cases with a special procedure (特别程序) finish clearly early by any way
of counting its days; items whose limit is in natural days finish clearly early too; all finish on working days.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import DISTRICT, WORST_TOWN, City, Texts
from citybrain.simulate.dirt import Batch
from citybrain.simulate.files import Layout
from citybrain.simulate.items import FIRM_SHARE, IN_NATURAL_DAYS, ITEM_CODES, ITEM_NAMES, PROMISED, STATUTORY, WEIGHTS
from citybrain.simulate.lifecycle import NONE
from citybrain.simulate.orders import numbered
from citybrain.simulate.plan import CASES, CASES_A_DAY, CORRECTED_AFTER, Delivery, Span
from citybrain.simulate.worktime import AFTERNOON, DAY, EVENING, MORNING, Bools, Calendar, Ints

HEADER = """
办件编号 事项编码 事项名称 申请人类型 申请人证件号 申请时间 受理时间 办结时间 承诺时限 法定时限 时限单位 受理镇街
办理渠道 特别程序起 特别程序止 特别程序原因 办理结果 跨城通办标志 收件地区划 业务属地区划 申请人所属区划 更新时间
"""
CASE_LAYOUT = Layout(
    title="政务服务办件明细表",
    unit="件",
    header=tuple(HEADER.split()),
    groups={"时限": ("承诺时限", "法定时限", "时限单位"), "特别程序": ("特别程序起", "特别程序止", "特别程序原因")},
    numbers=frozenset({"承诺时限", "法定时限"}),
    counted="事项名称",
)
CASE_CHANNELS = ("窗口", "网上", "自助", "移动", "邮寄")  # the last is none of the known ones
RESULTS = ("准予", "不予", "退件", "撤回")
REASONS = ("听证", "现场勘验", "专家评审", "检验检测", "招标")
# Two items were slower in the first days of the span: place in ITEMS → promised limit until then.
FORMERLY, FORMER_DAYS = {6: 10, 16: 12}, 4
EARLY, JUST_IN_TIME = 0.86, 0.08  # the rest is overdue, in the worst town three times as often
SPECIAL, NO_TOWN, CROSS_CITY = 0.05, 0.02, 0.03
CORRECTED = 0.04


class Cases(NamedTuple):
    number: Texts
    item: Ints
    promised: Ints
    applied: Ints
    accepted: Ints
    finished: Ints
    special_from: Ints
    special_to: Ints
    town: Ints
    channel: Ints
    firm: Bools

    def __len__(self) -> int:
        return len(self.number)


def acceptances(span: Span, calendar: Calendar, index: int, rng: np.random.Generator) -> Ints:
    """The instants at which cases are accepted in one month, in order; halls work on working days."""
    days = np.arange(span.month_starts[index], span.month_starts[index + 1])
    open_days = calendar.is_workday(days)
    mean = CASES_A_DAY * span.scale * open_days * len(days) / max(open_days.sum(), 1)
    day = np.repeat(days, rng.poisson(mean))
    clock = np.where(
        rng.random(len(day)) < 0.55,
        rng.integers(MORNING, 43_200, len(day)),
        rng.integers(AFTERNOON, EVENING - 1800, len(day)),
    )
    return np.sort(day * DAY + clock)


def draw_cases(
    city: City, span: Span, calendar: Calendar, accepted: Ints, part: slice, rng: np.random.Generator
) -> Cases:
    t = accepted[part]
    n = len(t)
    item = rng.choice(len(WEIGHTS), n, p=WEIGHTS / WEIGHTS.sum())
    promised = PROMISED[item]
    for place, days in FORMERLY.items():
        early = (item == place) & (t < (int(span.month_starts[0]) + FORMER_DAYS) * DAY)
        promised = np.where(early, days, promised)
    town = rng.choice(len(city.town_code), n, p=city.town_weight / city.town_weight.sum())
    channel = rng.choice(len(CASE_CHANNELS), n, p=(0.38, 0.36, 0.08, 0.178, 0.002))
    waited = np.where(channel == 0, rng.integers(60, 1800, n), rng.integers(600, 20 * 3600, n))
    applied = t - np.where(rng.random(n) < 0.1, waited // 60 * 60 + t % 60, waited)  # some forms keep minutes only
    finished, special_from, special_to = _finish(
        calendar, span, rng, t, item, promised, city.town_code[town] == WORST_TOWN
    )
    firm = rng.random(n) < FIRM_SHARE[item]
    town = np.where(rng.random(n) < NO_TOWN, -1, town)
    stop = span.stop
    return Cases(
        numbered("BJ", accepted, part),
        item,
        promised,
        applied,
        t,
        np.where(finished < stop, finished, NONE),
        np.where(special_to < stop, special_from, NONE),
        np.where(special_to < stop, special_to, NONE),
        town,
        channel,
        firm,
    )


def _finish(
    calendar: Calendar, span: Span, rng: np.random.Generator, t: Ints, item: Ints, promised: Ints, slow_town: Bools
) -> tuple[Ints, Ints, Ints]:
    """When each case ends, and the special procedure within it, if any (dates, at midnight)."""
    n, day = len(t), t // DAY
    natural = IN_NATURAL_DAYS[item]
    fate = rng.random(n)
    slow = np.where(slow_town, 0.82, 1.0)
    early = natural | (fate < EARLY * slow)
    just = ~early & (fate < (EARLY + JUST_IN_TIME) * slow)
    used = np.where(early, (promised * rng.beta(1.4, 2.2, n)).astype(np.int64), promised)
    used = np.where(~early & ~just, promised + 1 + rng.geometric(0.35, n), used)
    used = np.where(natural, np.minimum(used, promised * 4 // 15), used)  # working days, far from the limit
    used = np.where(natural & ((calendar.nth_workday(day, used) - day) * 2 > promised), 0, used)  # before holidays
    special = ~natural & (promised >= 5) & (rng.random(n) < SPECIAL / 0.5)
    begin = day + rng.integers(1, 4, n)
    end = begin + rng.integers(5, 25, n)
    stopped = calendar.workdays_through(end) - calendar.workdays_through(begin - 1)
    net = np.minimum(used, promised - 4)
    last_special = calendar.nth_workday(day, np.maximum(net, 0) + stopped + 2)
    special &= (promised - 4 >= 0) & ((last_special + 1) * DAY < span.stop)
    last = np.where(special, last_special, calendar.nth_workday(day, used))
    at_once = last == day
    last = np.where((used == 0) & ~special, day, last)
    clock = rng.integers(MORNING, EVENING, n)
    clock = np.where(at_once | (last == day), np.maximum(t % DAY + 60, clock), clock)
    clock = np.minimum(clock, EVENING - 1)
    none = np.full(n, NONE)
    return last * DAY + clock, np.where(special, begin * DAY, none), np.where(special, end * DAY, none)


def case_batch(
    city: City, span: Span, files: list[Delivery], cases: Cases, rng: np.random.Generator
) -> tuple[Batch, Ints]:
    """The rows of S06: in the month of acceptance, in the month of the end, corrections; and what each row knows."""
    ends = span.periods(CASES)
    last = np.maximum.reduce([cases.accepted, cases.finished, cases.special_to])
    first_slot, last_slot = span.slot(CASES, cases.accepted), span.slot(CASES, last)
    fixed = (first_slot == span.corrected(CASES)) & (last_slot <= first_slot + 1) & (cases.town >= 0)
    fixed &= rng.random(len(cases)) < CORRECTED
    later, corrected = np.flatnonzero(last_slot > first_slot), np.flatnonzero(fixed)
    rows = np.concatenate([np.arange(len(cases)), later, corrected])
    slot = np.concatenate([first_slot, last_slot[later], np.full(len(corrected), len(ends))])
    shown = np.append(ends, ends[min(span.corrected(CASES) + CORRECTED_AFTER, len(ends) - 1)])[slot]
    final = slot == len(ends)
    columns = _columns(city, cases, rng)
    columns = {name: values[rows] for name, values in columns.items()}
    wrong = city.town_code[(cases.town[rows] + 1) % len(city.town_code)]
    columns["受理镇街"] = np.where(fixed[rows] & ~final, wrong, columns["受理镇街"])
    columns |= _changing(cases, rows, shown, final, columns)
    careful = (cases.special_from >= 0) | IN_NATURAL_DAYS[cases.item] | fixed
    is_sheet = np.array([file.is_sheet for file in files])[slot]
    columns = {name: columns[name] for name in CASE_LAYOUT.header}
    batch = Batch(CASES, columns, slot, rows, is_sheet, cases.accepted[rows], careful[rows])
    batch.note(np.flatnonzero(cases.channel[rows] == CASE_CHANNELS.index("邮寄")), "办理渠道", "enum")
    batch.taken |= final
    return batch, shown


def _changing(cases: Cases, rows: Ints, shown: Ints, final: Bools, columns: dict[str, Texts]) -> dict[str, Texts]:
    moments = [np.where(m[rows] < shown, m[rows], NONE) for m in (cases.finished, cases.special_from, cases.special_to)]
    finished, begun, ended = moments
    changed = np.maximum.reduce([cases.accepted[rows], finished, begun, ended])
    return {
        "办结时间": people.stamps(finished),
        "特别程序起": people.stamps(begun),
        "特别程序止": people.stamps(ended),
        "特别程序原因": people.some(columns["特别程序原因"], begun >= 0),
        "办理结果": people.some(columns["办理结果"], finished >= 0),
        "更新时间": people.stamps(np.where(final, shown - 3600, changed)),
    }


def _columns(city: City, cases: Cases, rng: np.random.Generator) -> dict[str, Texts]:
    n = len(cases)
    cross = rng.random(n) < CROSS_CITY
    origin = rng.choice(np.array(["440605", "440604", "440606", "440103", "450400", "430100"], dtype=object), n)
    return {
        "办件编号": cases.number.copy(),
        "事项编码": ITEM_CODES[cases.item],
        "事项名称": ITEM_NAMES[cases.item],
        "申请人类型": people.either(cases.firm, "法人", "自然人"),
        "申请人证件号": np.where(cases.firm, people.credit_codes(rng, n), people.id_numbers(rng, n)),
        "申请时间": people.stamps(cases.applied),
        "受理时间": people.stamps(cases.accepted),
        "承诺时限": cases.promised.astype(str).astype(object),
        "法定时限": people.some(STATUTORY.astype(str).astype(object), STATUTORY > 0)[cases.item],
        "时限单位": people.either(IN_NATURAL_DAYS[cases.item], "自然日", "工作日"),
        "受理镇街": people.some(city.town_code[cases.town], cases.town >= 0),
        "办理渠道": np.array(CASE_CHANNELS, dtype=object)[cases.channel],
        "特别程序原因": rng.choice(np.array(REASONS, dtype=object), n),
        "办理结果": rng.choice(np.array(RESULTS, dtype=object), n, p=(0.93, 0.03, 0.025, 0.015)),
        "跨城通办标志": people.either(cross, "是", "否"),
        "收件地区划": np.where(cross, origin, DISTRICT).astype(object),
        "业务属地区划": np.full(n, DISTRICT, dtype=object),
        "申请人所属区划": origin,
    }
