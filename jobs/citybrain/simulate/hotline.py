"""Orders that the hotline handed on (S03): those that came from it, as its own platform exports them.

Callers may stay unknown (保密, 不详) or have their number hidden (××××). The kind of question is a path in one cell,
of which the second level is the centre's minor category. Some streets, districts and questions fit nowhere.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from citybrain.simulate import people
from citybrain.simulate.city import CODES, REQUEST_TYPES, SYSTEMS, City, Texts, rows_of
from citybrain.simulate.dirt import Batch, Kind
from citybrain.simulate.files import Layout
from citybrain.simulate.lifecycle import NONE, Life, Moments
from citybrain.simulate.order_rows import Sheet, state
from citybrain.simulate.orders import Orders
from citybrain.simulate.plan import HOTLINE, Delivery, Span
from citybrain.simulate.private import confide
from citybrain.simulate.spoil import full_width, impossible, is_null, missing, serial, token
from citybrain.simulate.told import Told, exports, flag_lists, instants, strings
from citybrain.simulate.worktime import Bools, Ints

HEADER = """
工单编号 工单类型 问题分类 标签 标题 主要内容 工单状态 来电人 来电人电话/账号 被反映区 被反映街乡镇 办理结果 回复内容
处理受理方式 应办结时间 办结时间 企业名称 是否解决 是否满意 工单性质 村/社区 小区点位
"""
HOTLINE_LAYOUT = Layout(
    "12345转办工单明细表", "宗", tuple(HEADER.split()), {"诉求人": ("来电人", "来电人电话/账号")}, frozenset(), "标题"
)
AS_TOLD = {
    "source_no": "工单编号", "request_type": "工单类型", "question_labels": "标签", "request_title": "标题",
    "hotline_status": "工单状态", "accept_way": "处理受理方式", "entity_name": "企业名称", "resolution": "是否解决",
    "satisfaction": "是否满意", "lead_role": "工单性质", "spot_name": "小区点位", "handling_result": "办理结果",
}  # fmt: skip
WITHHELD, UNKNOWN, HIDDEN = 0.08, 0.03, 0.10
STRANGE = {"unmatched_town": 0.004, "outside_district": 0.003, "unmatched_category": 0.004}
CONFIDES, DIRECT = 0.02, 0.7
LABELS = np.array(["民生", "物业", "交通", "环境"], dtype=object)
DRIFT = {"已办结": "办结", "办理中": "处理中", "已归档": "归档"}


def drifted(_rng: np.random.Generator, text: str) -> str:
    return DRIFT[text]


def otherwise_joined(rng: np.random.Generator, text: str) -> str:
    return text.replace("->", str(rng.choice(["/", "—", " > ", "＞", "-->"])))


HOTLINE_KINDS = (
    Kind("X04", HOTLINE, "办结时间", 0.002, token, is_null),
    Kind("X05", HOTLINE, "工单编号", 0.001, full_width),
    Kind("X12", HOTLINE, "办结时间", 0.01, serial, sheets=True),
    Kind("X12 不可能", HOTLINE, "办结时间", 0.0005, impossible),
    Kind("X18", HOTLINE, "工单状态", 0.005, drifted, lambda text: text in DRIFT),
    Kind("X21", HOTLINE, "", 0.001, missing),
    Kind("X22", HOTLINE, "问题分类", 0.003, otherwise_joined),
    Kind("required", HOTLINE, "工单编号", 0.0005, missing),
)


def hotline_rows(
    city: City, span: Span, files: list[Delivery], orders: Orders, life: Life, sheet: Sheet, rng: np.random.Generator
) -> Told:
    """The rows of S03: in the month of the report and, if it was closed later, in the month of its closing."""
    mine = np.flatnonzero(orders.system == SYSTEMS.index("12345热线"))
    place, slot, shown = exports(span, HOTLINE, life.at["reported"][mine], life.at["closed"][mine])
    rows = mine[place]
    at, *_ = state(life, orders, rows, shown)
    strange = _strange(len(mine), rng)
    hidden = rng.random(len(mine)) < HIDDEN
    levels = _levels(city, orders, mine, strange["unmatched_category"])
    said, kept, places = confide(rng, sheet.text["标题"][mine] + "，请尽快处理", rng.random(len(mine)) < CONFIDES)
    about = _about(city, orders, sheet, mine, strange, hidden, rng)
    about |= {"问题分类": levels[0] + "->" + levels[1] + "->" + levels[2], "主要内容": said}
    columns = {name: values[place] for name, values in about.items()} | _changing(sheet, life, rows, at)
    is_sheet = np.array([file.is_sheet for file in files])[slot]
    columns = {name: columns[name] for name in HOTLINE_LAYOUT.header}
    batch = Batch(HOTLINE, columns, slot, place, is_sheet, shown, kinds=HOTLINE_KINDS)
    _note(batch, strange, places > 0, place)
    lost = strange["unmatched_town"]
    flags = {**{name: wrong[place] for name, wrong in strange.items()}, "unmatched_village": lost[place]}
    texts = {name: columns[title] for name, title in AS_TOLD.items()}
    texts |= {f"question_level_{number + 1}": levels[number][place] for number in range(3)}
    texts |= _codes(city, orders, rows, lost[place], strange["unmatched_category"][place])
    texts |= {"request_text": kept[place], "reply_text": columns["回复内容"]}
    clean = {name: strings(values) for name, values in texts.items()} | {
        "redaction_count": pa.array(places[place]),
        "is_withheld": pa.array(_withheld(columns)),
        "is_direct": pa.array(columns["处理受理方式"] == "直接解答"),
        "deadline_at": instants(np.where(at["accepted"] >= 0, life.deadline[rows], NONE)),
        "hotline_closed_at": instants(at["closed"]),
        "quality_flags": flag_lists(len(rows), flags),
    }
    return Told(batch, pa.table(clean), slot)


def _withheld(columns: dict[str, Texts]) -> Bools:
    names, phones = (columns[title].astype(str) for title in ("来电人", "来电人电话/账号"))
    return np.isin(names, ["保密", "不详", "None"]) | np.isin(phones, ["××××", "None"])


def _strange(n: int, rng: np.random.Generator) -> dict[str, Bools]:
    """Which order fits nowhere, in which way; none in two."""
    way = np.searchsorted(np.cumsum(list(STRANGE.values())), rng.random(n), side="right")
    return {name: way == number for number, name in enumerate(STRANGE)}


def _levels(city: City, orders: Orders, mine: Ints, unmatched: Bools) -> tuple[Texts, Texts, Texts]:
    majors = {row["大类码"]: row["大类名称"] for row in rows_of(CODES / "category.csv")}
    first = np.array([majors[code] for code in city.major_code[orders.major[mine]]], dtype=object)
    second = np.where(unmatched, "某某问题", city.minor_name[orders.minor[mine]]).astype(object)
    return first, second, np.asarray(second + "相关")


def _about(
    city: City,
    orders: Orders,
    sheet: Sheet,
    mine: Ints,
    strange: dict[str, Bools],
    hidden: Bools,
    rng: np.random.Generator,
) -> dict[str, Texts]:
    """What never changes in an order's life."""
    n, town = len(mine), orders.town[mine]
    towns = np.array([row["镇街名称"] for row in rows_of(CODES / "town.csv") if not row["失效日期"]], dtype=object)
    who = rng.random(n)
    name = np.where(who < WITHHELD, "保密", np.where(who < WITHHELD + UNKNOWN, "不详", sheet.text["上报人"][mine]))
    asked = orders.request_type[mine] == REQUEST_TYPES.index("咨询")
    number = rng.integers(1, 9, n).astype(str).astype(object)
    spot = "模拟花园" + number + "期"
    firm = "佛山市南海区模拟" + number + "号有限公司"
    village = city.village_name[orders.village[mine]]
    return {
        "工单编号": sheet.text["来源工单号"][mine],
        "工单类型": np.array(REQUEST_TYPES, dtype=object)[orders.request_type[mine]],
        "标签": people.some(
            rng.choice(np.array(["民生", "物业", "交通", "环境"], dtype=object), n), rng.random(n) < 0.5
        ),
        "标题": sheet.text["标题"][mine],
        "来电人": name,
        "来电人电话/账号": np.where(hidden, "××××", sheet.text["电话"][mine]),
        "被反映区": np.where(strange["outside_district"], "禅城区", "南海区").astype(object),
        "被反映街乡镇": np.where(strange["unmatched_town"], "某某新区", towns[town]).astype(object),
        "处理受理方式": people.either(asked & (rng.random(n) < DIRECT), "直接解答", "转办"),
        "企业名称": people.some(np.asarray(firm), rng.random(n) < 0.08),
        "工单性质": sheet.text["主协办"][mine],
        "村/社区": village,
        "小区点位": people.some(np.asarray(spot), rng.random(n) < 0.3),
    }


