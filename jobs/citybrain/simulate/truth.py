"""What a perfect pipeline would know: clean orders, events and cases, as parquet.

Times are wall-clock times of Shanghai. Only orders and cases of which at least one row was good (or came again) are
here, with the state shown by the latest good row; moments of orders come from the known events.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from citybrain.simulate import people
from citybrain.simulate.cases import CASE_CHANNELS, Cases
from citybrain.simulate.city import City, Texts
from citybrain.simulate.events import STEP, STEPS, Log
from citybrain.simulate.flagged import Flags
from citybrain.simulate.items import IN_NATURAL_DAYS, ITEM_CODES, STATUTORY
from citybrain.simulate.lifecycle import NONE, Life
from citybrain.simulate.order_rows import STATUSES, Sheet, state
from citybrain.simulate.orders import Orders
from citybrain.simulate.worktime import LIMIT_TYPES, Bools, Calendar, Ints


class Truth:
    """Writers of the parquet files, one row group a chunk."""

    def __init__(self, out: Path, city: City, calendar: Calendar) -> None:
        self.folder, self.city, self.calendar = out / "truth", city, calendar
        self.folder.mkdir(parents=True, exist_ok=True)
        self.writers: dict[str, pq.ParquetWriter] = {}
        self.flags = Flags(self.folder / "flags.csv")

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()

    def _write(self, name: str, columns: dict[str, Any]) -> None:
        self.add(name, pa.table(columns))

    def add(self, name: str, table: pa.Table) -> None:
        """Rows of truth/<name>.parquet."""
        if name not in self.writers:
            self.writers[name] = pq.ParquetWriter(self.folder / f"{name}.parquet", table.schema, compression="zstd")
        self.writers[name].write_table(table)

    def violated(self, life: Life) -> Bools:
        """Orders whose moments are out of order."""
        return np.asarray(self._moments(life)["time_order_violation"])

    def add_orders(self, orders: Orders, life: Life, sheet: Sheet, shown: Ints, updated: Ints) -> None:
        """`shown`: up to when the latest good row shows each order; negative where there is none."""
        keep = np.flatnonzero(shown >= 0)
        _, status, unit, _ = state(life, orders, keep, shown[keep])
        self.flags.add_orders(orders, sheet, shown >= 0, self.violated(life))
        text, town, city = sheet.text, sheet.town[keep], self.city
        columns = {name: _strings(text[title][keep]) for name, title in (
            ("work_order_id", "工单编号"), ("source_system", "来源系统"), ("channel", "来源渠道"),
            ("request_type", "诉求类型"), ("major_category_code", "大类码"), ("minor_category_code", "小类码"),
            ("urgency", "紧急程度"), ("village_code", "村居码"))}  # fmt: skip
        columns["town_code"] = _strings(people.some(city.town_code[town], town >= 0))
        columns["handling_unit"] = _strings(people.some(city.unit_code[unit], unit >= 0))
        columns["work_order_status"] = _strings(np.array(STATUSES, dtype=object)[status])
        columns["limit_type"] = _strings(np.array(LIMIT_TYPES, dtype=object)[life.kind[keep]])
        columns["limit_value"] = pa.array(life.value[keep])
        columns["lon"] = pa.array(sheet.lon[keep], from_pandas=True)
        columns["lat"] = pa.array(sheet.lat[keep], from_pandas=True)
        known = orders.same_as[keep] >= 0
        columns["same_event_as"] = _strings(people.some(orders.number[orders.same_as[keep]], known))
        columns["updated_at"] = _times(updated[keep])
        columns |= {name: values.take(pa.array(keep)) for name, values in self._moments(life).items()}
        self._write("orders", columns)

    def _moments(self, life: Life) -> dict[str, pa.Array]:
        """The moments by the normative semantics of events, and what follows from them."""
        at = life.at
        disposed = np.where(at["disposed_2"] >= 0, at["disposed_2"], at["disposed"])
        hung, resumed = at["hung"], np.where(at["hung_2"] >= 0, at["resumed_2"], at["resumed"])
        extended = (at["granted"] >= 0) & (at["asked"] < life.deadline)
        base = np.where(extended, at["extended_to"], life.deadline)
        pushes = (hung >= 0) & (resumed >= 0) & (hung < base)
        idle = np.where(pushes, hung, base), np.where(pushes, resumed, base)
        final = self.calendar.push(base, life.kind, *idle)
        timed = (disposed >= 0) & (at["dispatched"] >= 0)
        wrong = (timed & (disposed < at["dispatched"])) | ((at["closed"] >= 0) & (at["closed"] < at["reported"]))
        pause = np.where((hung >= 0) & (resumed >= 0), hung, 0), np.where((hung >= 0) & (resumed >= 0), resumed, 0)
        natural = disposed - at["dispatched"] - (pause[1] - pause[0])
        work = self.calendar.work
        working = work(disposed) - work(at["dispatched"]) - (work(pause[1]) - work(pause[0]))
        counted = timed & ~wrong
        has = at["accepted"] >= 0
        times = {
            "reported_at": at["reported"], "accepted_at": at["accepted"], "filed_at": at["filed"],
            "not_filed_at": at["not_filed"], "dispatched_at": at["dispatched"], "disposed_at": disposed,
            "checked_at": np.maximum(at["checked"], at["checked_2"]), "closed_at": at["closed"],
            "cancelled_at": at["cancelled"], "original_deadline_at": np.where(has, life.deadline, NONE),
            "final_deadline_at": np.where(has, final, NONE), "suspended_from": hung, "suspended_to": resumed,
            "first_rework_at": at["reworked"],
        }  # fmt: skip
        return {name: _times(moment) for name, moment in times.items()} | {
            "rework_times": pa.array((at["reworked"] >= 0).astype(np.int64)),
            "bounce_times": pa.array((at["returned"] >= 0).astype(np.int64) + (at["returned_2"] >= 0)),
            "extension_times": pa.array(extended.astype(np.int64)),
            "handling_natural_seconds": pa.array(natural, mask=~counted),
            "handling_work_seconds": pa.array(working, mask=~counted),
            "time_order_violation": pa.array(wrong),
        }

    def add_events(self, orders: Orders, log: Log, known: Bools) -> None:
        """Repeated rows are one event: the finished row, else the lowest number."""
        index = np.flatnonzero(known)
        keys = (log.order[index], log.step[index], log.unit[index], log.arrived[index])
        ranked = index[np.lexsort((log.seq[index], log.finished[index] < 0, *reversed(keys)))]
        same = np.ones(len(ranked), bool)
        for column in (log.order, log.step, log.unit, log.arrived):
            same[1:] &= column[ranked][1:] == column[ranked][:-1]
        same[:1] = False
        keep = np.sort(ranked[~same])
        self.flags.add_events(orders, log, known, keep)
        moment = np.where(log.finished >= 0, log.finished, log.arrived)[keep]
        granted = log.step[keep] == STEP["延期批准"]
        self._write("events", {
            "work_order_id": _strings(orders.number[log.order[keep]]),
            "event_no": pa.array(log.seq[keep]),
            "step": _strings(np.array(STEPS, dtype=object)[log.step[keep]]),
            "event_unit": _strings(self.city.unit_code[log.unit[keep]]),
            "happened_at": _times(moment),
            "arrived_at": _times(log.arrived[keep]),
            "finished_at": _times(log.finished[keep]),
            "new_deadline_at": _times(np.where(granted, log.extended_to[keep], NONE)),
        })  # fmt: skip

    def add_cases(self, cases: Cases, shown: Ints, updated: Ints) -> None:
        keep = np.flatnonzero(shown >= 0)
        until, item, town = shown[keep], cases.item[keep], cases.town[keep]
        finished, begun, ended = (
            np.where(m[keep] < until, m[keep], NONE) for m in (cases.finished, cases.special_from, cases.special_to)
        )
        statutory, natural = STATUTORY[item], IN_NATURAL_DAYS[item]
        self.flags.add_cases(cases.number[keep], town < 0, (begun >= 0) & (ended < 0))
        day = cases.accepted[keep] // 86_400
        through = self.calendar.workdays_through
        used = through(np.maximum(finished, 0) // 86_400) - through(day)
        stopped = (ended >= 0) * (through(np.maximum(ended, 0) // 86_400) - through(np.maximum(begun, 0) // 86_400))
        limit = self.calendar.nth_workday(day, cases.promised[keep] + stopped)
        self._write("cases", {
            "case_id": _strings(cases.number[keep]),
            "item_code": _strings(ITEM_CODES[item]),
            "promised_limit": pa.array(cases.promised[keep]),
            "statutory_limit": pa.array(statutory, mask=statutory == 0),
            "limit_unit": _strings(people.either(natural, "自然日", "工作日")),
            "town_code": _strings(people.some(self.city.town_code[town], town >= 0)),
            "service_channel": _strings(np.array(CASE_CHANNELS, dtype=object)[cases.channel[keep]]),
            "applied_at": _times(cases.applied[keep]),
            "accepted_at": _times(cases.accepted[keep]),
            "finished_case_at": _times(finished),
            "special_from": _times(begun),
            "special_to": _times(ended),
            "used_work_days": pa.array(used - stopped, mask=finished < 0),
            "promised_date": pa.array(np.where(natural, day + cases.promised[keep], limit).astype("datetime64[D]")),
            "updated_at": _times(updated[keep]),
        })  # fmt: skip


def _strings(values: Texts) -> pa.Array:
    return pa.array(values, pa.string())


def _times(t: Ints) -> pa.Array:
    return pa.array(t * 1_000_000, pa.timestamp("us"), mask=t < 0) if len(t) else pa.array([], pa.timestamp("us"))
