"""Cases of the digital city management (S04): the orders that came from that system, as it exports them itself.

Each stage is a flag. In the flags about closing a dash stands for 0; a case with three dashes is being handled. The
system judges by the original deadline.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from citybrain.simulate import people
from citybrain.simulate.city import CODES, SYSTEMS, City, Texts, rows_of
from citybrain.simulate.dirt import Batch, Kind
from citybrain.simulate.files import Layout
from citybrain.simulate.lifecycle import Life, Moments
from citybrain.simulate.order_rows import Sheet, state
from citybrain.simulate.orders import Orders
from citybrain.simulate.plan import URBAN, Delivery, Span
from citybrain.simulate.private import confide
from citybrain.simulate.spoil import full_width, impossible, in_words, is_null, missing, token, whole_minute
from citybrain.simulate.told import Told, exports, flag_lists, instants, strings
from citybrain.simulate.worktime import Bools, Ints

STAGES = """
report_num operate_num inst_num dispatch_num need_dispose_num dispose_num intime_dispose_num overtime_dispose_num
check_num need_archive_num archive_num intime_to_archive_num intime_archive_num overtime_archive_num rework_num
multi_rework_num hang_num postpone_num cancel_num
"""
DASHED = ("intime_to_archive_num", "intime_archive_num", "overtime_archive_num")
ABOUT = """
rec_id task_num create_time street_name community_name cell_name event_src_name rec_type_name event_type_name
main_type_name sub_type_name event_desc address coordinate_x coordinate_y dispose_unit_name
"""
HEADER = (*ABOUT.split(), *STAGES.split(), "archive_time")
URBAN_LAYOUT = Layout("数字城管案件明细表", "宗", HEADER, {}, frozenset(), "sub_type_name")
SHORT_NAMED, STRANGE_STREET, STRANGE_KIND, CONFIDES = 0.3, 0.004, 0.004, 0.02
SWAPPED, ZERO = 0.006, 0.004
URBAN_KINDS = (
    Kind("X04", URBAN, "archive_time", 0.004, token, is_null),
    Kind("X05", URBAN, "rec_id", 0.002, full_width),
    Kind("X12", URBAN, "create_time", 0.006, in_words, whole_minute),
    Kind("X12 不可能", URBAN, "create_time", 0.001, impossible),
    Kind("X21", URBAN, "", 0.002, missing),
    Kind("required", URBAN, "rec_id", 0.001, missing),
)


def urban_rows(
    city: City, span: Span, files: list[Delivery], orders: Orders, life: Life, sheet: Sheet, rng: np.random.Generator
) -> Told:
    """The rows of S04: in the month of the report and, if it was closed later, in the month of its closing."""
    mine = np.flatnonzero(orders.system == SYSTEMS.index("数字城管"))
    place, slot, shown = exports(span, URBAN, life.at["reported"][mine], life.at["closed"][mine])
    rows = mine[place]
    at, _, unit, _ = state(life, orders, rows, shown)
    point = _point(len(mine), rng)
    strange = {"unmatched_town": rng.random(len(mine)) < STRANGE_STREET}
    strange["unmatched_category"] = (rng.random(len(mine)) < STRANGE_KIND) & ~strange["unmatched_town"]
    confides = (rng.random(len(mine)) < CONFIDES) & ~strange["unmatched_town"] & ~strange["unmatched_category"]
    said, kept, places = confide(rng, _description(city, orders)[mine], confides)
    about = _about(city, orders, sheet, mine, strange, rng) | {"event_desc": said} | _coordinates(orders, mine, point)
    stages = _stages(at, life, rows, shown)
    columns = {name: values[place] for name, values in about.items()}
    columns["dispose_unit_name"] = people.some(_unit_names()[unit], unit >= 0)
    columns |= {name: people.either(is_set, "1", "-" if name in DASHED else "0") for name, is_set in stages.items()}
    columns["archive_time"] = people.stamps(at["closed"])
    is_sheet = np.array([file.is_sheet for file in files])[slot]
    columns = {name: columns[name] for name in HEADER}
    batch = Batch(URBAN, columns, slot, place, is_sheet, shown, kinds=URBAN_KINDS)
    for name in ("coordinate_x", "coordinate_y"):
        batch.note(np.flatnonzero((point["swapped_coordinates"] | point["zero_coordinates"])[place]), name, "X20")
    for column, wrong in (("street_name", strange["unmatched_town"]), ("sub_type_name", strange["unmatched_category"])):
        batch.note(np.flatnonzero(wrong[place] & ~batch.taken), column, "name")
    batch.note(np.flatnonzero(confides[place] & ~batch.taken), "event_desc", "X31")
    clean = _clean(city, orders, rows, {**strange, **point}, place)
    clean |= {"request_text": strings(kept[place]), "redaction_count": pa.array(places[place])}
    clean |= {"reported_at": instants(at["reported"]), "closed_at": instants(at["closed"])}
    clean |= {"handled_by": strings(columns["dispose_unit_name"]), "archive_state": strings(_state(stages))}
    clean |= {name: pa.array(is_set.astype(np.int64)) for name, is_set in stages.items()}
    clean |= {name: strings(columns[title]) for name, title in (("rec_id", "rec_id"), ("source_no", "task_num"),
              ("grid_cell", "cell_name"), ("event_source", "event_src_name"), ("rec_type", "rec_type_name"),
              ("object_kind", "event_type_name"))}  # fmt: skip
    return Told(batch, pa.table(clean), slot)


def _about(
    city: City, orders: Orders, sheet: Sheet, mine: Ints, strange: dict[str, Bools], rng: np.random.Generator
) -> dict[str, Texts]:
    """What never changes in a case's life."""
    n = len(mine)
    towns = np.array([row["镇街名称"] for row in rows_of(CODES / "town.csv") if not row["失效日期"]], dtype=object)
    majors = {row["大类码"]: row["大类名称"] for row in rows_of(CODES / "category.csv")}
    town = orders.town[mine]
    named = np.where(rng.random(n) < SHORT_NAMED, city.town_short[town], towns[town])
    return {
        "rec_id": np.array([number[2:] for number in orders.number[mine]], dtype=object),
        "task_num": sheet.text["来源工单号"][mine],
        "create_time": people.stamps(orders.reported[mine]),
        "street_name": np.where(strange["unmatched_town"], "某某新区", named).astype(object),
        "community_name": city.village_name[orders.village[mine]],
        "cell_name": np.asarray(city.village_code[orders.village[mine]] + "01"),
        "event_src_name": rng.choice(np.array(["监督员上报", "公众举报", "领导批示"], dtype=object), n),
        "rec_type_name": np.full(n, "案件", dtype=object),
        "event_type_name": people.either(city.minor_is_part[orders.minor[mine]], "部件", "事件"),
        "main_type_name": np.array([majors[code] for code in city.major_code[orders.major[mine]]], dtype=object),
        "sub_type_name": np.where(strange["unmatched_category"], "某某问题", city.minor_name[orders.minor[mine]]),
        "address": sheet.text["地址"][mine],
    }


