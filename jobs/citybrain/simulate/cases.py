"""Service cases (S06): what the halls accept and finish, against promised and statutory limits.

Drawn so that the definitions leave no doubt: cases with a special procedure (特别程序) finish clearly early by any way
of counting its days; items whose limit is in natural days finish clearly early too; all finish on working days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import DISTRICT, City, Texts
from citybrain.simulate.dirt import Batch
from citybrain.simulate.files import Layout
from citybrain.simulate.lifecycle import NONE
from citybrain.simulate.plan import CASES, CASES_A_DAY, CORRECTED_AFTER, Delivery, Span
from citybrain.simulate.worktime import AFTERNOON, DAY, EVENING, MORNING, Bools, Calendar, Ints

CASE_LAYOUT = Layout(
    title="政务服务办件明细表",
    unit="件",
    header=("办件编号", "事项编码", "事项名称", "申请人类型", "申请人证件号", "申请时间", "受理时间", "办结时间", "承诺时限",
            "法定时限", "时限单位", "受理镇街", "办理渠道", "特别程序起", "特别程序止", "特别程序原因", "办理结果",
            "跨城通办标志", "收件地区划", "业务属地区划", "申请人所属区划", "更新时间"),
    groups={"时限": ("承诺时限", "法定时限", "时限单位"), "特别程序": ("特别程序起", "特别程序止", "特别程序原因")},
    numbers=frozenset({"承诺时限", "法定时限"}),
    counted="事项名称",
)  # fmt: skip
CASE_CHANNELS = ("窗口", "网上", "自助", "移动")
RESULTS = ("准予", "不予", "退件", "撤回")
REASONS = ("听证", "现场勘验", "专家评审", "检验检测", "招标")
# name, promised, statutory (0: none), unit, share of firms, weight
ITEMS = (
    ("个体工商户登记", 1, 15, "工作日", 0.0, 30), ("内资公司设立登记", 1, 15, "工作日", 1.0, 18),
    ("内资公司变更登记", 2, 15, "工作日", 1.0, 16), ("食品经营许可（新办）", 5, 20, "工作日", 0.6, 12),
    ("食品经营许可（变更）", 3, 20, "工作日", 0.6, 8), ("城乡居民养老保险参保登记", 1, 15, "工作日", 0.0, 20),
    ("失业保险金申领", 5, 20, "工作日", 0.0, 10), ("生育津贴支付", 7, 20, "工作日", 0.3, 8),
    ("最低生活保障对象认定", 14, 28, "自然日", 0.0, 5), ("残疾人证办理", 10, 30, "工作日", 0.0, 4),
    ("高龄津贴申请", 5, 20, "工作日", 0.0, 9), ("建筑工程施工许可证核发", 7, 14, "自然日", 1.0, 3),
    ("建设工程消防验收", 8, 15, "工作日", 1.0, 3), ("建设工程竣工联合验收", 10, 135, "工作日", 1.0, 2),
    ("城镇污水排入排水管网许可", 7, 20, "工作日", 1.0, 4), ("临时占用道路许可", 5, 20, "工作日", 1.0, 3),
    ("户外广告设施设置许可", 6, 20, "工作日", 1.0, 3), ("公共场所卫生许可", 5, 20, "工作日", 0.7, 6),
    ("医疗机构执业登记", 10, 45, "工作日", 1.0, 1), ("护士执业注册", 5, 20, "工作日", 0.0, 4),
    ("民办学校设立审批", 21, 84, "自然日", 1.0, 1), ("教师资格认定", 10, 30, "工作日", 0.0, 5),
    ("道路货物运输经营许可", 6, 20, "工作日", 1.0, 4), ("道路运输证配发", 2, 10, "工作日", 0.8, 6),
    ("劳务派遣经营许可", 7, 20, "工作日", 1.0, 2), ("人力资源服务许可", 6, 20, "工作日", 1.0, 2),
    ("特种设备使用登记", 5, 30, "工作日", 1.0, 4), ("农药经营许可", 8, 20, "工作日", 0.8, 1),
    ("不动产登记资料查询", 1, 0, "工作日", 0.2, 14), ("户籍证明开具", 1, 0, "工作日", 0.0, 9),
    ("居住证签注", 3, 15, "工作日", 0.0, 12), ("出版物零售经营许可", 7, 20, "工作日", 0.8, 1),
    ("娱乐场所经营许可", 8, 20, "工作日", 1.0, 1), ("社会团体成立登记", 21, 60, "工作日", 1.0, 1),
    ("医师执业注册", 5, 20, "工作日", 0.0, 3), ("公共租赁住房申请", 14, 56, "自然日", 0.0, 2),
    ("企业投资项目备案", 1, 0, "工作日", 1.0, 6), ("取水许可", 12, 45, "工作日", 1.0, 1),
)  # fmt: skip
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
    clock = np.where(rng.random(len(day)) < 0.55, rng.integers(MORNING, 43_200, len(day)),
                     rng.integers(AFTERNOON, EVENING - 1800, len(day)))
    return np.sort(day * DAY + clock)


def draw_cases(
    city: City, span: Span, calendar: Calendar, accepted: Ints, part: slice, rng: np.random.Generator
) -> Cases:
    t = accepted[part]
    n = len(t)
    weights = np.array([row[5] for row in ITEMS], float)
    item = rng.choice(len(ITEMS), n, p=weights / weights.sum())
    promised = np.array([row[1] for row in ITEMS])[item]
    for place, days in FORMERLY.items():
        early = (item == place) & (t < (int(span.month_starts[0]) + FORMER_DAYS) * DAY)
        promised = np.where(early, days, promised)
    town = rng.choice(len(city.town_code), n, p=city.town_weight / city.town_weight.sum())
    channel = rng.choice(4, n, p=(0.38, 0.36, 0.08, 0.18))
    waited = np.where(channel == 0, rng.integers(60, 1800, n), rng.integers(600, 20 * 3600, n))
    applied = t - np.where(rng.random(n) < 0.1, waited // 60 * 60 + t % 60, waited)  # some forms keep minutes only
    finished, special_from, special_to = _finish(calendar, span, rng, t, item, promised, town)
    days = accepted // DAY
    serial = np.arange(len(days))[part] - np.searchsorted(days, days[part]) + 1
    texts = np.datetime_as_string(days[part].astype("datetime64[D]")).tolist()
    number = [f"BJ{text.replace('-', '')}{k:06d}" for text, k in zip(texts, serial.tolist(), strict=True)]
    firm = rng.random(n) < np.array([row[4] for row in ITEMS])[item]
    town = np.where(rng.random(n) < NO_TOWN, -1, town)
    stop = span.stop
    return Cases(np.array(number, dtype=object), item, promised, applied, t, np.where(finished < stop, finished, NONE),
                 np.where(special_to < stop, special_from, NONE), np.where(special_to < stop, special_to, NONE), town,
                 channel, firm)


def _finish(
    calendar: Calendar, span: Span, rng: np.random.Generator, t: Ints, item: Ints, promised: Ints, town: Ints
) -> tuple[Ints, Ints, Ints]:
    """When each case ends, and the special procedure within it, if any (dates, at midnight)."""
    n, day = len(t), t // DAY
    natural = np.array([row[3] == "自然日" for row in ITEMS])[item]
    fate = rng.random(n)
    slow = np.where(town == 5, 0.82, 1.0)  # the worst town again
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
    careful = (cases.special_from >= 0) | np.array([row[3] == "自然日" for row in ITEMS])[cases.item] | fixed
    batch = Batch(CASES, {name: columns[name] for name in CASE_LAYOUT.header}, slot, rows,
                  np.array([file.is_sheet for file in files])[slot], careful[rows])
    batch.taken |= final
    return batch, shown


def _changing(
    cases: Cases, rows: Ints, shown: Ints, final: Bools, columns: dict[str, Texts]
) -> dict[str, Texts]:
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
    statutory = np.array([str(row[2]) if row[2] else None for row in ITEMS], dtype=object)
    cross = rng.random(n) < CROSS_CITY
    origin = rng.choice(np.array(["440605", "440604", "440606", "440103", "450400", "430100"], dtype=object), n)
    return {
        "办件编号": cases.number.copy(),
        "事项编码": item_codes()[cases.item],
        "事项名称": np.array([row[0] for row in ITEMS], dtype=object)[cases.item],
        "申请人类型": np.where(cases.firm, "法人", "自然人").astype(object),
        "申请人证件号": np.where(cases.firm, people.credit_codes(rng, n), people.id_numbers(rng, n)),
        "申请时间": people.stamps(cases.applied),
        "受理时间": people.stamps(cases.accepted),
        "承诺时限": cases.promised.astype(str).astype(object),
        "法定时限": statutory[cases.item],
        "时限单位": np.array([row[3] for row in ITEMS], dtype=object)[cases.item],
        "受理镇街": people.some(city.town_code[cases.town], cases.town >= 0),
        "办理渠道": np.array(CASE_CHANNELS, dtype=object)[cases.channel],
        "特别程序原因": rng.choice(np.array(REASONS, dtype=object), n),
        "办理结果": rng.choice(np.array(RESULTS, dtype=object), n, p=(0.93, 0.03, 0.025, 0.015)),
        "跨城通办标志": np.where(cross, "是", "否").astype(object),
        "收件地区划": np.where(cross, origin, DISTRICT).astype(object),
        "业务属地区划": np.full(n, DISTRICT, dtype=object),
        "申请人所属区划": origin,
    }


def item_codes() -> Texts:
    return np.array([f"11440605{place + 1:06d}" for place in range(len(ITEMS))], dtype=object)