def _changing(sheet: Sheet, life: Life, rows: Ints, at: Moments) -> dict[str, Texts]:
    closed, cancelled = at["closed"] >= 0, at["cancelled"] >= 0
    status = people.either(at["dispatched"] >= 0, "办理中", "待签收")
    status[closed], status[cancelled] = "已办结", "已退回"
    status[closed & (at["evaluated"] >= 0)] = "已归档"
    rated = people.some(np.full(len(rows), "未评价", dtype=object), closed)
    return {
        "工单状态": status,
        "办理结果": people.some(np.full(len(rows), "已派员到场处理", dtype=object), closed),
        "回复内容": people.some(np.full(len(rows), "已回复来电人处理情况", dtype=object), closed),
        "应办结时间": people.stamps(np.where(at["accepted"] >= 0, life.deadline[rows], NONE)),
        "办结时间": people.stamps(at["closed"]),
        "是否解决": people.some(sheet.resolution[rows], closed),
        "是否满意": np.where(closed & (at["evaluated"] >= 0), sheet.satisfaction[rows], rated),
    }


def _note(batch: Batch, strange: dict[str, Bools], confides: Bools, place: Ints) -> None:
    """Write down what the rows bear already."""
    name, phone = batch.columns["来电人"], batch.columns["来电人电话/账号"]
    batch.note(np.flatnonzero((name == "保密") | (name == "不详")), "来电人", "X04")
    batch.note(np.flatnonzero(phone == "××××"), "来电人电话/账号", "X07")
    for wrong, column in (("unmatched_town", "被反映街乡镇"), ("outside_district", "被反映区"),
                          ("unmatched_category", "问题分类")):  # fmt: skip
        batch.note(np.flatnonzero(strange[wrong][place]), column, "name")
    batch.note(np.flatnonzero(confides[place]), "主要内容", "X31")


def _codes(city: City, orders: Orders, rows: Ints, lost: Bools, unmatched: Bools) -> dict[str, Texts]:
    return {
        "town_code": people.some(city.town_code[orders.town[rows]], ~lost),
        "village_code": people.some(city.village_code[orders.village[rows]], ~lost),
        "major_category_code": people.some(city.major_code[orders.major[rows]], ~unmatched),
        "minor_category_code": people.some(city.minor_code[orders.minor[rows]], ~unmatched),
    }
