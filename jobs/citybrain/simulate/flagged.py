"""truth/flags.csv: what a good pipeline says in silver of rows in which no single cell is wrong.

One line is one row of a table by its key, and the flag that it has to bear (or the table in which it has to stand).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from citybrain.simulate.city import Floats, Texts
from citybrain.simulate.dirt import Batch
from citybrain.simulate.entities import Register
from citybrain.simulate.events import STEPS, Log
from citybrain.simulate.order_rows import Sheet
from citybrain.simulate.orders import Orders
from citybrain.simulate.worktime import Bools, Ints

HEADER = ("table", "key", "rule", "flag")
ORDER, EVENT, ENTITY, CASE = "work_order", "work_order_event", "market_entity", "service_case"
SAME_METRES, SAME_SECONDS = 30, 7_200  # how near and how soon two reports of one event are
METRES_EAST, METRES_NORTH = 102_000, 110_900  # of a degree
OF_ORDERS = {
    "swapped": ("X20", "swapped_coordinates"),
    "zero": ("X20", "zero_coordinates"),
    "gcj": ("X20", "converted_coordinates"),
    "no village": ("X20", "village_from_point"),
    "personal": ("X31", "personal_numbers"),
    "addressed": ("X11", "town_from_address"),
    "homeless": ("X11", "unmatched_town"),
}
# Sources whose truth tells all flags: name of the truth → the table, its key.
TOLD = {
    "calls": ("hotline_day", "stat_date"),
    "ratings": ("service_rating", "rating_id"),
    "urban": ("urban_case", "rec_id"),
    "hotline": ("hotline_order", "source_no"),
    "components": ("urban_component", "component_code"),
    "fire": ("fire_incident", "incident_no"),
}
OF_TOLD = {
    "unmatched_town": "X11",
    "unknown_rating": "X18",
    "unknown_type": "X18",
    "axes_swapped": "X20",
    "no_point": "X20",
    "swapped_coordinates": "X20",
    "unknown_crs": "X20",
    "zero_coordinates": "X20",
    "time_order_violation": "X24",
    "resurveyed": "X28",
}  # flag → rule; the others are of no kind
STAGES = ("采集", "受理", "立案", "派遣", "签收", "处置", "反馈", "核查", "结案")


class Names:
    """What survives of the register's rows: each code that is known, and the names told under it."""

    def __init__(self) -> None:
        self.names: dict[str, set[str]] = {}

    def take(self, batch: Batch, sent: Callable[[], Bools]) -> None:
        codes, names = (batch.columns[title].copy() for title in ("统一社会信用代码", "企业名称"))
        for row in np.flatnonzero(sent()).tolist():
            self.names.setdefault(codes[row], set()).add(names[row])


