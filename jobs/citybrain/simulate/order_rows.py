"""S01 and S02 as they are exported: the state of each order at the end of a week, and the steps logged in it.

An order stands in the file of the week of its report and, if anything happened later, again in the file of the week
of its last change. Some bad rows come again, clean, two weeks later; what never does is not in the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import CHANNELS, REQUEST_TYPES, SYSTEMS, URGENCIES, City, Floats, Texts
from citybrain.simulate.dirt import Batch
from citybrain.simulate.events import HARMLESS, STEP, STEPS, Log, opinions
from citybrain.simulate.files import Layout
from citybrain.simulate.lifecycle import NONE, Life, Moments
from citybrain.simulate.orders import Orders, reporters
from citybrain.simulate.plan import CORRECTED_AFTER, EVENTS, ORDERS, Delivery, Span
from citybrain.simulate.worktime import LIMIT_TYPES, URGENT_HOUR, WORK_HOUR, Bools, Calendar, Ints

ORDER_LAYOUT = Layout(
    title="超级工单明细表",
    unit="宗",
    header=("工单编号", "来源系统", "来源工单号", "来源渠道", "上报时间", "受理时间", "标题", "描述", "诉求类型", "大类码",
            "小类码", "部件事件", "紧急程度", "镇街码", "村居码", "网格码", "地址", "经度", "纬度", "坐标系", "承办单位",
            "主协办", "时限类型", "时限值", "截止时间", "状态", "结案时间", "是否解决", "满意度", "上报人", "电话", "身份证",
            "更新时间"),
    groups={"来源": ("来源系统", "来源工单号", "来源渠道"),
            "位置": ("镇街码", "村居码", "网格码", "地址", "经度", "纬度", "坐标系"),
            "时限": ("时限类型", "时限值", "截止时间"), "诉求人": ("上报人", "电话", "身份证")},
    numbers=frozenset({"时限值", "经度", "纬度"}),
    counted="标题",
)  # fmt: skip
EVENT_LAYOUT = Layout(
    title="工单流转日志",
    unit="条",
    header=("事件编号", "工单编号", "序号", "环节", "操作单位", "操作人", "到达时间", "完成时间", "新截止时间", "意见"),
    groups={},
    numbers=frozenset({"序号"}),
    counted="环节",
)
STATUSES = ("待受理", "不予立案", "已立案", "处置中", "挂账", "待核查", "已结案", "已作废")
PREFIX = np.array(["HX", "WG", "CG", "ZTC", "SP", "GZ"], dtype=object)
ROADS = ("桂澜路", "海八路", "佛平路", "广佛路", "岭南大道", "工业大道", "人民路", "兴业路", "文明路", "沿江路")
DETAIL = ("影响出行，请尽快处理", "已持续多日", "存在安全隐患", "夜间尤为严重", "希望有关部门核实", "多次反映未果")
CORRECTED, LOST_DEADLINE, SENT_AGAIN = 0.06, 0.005, 0.5
# Defects that belong to the order itself: every row of it bears them.
TOWN_UNKNOWN, TOWN_EXPIRED, TYPE_UNKNOWN, SWAPPED, ZEROED = 0.0010, 0.0008, 0.0010, 0.0012, 0.0008
BAD_ID, PERSONAL, TWO_LINES = 0.003, 0.004, 0.002
UNKNOWN_TOWN, EXPIRED_TOWN = "440605999", "440605012"


@dataclass(frozen=True)
class Sheet:
    """The columns of S01 that never change in an order's life, and the defects that they bear."""

    text: dict[str, Texts]
    town: Ints  # the town that a good pipeline finds, -1 for none
    wrong_town: Texts  # what is written before it is corrected
    lon: Floats
    lat: Floats
    defects: list[tuple[Bools, str, str]]  # orders, column, verdict
    resolution: Texts
    satisfaction: Texts