def _description(city: City, orders: Orders) -> Texts:
    return np.asarray(city.village_name[orders.village] + "发现" + city.minor_name[orders.minor] + "（模拟）")


def _unit_names() -> Texts:
    return np.array([row["部门名称"] for row in rows_of(CODES / "department.csv")], dtype=object)


def _stages(at: Moments, life: Life, rows: Ints, shown: Ints) -> dict[str, Bools]:
    """The flags of each row, in the order of STAGES."""
    due = life.deadline[rows]
    disposed = np.where(at["disposed_2"] >= 0, at["disposed_2"], at["disposed"])
    closed, filed, cancelled = at["closed"], at["filed"] >= 0, at["cancelled"] >= 0
    dispatched, ended = at["dispatched"] >= 0, (closed >= 0) & ~cancelled
    waiting = filed & (closed < 0) & ~cancelled & (disposed >= 0) & (shown <= due)
    flags = (
        np.ones(len(rows), bool), at["accepted"] >= 0, filed, dispatched,
        dispatched, disposed >= 0, (disposed >= 0) & (disposed <= due), (disposed >= 0) & (disposed > due),
        np.maximum(at["checked"], at["checked_2"]) >= 0, filed & ~cancelled & ((shown > due) | (closed >= 0)),
        ended, waiting, ended & (closed <= due), ended & (closed > due),
        at["reworked"] >= 0, np.zeros(len(rows), bool), at["hung"] >= 0, at["granted"] >= 0, cancelled,
    )  # fmt: skip
    return dict(zip(STAGES.split(), flags, strict=True))


def _state(stages: dict[str, Bools]) -> Texts:
    named = (("overtime_archive_num", "超期结案"), ("intime_archive_num", "按期结案"), ("cancel_num", "作废"))
    result = people.either(stages["intime_to_archive_num"], "待结案", "处置中")
    for flag, name in named:
        result[stages[flag]] = name
    return result


def _point(n: int, rng: np.random.Generator) -> dict[str, Bools]:
    chance = rng.random(n)
    return {"swapped_coordinates": chance < SWAPPED, "zero_coordinates": chance > 1 - ZERO}


def _coordinates(orders: Orders, mine: Ints, point: dict[str, Bools]) -> dict[str, Texts]:
    """As texts; some in each other's place, some zero."""
    lon, lat = (np.array([f"{v:.6f}" for v in values[mine].tolist()], object) for values in (orders.lon, orders.lat))
    zero, swapped = point["zero_coordinates"], point["swapped_coordinates"]
    return {
        "coordinate_x": np.where(zero, "0", np.where(swapped, lat, lon)).astype(object),
        "coordinate_y": np.where(zero, "0", np.where(swapped, lon, lat)).astype(object),
    }


def _clean(city: City, orders: Orders, rows: Ints, wrong: dict[str, Bools], place: Ints) -> dict[str, pa.Array]:
    """Codes, point and flags of each row."""
    lost, unnamed = wrong["unmatched_town"][place], wrong["unmatched_category"][place]
    flags = {name: found[place] for name, found in wrong.items()} | {"unmatched_village": lost}
    codes = {
        "town_code": people.some(city.town_code[orders.town[rows]], ~lost),
        "village_code": people.some(city.village_code[orders.village[rows]], ~lost),
        "major_category_code": people.some(city.major_code[orders.major[rows]], ~unnamed),
        "minor_category_code": people.some(city.minor_code[orders.minor[rows]], ~unnamed),
    }
    zero = wrong["zero_coordinates"][place]
    return {
        **{name: strings(values) for name, values in codes.items()},
        "lon": pa.array(orders.lon[rows], mask=zero),
        "lat": pa.array(orders.lat[rows], mask=zero),
        "quality_flags": flag_lists(len(rows), flags),
    }
