"""S01 as it is exported: the state of each order at the end of a week.

An order stands in the file of the week of its report and, if anything happened later, again in the file of the week
of its last change. A few have the wrong town at first and are corrected by a file of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import CHANNELS, REQUEST_TYPES, SYSTEMS, URGENCIES, City, Floats, Texts, older_names
from citybrain.simulate.dirt import Batch
from citybrain.simulate.files import Layout
from citybrain.simulate.lifecycle import NONE, Life, Moments
from citybrain.simulate.orders import Orders, reporters
from citybrain.simulate.plan import CORRECTED_AFTER, ORDERS, Delivery, Span
from citybrain.simulate.shift import gcj02
from citybrain.simulate.worktime import LIMIT_TYPES, URGENT_HOUR, WORK_HOUR, Bools, Calendar, Ints

HEADER = """
工单编号 来源系统 来源工单号 来源渠道 上报时间 受理时间 标题 描述 诉求类型 大类码 小类码 部件事件 紧急程度
镇街码 村居码 网格码 地址 经度 纬度 坐标系 承办单位 主协办 时限类型 时限值 截止时间 状态 结案时间
是否解决 满意度 上报人 电话 身份证 更新时间
"""
ORDER_LAYOUT = Layout(
    title="超级工单明细表",
    unit="宗",
    header=tuple(HEADER.split()),
    groups={
        "来源": ("来源系统", "来源工单号", "来源渠道"),
        "位置": ("镇街码", "村居码", "网格码", "地址", "经度", "纬度", "坐标系"),
        "时限": ("时限类型", "时限值", "截止时间"),
        "诉求人": ("上报人", "电话", "身份证"),
    },
    numbers=frozenset({"时限值", "经度", "纬度"}),
    counted="标题",
)
STATUSES = ("待受理", "不予立案", "已立案", "处置中", "挂账", "待核查", "已结案", "已作废")
RESOLUTIONS = np.array(["已解决", "部分解决", "未解决"], dtype=object)
SATISFACTIONS = np.array(["非常满意", "满意", "基本满意", "不满意"], dtype=object)
GRIDS = np.array(["01", "02", "03", "04"], dtype=object)
PREFIX = np.array(["HX", "WG", "CG", "ZTC", "SP", "GZ"], dtype=object)
ROADS = ("桂澜路", "海八路", "佛平路", "广佛路", "岭南大道", "工业大道", "人民路", "兴业路", "文明路", "沿江路")
DETAIL = np.array(["影响出行，请尽快处理", "已持续多日", "存在安全隐患", "夜间尤为严重", "多次反映未果"], dtype=object)
CORRECTED, LOST_DEADLINE = 0.06, 0.005
# Defects that belong to the order itself: every row of it bears them.
OWN_SHARES = {
    "town": 0.0005, "homeless": 0.0005, "old town": 0.0008, "type": 0.0010, "swapped": 0.0012, "zero": 0.0008,
    "personal": 0.004, "lines": 0.002, "gcj": 0.002, "no village": 0.001, "addressed": 0.003,
}  # fmt: skip
OWN_DEFECTS = (
    ("town", "镇街码", "code"),
    ("homeless", "镇街码", "code 无村居"),
    ("old town", "镇街码", "code 旧"),
    ("type", "诉求类型", "enum"),
    ("swapped", "经度", "X20"),
    ("swapped", "纬度", "X20"),
    ("zero", "经度", "X20"),
    ("zero", "纬度", "X20"),
    ("personal", "描述", "X31"),
    ("lines", "描述", "X16"),
    ("gcj", "坐标系", "X20 火星"),
    ("no village", "村居码", "X20 无村居"),
    ("addressed", "地址", "X11"),
)
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
    has: dict[str, Bools]  # the orders that bear each defect of their own
    resolution: Texts
    satisfaction: Texts


def sheet_of(city: City, calendar: Calendar, orders: Orders, life: Life, rng: np.random.Generator) -> Sheet:
    n = len(orders)
    text = {**_constants(city, orders, rng), **reporters(rng, orders)}
    has = _defects(n, rng)
    has["no village"] &= ~np.isnan(city.border_lon[orders.village])
    has["gcj"] &= (orders.lon < 113.25) & (orders.lat > 22.80)
    lon = np.where(has["no village"], city.border_lon[orders.village], orders.lon)
    lat = np.where(has["no village"], city.border_lat[orders.village], orders.lat)
    text["经度"], text["纬度"] = _coordinate(lon), _coordinate(lat)
    _spoil(text, orders, has, rng)
    _leave_to_address(text, city, orders, has)
    text["截止时间"] = people.stamps(np.where(_lost(calendar, orders, life, has["type"], rng), NONE, life.deadline))
    text["时限类型"] = np.array(LIMIT_TYPES, dtype=object)[life.kind]
    text["时限值"] = life.value.astype(str).astype(object)
    return Sheet(
        text=text,
        town=np.where(has["homeless"], -1, orders.town),
        wrong_town=city.town_code[(orders.town + 1) % len(city.town_code)],
        lon=np.where(has["zero"] | has["homeless"] | has["addressed"], np.nan, lon),
        lat=np.where(has["zero"] | has["homeless"] | has["addressed"], np.nan, lat),
        has=has,
        defects=[(has[kind], column, verdict) for kind, column, verdict in OWN_DEFECTS],
        resolution=rng.choice(RESOLUTIONS, n, p=(0.86, 0.08, 0.06)),
        satisfaction=rng.choice(SATISFACTIONS, n, p=(0.3, 0.45, 0.15, 0.1)),
    )


def _defects(n: int, rng: np.random.Generator) -> dict[str, Bools]:
    """Which order bears which defect; none bears two."""
    kind = np.searchsorted(np.cumsum(list(OWN_SHARES.values())), rng.random(n), side="right")
    return {name: kind == place for place, name in enumerate(OWN_SHARES)}


def _spoil(text: dict[str, Texts], orders: Orders, has: dict[str, Bools], rng: np.random.Generator) -> None:
    personal, swapped = has["personal"], has["swapped"]
    n = int(personal.sum())
    said = "联系人" + people.names(rng, n) + "，电话" + people.phones(rng, n) + "，身份证" + people.id_numbers(rng, n)
    text["描述"][personal] += said
    text["描述"][has["lines"]] += '\n备注：店主称"已整改"，\n实际未整改'
    text["镇街码"][has["town"] | has["homeless"]], text["镇街码"][has["old town"]] = UNKNOWN_TOWN, EXPIRED_TOWN
    text["村居码"][has["homeless"]], text["网格码"][has["homeless"]] = None, None
    text["诉求类型"][has["type"]] = "表扬"
    text["经度"][swapped], text["纬度"][swapped] = _coordinate(orders.lat[swapped]), _coordinate(orders.lon[swapped])
    text["经度"][has["zero"]], text["纬度"][has["zero"]] = "0", "0"
    text["经度"][has["homeless"]], text["纬度"][has["homeless"]] = None, None
    text["村居码"][has["no village"]], text["网格码"][has["no village"]] = None, None
    east, north = gcj02(orders.lon[has["gcj"]], orders.lat[has["gcj"]])
    text["经度"][has["gcj"]], text["纬度"][has["gcj"]] = _coordinate(east), _coordinate(north)
    text["坐标系"][has["gcj"]] = "GCJ-02"


def _leave_to_address(text: dict[str, Texts], city: City, orders: Orders, has: dict[str, Bools]) -> None:
    """Of some orders nothing but the address tells the town, by a name that people use; of the homeless not even it."""
    older = older_names(city)
    for row in np.flatnonzero(has["addressed"]).tolist():
        names = older[orders.town[row]]
        text["地址"][row] = f"{names[row % len(names)]}{ROADS[row % len(ROADS)]}中心小学附近"
        for title in ("镇街码", "村居码", "网格码", "经度", "纬度"):
            text[title][row] = None
    text["地址"][has["homeless"]] = "工业大道转角处"


def _lost(calendar: Calendar, orders: Orders, life: Life, untyped: Bools, rng: np.random.Generator) -> Bools:
    """Orders exported without their deadline, where the rules leave no doubt about it."""
    inside = calendar.opens(life.at["accepted"]) == life.at["accepted"]
    plain = (life.kind != WORK_HOUR) | (inside & (life.value % 7 != 0))
    return np.asarray(plain & (life.kind != URGENT_HOUR) & ~untyped & (rng.random(len(orders)) < LOST_DEADLINE))


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
        "描述": "反映" + town + village + "附近有" + what + "问题，" + rng.choice(DETAIL, n) + "。",
        "诉求类型": np.array(REQUEST_TYPES, dtype=object)[orders.request_type],
        "大类码": city.major_code[orders.major],
        "小类码": city.minor_code[orders.minor],
        "部件事件": people.either(city.minor_is_part[orders.minor], "部件", "事件"),
        "紧急程度": np.array(URGENCIES, dtype=object)[orders.urgency],
        "镇街码": city.town_code[orders.town],
        "村居码": city.village_code[orders.village],
        "网格码": city.village_code[orders.village] + rng.choice(GRIDS, n),
        "地址": "佛山市南海区" + town + village + road + "号",
        "坐标系": np.full(n, "CGCS2000", dtype=object),
        "主协办": people.either(rng.random(n) < 0.96, "主办", "协办"),
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
    is_sheet = np.array([file.is_sheet for file in files])[slot]
    columns = {name: columns[name] for name in ORDER_LAYOUT.header}
    batch = Batch(ORDERS, columns, slot, rows, is_sheet, changed, sparing=fixed[rows])
    for mask, column, verdict in sheet.defects:
        batch.note(np.flatnonzero(mask[rows]), column, verdict)
    batch.note(np.flatnonzero((at["closed"] >= 0) & (at["closed"] < reported[rows])), "结案时间", "X24")
    batch.note(np.flatnonzero(fixed[rows] & ~final & ~batch.taken), "镇街码", "code")
    batch.taken |= final
    return batch, shown


def _changing(
    city: City, sheet: Sheet, rows: Ints, at: Moments, status: Ints, unit: Ints, changed: Ints
) -> dict[str, Texts]:
    closed, accepted = at["closed"] >= 0, at["accepted"] >= 0
    rated = people.some(np.full(len(rows), "未评价", dtype=object), closed)
    rated = np.where(at["evaluated"] >= 0, sheet.satisfaction[rows], rated)
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