def sheet_of(city: City, calendar: Calendar, orders: Orders, life: Life, rng: np.random.Generator) -> Sheet:
    n = len(orders)
    draw = rng.random(n)
    cuts = np.cumsum([TOWN_UNKNOWN, TOWN_EXPIRED, TYPE_UNKNOWN, SWAPPED, ZEROED, BAD_ID, PERSONAL, TWO_LINES])
    kind = np.searchsorted(cuts, draw, side="right")
    unknown, expired, untyped, swapped, zeroed, bad_id, personal, two_lines = (kind == k for k in range(8))
    homeless = unknown & (rng.random(n) < 0.5)  # not even the village is known
    who = reporters(rng, orders)
    bad_id &= np.array([text is not None for text in who["身份证"]], bool)
    who["身份证"][bad_id] = [_broken(text) for text in who["身份证"][bad_id]]
    text = {**_constants(city, orders, rng), **who}
    text["描述"][personal] += "联系人" + people.names(rng, n)[personal] + "，电话" + people.phones(rng, n)[personal]
    text["描述"][personal] += "，身份证" + people.id_numbers(rng, n)[personal]
    text["描述"][two_lines] += "\n备注：店主称\"已整改\"，\n实际未整改"
    text["镇街码"][unknown], text["镇街码"][expired] = UNKNOWN_TOWN, EXPIRED_TOWN
    text["村居码"][homeless], text["网格码"][homeless] = None, None
    text["诉求类型"][untyped] = "表扬"
    text["经度"][swapped], text["纬度"][swapped] = _coordinate(orders.lat[swapped]), _coordinate(orders.lon[swapped])
    text["经度"][zeroed], text["纬度"][zeroed] = "0", "0"
    text["截止时间"] = people.stamps(np.where(_lost(calendar, orders, life, untyped, rng), NONE, life.deadline))
    text["时限类型"] = np.array(LIMIT_TYPES, dtype=object)[life.kind]
    text["时限值"] = life.value.astype(str).astype(object)
    defects = [(unknown, "镇街码", "code"), (expired, "镇街码", "code"), (untyped, "诉求类型", "enum"),
               (swapped | zeroed, "经度", "X20"), (bad_id, "身份证", "X27"), (personal, "描述", "X31"),
               (two_lines, "描述", "X16")]  # fmt: skip
    return Sheet(
        text=text,
        town=np.where(homeless, -1, orders.town),
        wrong_town=city.town_code[(orders.town + 1) % len(city.town_code)],
        lon=np.where(zeroed, np.nan, orders.lon),
        lat=np.where(zeroed, np.nan, orders.lat),
        defects=defects,
        resolution=rng.choice(np.array(["已解决", "部分解决", "未解决"], dtype=object), n, p=(0.86, 0.08, 0.06)),
        satisfaction=rng.choice(np.array(["非常满意", "满意", "基本满意", "不满意"], dtype=object), n,
                                p=(0.3, 0.45, 0.15, 0.1)),
    )


def _lost(calendar: Calendar, orders: Orders, life: Life, untyped: Bools, rng: np.random.Generator) -> Bools:
    """Orders exported without their deadline, where the rules leave no doubt about it."""
    inside = calendar.opens(life.at["accepted"]) == life.at["accepted"]
    plain = (life.kind != WORK_HOUR) | (inside & (life.value % 7 != 0))
    return plain & (life.kind != URGENT_HOUR) & ~untyped & (rng.random(len(orders)) < LOST_DEADLINE)


def _broken(number: str) -> str:
    return number[:-1] + ("1" if number[-1] != "1" else "2")


def _coordinate(values: Floats) -> Texts:
    return np.array([f"{value:.6f}" for value in values.tolist()], dtype=object)


def _constants(city: City, orders: Orders, rng: np.random.Generator) -> dict[str, Texts]:
    n = len(orders)
    village, what = city.village_name[orders.village], city.minor_name[orders.minor]
    road = rng.choice(np.array(ROADS, dtype=object), n) + rng.integers(1, 300, n).astype(str).astype(object)
    town = city.town_short[orders.town]
    return {
        "工单编号": orders.number.copy(),
        "来源系统": np.array(SYSTEMS, dtype=object)[orders.system],
        "来源工单号": PREFIX[orders.system] + np.array([number[2:] for number in orders.number], dtype=object),
        "来源渠道": np.array(CHANNELS, dtype=object)[orders.channel],
        "标题": village + what + "问题（模拟）",
        "描述": "反映" + town + village + "附近有" + what + "问题，" + rng.choice(np.array(DETAIL, dtype=object), n) + "。",
        "诉求类型": np.array(REQUEST_TYPES, dtype=object)[orders.request_type],
        "大类码": city.major_code[orders.major],
        "小类码": city.minor_code[orders.minor],
        "部件事件": np.where(city.minor_is_part[orders.minor], "部件", "事件").astype(object),
        "紧急程度": np.array(URGENCIES, dtype=object)[orders.urgency],
        "镇街码": city.town_code[orders.town],
        "村居码": city.village_code[orders.village],
        "网格码": city.village_code[orders.village] + rng.choice(np.array(["01", "02", "03", "04"], dtype=object), n),
        "地址": "佛山市南海区" + town + village + road + "号",
        "经度": _coordinate(orders.lon),
        "纬度": _coordinate(orders.lat),
        "坐标系": np.full(n, "CGCS2000", dtype=object),
        "主协办": np.where(rng.random(n) < 0.96, "主办", "协办").astype(object),
    }


def state(life: Life, orders: Orders, rows: Ints, when: Ints) -> tuple[Moments, Ints, Ints, Ints]:
    """Orders `rows` as they stand just before `when`: moments, status, unit, last change."""
    at = {name: np.where(moment[rows] < when, moment[rows], NONE) for name, moment in life.at.items()}
    happened = {name: moment >= 0 for name, moment in at.items()}
    status = np.zeros(len(rows), np.int64)
    hung = (happened["hung"] & ~happened["resumed"]) | (happened["hung_2"] & ~happened["resumed_2"])
    checking = np.where(happened["reworked"], happened["disposed_2"], happened["disposed"])
    for code, mask in ((1, happened["not_filed"]), (2, happened["filed"]),
                       (3, happened["dispatched"] | happened["signed"]), (4, hung), (5, checking.astype(bool)),
                       (6, happened["closed"]), (7, happened["cancelled"])):  # fmt: skip
        status[mask] = code
    bounced, again = life.at["returned"][rows] >= 0, life.at["returned_2"][rows] >= 0
    unit = np.where(bounced & ~happened["dispatched_2"], life.wrong_unit[rows], orders.unit[rows])
    unit = np.where(again & happened["dispatched_2"] & ~happened["dispatched_3"], life.other_unit[rows], unit)
    unit = np.where(happened["dispatched"] | happened["signed"], unit, -1)
    changed = np.maximum.reduce([moment for name, moment in at.items() if name != "extended_to"])
    return at, status, unit, changed