@dataclass
class Flags:
    path: Path

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write([HEADER], "w")

    def add(self, table: str, keys: Iterable[object], rule: str, flag: str) -> None:
        self._write([(table, key, rule, flag) for key in keys], "a")

    def _write(self, rows: list[tuple[object, ...]], mode: str) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        with self.path.open(mode + "b") as file:
            file.write(text.getvalue().encode())

    def add_orders(self, orders: Orders, sheet: Sheet, known: Bools, violated: Bools) -> None:
        """``known``: the orders of which a good row was delivered."""
        for defect, (rule, flag) in OF_ORDERS.items():
            self.add(ORDER, orders.number[sheet.has[defect] & known], rule, flag)
        self.add(ORDER, orders.number[violated & known], "X24", "time_order_violation")
        self.add(ORDER, orders.number[_told_again(orders, sheet, known)], "X23", "same_event")

    def add_cases(self, numbers: Texts, homeless: Bools, is_open: Bools) -> None:
        """Of cases as their latest good row shows them: those of no town, those whose special procedure goes on."""
        self.add(CASE, numbers[homeless], "X11", "unmatched_town")
        self.add(CASE, numbers[is_open], "special_procedure_open", "special_procedure_open")

    def add_told(self, name: str, standing: pa.Table) -> None:
        """``standing``: rows of truth/<name>.parquet, with all their flags; numbers of persons are counted beside."""
        table, key = TOLD[name]
        keys, flags = standing[key].to_pylist(), standing["quality_flags"].to_pylist()
        for flag in sorted({flag for found in flags for flag in found}):
            bear = [one for one, found in zip(keys, flags, strict=True) if flag in found]
            self.add(table, bear, OF_TOLD.get(flag, flag), flag)
        if "redaction_count" in standing.column_names:
            told = zip(keys, standing["redaction_count"].to_pylist(), strict=True)
            self.add(table, [one for one, count in told if count], "X31", "personal_numbers")

    def add_entities(self, register: Register, told: Names) -> None:
        known = np.array([code in told.names for code in register.code], bool)
        several = np.array([len(told.names.get(code, ())) > 1 for code in register.code], bool)
        self.add(ENTITY, register.code[several], "X08", "name_variant")
        self.add(ENTITY, register.code[known & (register.style == 1)], "X11", "town_from_address")
        self.add(ENTITY, register.code[known & (register.style == 2)], "X11", "unmatched_town")
        self.add(ENTITY, register.code[known & register.heir], "X28", "reregistered")

    def add_events(self, orders: Orders, log: Log, known: Bools, kept: Ints) -> None:
        """``known``: rows that were delivered well; ``kept``: of these the ones that stand for their event."""
        keys = np.stack([log.order, log.step, log.unit, log.arrived])
        _, group, size = np.unique(keys[:, known], axis=1, return_inverse=True, return_counts=True)
        times = np.zeros(len(log), np.int64)
        times[known] = size[group.ravel()]
        self.add(EVENT, _event_keys(orders, log, kept[times[kept] > 1]), "X25", "repeated_event")
        self.add(EVENT, _event_keys(orders, log, _left_behind(log, kept)), "X26", "unfinished_step")


def _told_again(orders: Orders, sheet: Sheet, known: Bools) -> Bools:
    """Orders of which another source had told shortly before, right beside."""
    found = np.zeros(len(orders), bool)
    groups: dict[int, list[int]] = {}
    for row in np.flatnonzero(orders.same_as >= 0).tolist():
        groups.setdefault(int(orders.same_as[row]), [int(orders.same_as[row])]).append(row)
    for rows in groups.values():
        here = [row for row in rows if known[row] and not np.isnan(sheet.lon[row])]
        for row in here:
            found[row] = any(_is_same(orders, sheet.lon, sheet.lat, first, row) for first in here)
    return found


def _is_same(orders: Orders, lon: Floats, lat: Floats, first: int, row: int) -> bool:
    metres = np.hypot((lon[row] - lon[first]) * METRES_EAST, (lat[row] - lat[first]) * METRES_NORTH)
    seconds = orders.reported[row] - orders.reported[first]
    before = seconds > 0 or (seconds == 0 and orders.number[first] < orders.number[row])
    other = orders.system[row] != orders.system[first]
    return bool(other and before and seconds <= SAME_SECONDS and metres <= SAME_METRES)


def _left_behind(log: Log, kept: Ints) -> Ints:
    """Steps without an end of which a later stage of the same order has one that is not earlier."""
    stage = np.array([STAGES.index(step) if step in STAGES else -1 for step in STEPS])[log.step]
    open_rows = kept[(log.finished[kept] < 0) & (stage[kept] >= 0)]
    ended = kept[(log.finished[kept] >= 0) & (stage[kept] >= 0)]
    ended = ended[np.isin(log.order[ended], log.order[open_rows])]
    by_order: dict[int, list[int]] = {}
    for row in ended.tolist():
        by_order.setdefault(int(log.order[row]), []).append(row)
    behind = []
    for row in open_rows.tolist():
        later = [e for e in by_order.get(int(log.order[row]), []) if stage[e] > stage[row]]
        behind.append(any(log.finished[e] >= log.arrived[row] for e in later))
    return np.asarray(open_rows[np.array(behind, bool)])


def _event_keys(orders: Orders, log: Log, rows: Ints) -> Texts:
    return np.array([f"{orders.number[log.order[row]]}|{log.seq[row]}" for row in rows.tolist()], dtype=object)