def order_batch(
    city: City, span: Span, files: list[Delivery], orders: Orders, life: Life, sheet: Sheet, rng: np.random.Generator
) -> tuple[Batch, Ints]:
    """The rows of S01 about these orders, clean, with the instant at which each shows its order."""
    ends = span.periods(ORDERS)
    reported = life.at["reported"]
    last = np.maximum.reduce([moment for name, moment in life.at.items() if name != "extended_to"])
    first_slot, last_slot = span.slot(ORDERS, reported), span.slot(ORDERS, last)
    fixed = (first_slot == span.corrected(ORDERS)) & (last_slot <= first_slot + CORRECTED_AFTER - 2)
    fixed &= (rng.random(len(orders)) < CORRECTED) & (sheet.text["镇街码"] == city.town_code[orders.town])
    later, corrected = np.flatnonzero(last_slot > first_slot), np.flatnonzero(fixed)
    rows = np.concatenate([np.arange(len(orders)), later, corrected])
    slot = np.concatenate([first_slot, last_slot[later], np.full(len(corrected), len(ends))])
    shown = np.append(ends, ends[min(span.corrected(ORDERS) + CORRECTED_AFTER, len(ends) - 1)])[slot]
    at, status, unit, changed = state(life, orders, rows, shown)
    final = slot == len(ends)
    columns = {name: values[rows] for name, values in sheet.text.items()}
    columns["镇街码"] = np.where(fixed[rows] & ~final, sheet.wrong_town[rows], columns["镇街码"])
    columns |= _changing(city, sheet, rows, at, status, unit, np.where(final, shown - 3600, changed))
    batch = Batch(ORDERS, {name: columns[name] for name in ORDER_LAYOUT.header}, slot, rows,
                  np.array([file.is_sheet for file in files])[slot], sparing=fixed[rows])
    for mask, column, verdict in sheet.defects:
        batch.note(np.flatnonzero(mask[rows]), column, verdict)
    batch.note(np.flatnonzero((at["closed"] >= 0) & (at["closed"] < reported[rows])), "结案时间", "X24")
    batch.taken |= final
    return batch, shown


def _changing(
    city: City, sheet: Sheet, rows: Ints, at: Moments, status: Ints, unit: Ints, changed: Ints
) -> dict[str, Texts]:
    closed, accepted = at["closed"] >= 0, at["accepted"] >= 0
    rated = np.where(at["evaluated"] >= 0, sheet.satisfaction[rows], people.some(np.full(len(rows), "未评价", object), closed))
    return {
        "上报时间": people.stamps(at["reported"]),
        "受理时间": people.stamps(at["accepted"]),
        "承办单位": people.some(city.unit_code[unit], unit >= 0),
        "时限类型": people.some(sheet.text["时限类型"][rows], accepted),
        "时限值": people.some(sheet.text["时限值"][rows], accepted),
        "截止时间": people.some(sheet.text["截止时间"][rows], accepted),
        "状态": np.array(STATUSES, dtype=object)[status],
        "结案时间": people.stamps(at["closed"]),
        "是否解决": people.some(sheet.resolution[rows], closed),
        "满意度": rated,
        "更新时间": people.stamps(changed),
    }


def event_batch(
    city: City, span: Span, files: list[Delivery], orders: Orders, life: Life, log: Log, rng: np.random.Generator
) -> Batch:
    """The rows of S02 about these orders, clean."""
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
        "操作人": np.array([f"模拟员{k:03d}" for k in range(500)], dtype=object)[rng.integers(0, 500, len(log))],
        "到达时间": people.stamps(log.arrived),
        "完成时间": people.stamps(log.finished),
        "新截止时间": people.stamps(log.extended_to),
        "意见": words,
    }
    critical = ~np.isin(log.step, [STEP[name] for name in HARMLESS])
    last = slot + 2 >= len(span.periods(EVENTS))
    batch = Batch(EVENTS, columns, slot, log.order, np.array([file.is_sheet for file in files])[slot], critical & last)
    batch.note(np.flatnonzero(log.repeats), "", "X25")
    batch.note(np.flatnonzero(log.unfinished), "完成时间", "X26")
    batch.note(np.flatnonzero(two_lines & ~batch.taken), "意见", "X16")
    wrong = (log.step == STEP["派遣"]) & (log.finished > life.at["disposed"][log.order])
    wrong &= (life.at["disposed"][log.order] >= 0) & (life.at["returned"][log.order] < 0)
    batch.note(np.flatnonzero(wrong & ~batch.taken), "完成时间", "X24")
    return batch
