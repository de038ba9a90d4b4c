"""One simulation: month by month, chunk by chunk; nothing grows with the scale but the files."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from citybrain.simulate.air import AIR_LAYOUT, DRIFTED, Days, air_batch, draw_hours, judged_days
from citybrain.simulate.calls import CALL_LAYOUT, call_figures, draw_calls
from citybrain.simulate.cases import CASE_LAYOUT, acceptances, case_batch, draw_cases
from citybrain.simulate.city import CODES, City, Limits, Texts
from citybrain.simulate.components import COMPONENT_LAYOUT, component_rows
from citybrain.simulate.deliver import Ledger, send
from citybrain.simulate.dirt import VERDICTS, Batch
from citybrain.simulate.economy import MACRO_LAYOUT, draw_months, macro_batch, refused
from citybrain.simulate.entities import ENTITY_LAYOUT, FULL_LAYOUT, draw_register, fulls, increments, strike_off
from citybrain.simulate.event_rows import EVENT_LAYOUT, event_batch
from citybrain.simulate.events import HARMLESS, STEP, flow_log
from citybrain.simulate.figures import periods_of, write_figures
from citybrain.simulate.files import SHEET, Outbox, letter, remove_spool
from citybrain.simulate.fire import FIRE_LAYOUT, fire_rows
from citybrain.simulate.flagged import Names
from citybrain.simulate.hotline import HOTLINE_LAYOUT, hotline_rows
from citybrain.simulate.lifecycle import live
from citybrain.simulate.order_rows import ORDER_LAYOUT, order_batch, sheet_of
from citybrain.simulate.orders import Month, draw_orders, month_of_reports
from citybrain.simulate.other_truth import air_figures, air_truth, entity_figures, entity_truth, macro_figures
from citybrain.simulate.plan import (
    AIR,
    CALLS,
    CASES,
    COMPONENTS,
    ENTITIES,
    EVENTS,
    FIRE,
    FULLS,
    HOTLINE,
    MACRO,
    ORDERS,
    RATINGS,
    URBAN,
    Delivery,
    Span,
    deliveries,
    repeats,
)
from citybrain.simulate.ratings import RATING_LAYOUT, draw_ratings, rating_rows
from citybrain.simulate.told import Told
from citybrain.simulate.truth import Truth
from citybrain.simulate.urban import URBAN_LAYOUT, urban_rows
from citybrain.simulate.worktime import Bools, Calendar, Ints

END = date(2026, 10, 31)
CHUNK = 20_000  # orders or cases held in memory at a time
README = """模拟数据 · 不涉及真实的个人、单位和事件

本文件夹由 citybrain simulate 生成（种子 {seed}，{months} 个月至 {end}，规模 {scale}）。
inbox/  各部门“报送”的文件，文件名按送达先后排序；其中的差错是有意放入的。
truth/  标准答案：orders、events、cases、entities、air_days、calls、ratings、urban、
        hotline、components、fire 为清洗无误后应得到的数据；figures.csv 为各指标应有的数值；
        defects.csv 逐处列出放入的差错；deliveries.csv 逐文件列出行数。
人名、企业、电话、证件号和各项经济、环境数均为虚构：身份证顺序码一律为 000，电话一律为 1990000 开头。
各镇街的好坏差异也是虚构的。
"""


class Simulation:
    """The parts that every month shares."""

    def __init__(self, out: Path, seed: int, months: int, scale: float, end: date) -> None:
        self.out, self.seed = out, seed
        self.city = City.read()
        self.limits = Limits.of(self.city)
        self.calendar = Calendar.read(CODES / "calendar_day.csv", end + timedelta(days=800))
        self.span = Span.of(months, end, scale)
        layouts = {ORDERS: ORDER_LAYOUT, EVENTS: EVENT_LAYOUT, CASES: CASE_LAYOUT, ENTITIES: ENTITY_LAYOUT,
                   FULLS: FULL_LAYOUT, MACRO: MACRO_LAYOUT, AIR: AIR_LAYOUT, CALLS: CALL_LAYOUT,
                   RATINGS: RATING_LAYOUT, URBAN: URBAN_LAYOUT,
                   HOTLINE: HOTLINE_LAYOUT, COMPONENTS: COMPONENT_LAYOUT, FIRE: FIRE_LAYOUT}  # fmt: skip
        self.boxes = {table: Outbox(out, layout, deliveries(self.span, table)) for table, layout in layouts.items()}
        self.ledger = Ledger(out / "truth" / "defects.csv")
        self.truth = Truth(out, self.city, self.calendar)
        self.air_days: Days = {}
        self.call_days: list[pa.Table] = []

    def rng(self, *path: object) -> np.random.Generator:
        """Random numbers of one part of one chunk: changing one part leaves the others as they were."""
        return np.random.default_rng([self.seed, *(zlib.crc32(str(step).encode()) for step in path)])

    def orders(self, index: int) -> None:
        month = month_of_reports(self.span, self.calendar, index, self.rng(index, "reports"))
        for part in _parts(len(month)):
            self._order_chunk(month, part)

    def _order_chunk(self, month: Month, part: slice) -> None:
        city, span, at = self.city, self.span, (month.index, part.start)
        orders = draw_orders(city, month, part, self.rng(*at, "orders"))
        life = live(city, self.limits, self.calendar, orders, self.rng(*at, "life"), span.stop)
        sheet = sheet_of(city, self.calendar, orders, life, self.rng(*at, "sheet"))
        box = self.boxes[ORDERS]
        batch, shown = order_batch(city, span, box.files, orders, life, sheet, self.rng(*at, "rows"))
        latest = self._send_upserts(batch, shown, len(orders), *at, "order dirt")
        self.truth.add_orders(orders, life, sheet, *latest)
        log = flow_log(city, orders, life, self.rng(*at, "log"), span.stop)
        box = self.boxes[EVENTS]
        events = event_batch(city, span, box.files, orders, life, log, self.rng(*at, "event rows"))
        must = ~np.isin(log.step, [STEP[name] for name in HARMLESS])
        known = send(events, box, self.ledger, self.rng(*at, "event dirt"), month.index, must)
        self.truth.add_events(orders, log, known)
        urban = urban_rows(city, span, self.boxes[URBAN].files, orders, life, sheet, self.rng(*at, "urban"))
        self._tell("urban", urban, *at)
        hotline = hotline_rows(city, span, self.boxes[HOTLINE].files, orders, life, sheet, self.rng(*at, "hotline"))
        self._tell("hotline", hotline, *at)

    def cases(self, index: int) -> None:
        accepted = acceptances(self.span, self.calendar, index, self.rng(index, "acceptances"))
        box = self.boxes[CASES]
        for part in _parts(len(accepted)):
            city, span, at = self.city, self.span, (index, part.start)
            cases = draw_cases(city, span, self.calendar, accepted, part, self.rng(*at, "cases"))
            batch, shown = case_batch(city, span, box.files, cases, self.rng(*at, "case rows"))
            latest = self._send_upserts(batch, shown, len(cases), index, part.start, "case dirt")
            self.truth.add_cases(cases, *latest)
            ratings = draw_ratings(cases, span, self.rng(*at, "ratings"))
            told = rating_rows(
                city, span, self.boxes[RATINGS].files, cases, latest[0] >= 0, ratings, self.rng(*at, "rating rows")
            )
            self._tell("ratings", told, *at)

    def entities(self) -> None:
        register = draw_register(self.city, self.span, self.calendar, self.rng("register"))
        box = self.boxes[ENTITIES]
        batch = increments(self.city, self.span, box.files, register, self.rng("increments"))
        told = Names()
        told.take(batch, lambda: send(batch, box, self.ledger, self.rng("increment dirt"), 0, batch.sparing))
        box = self.boxes[FULLS]
        for index, file in enumerate(box.files):
            slot = self.span.corrected(FULLS) if file.corrects else index
            is_wrong = slot == self.span.corrected(FULLS) and not file.corrects
            for part in _parts(len(register)):
                rng, dirt = (self.rng(what, index, part.start) for what in ("full", "full dirt"))
                batch = fulls(self.city, self.span, slot, index, register, part, rng)
                if is_wrong:
                    strike_off(batch)
                if len(batch):
                    sent = partial(send, batch, box, self.ledger, dirt, index, np.zeros(len(batch), bool))
                    sent() if is_wrong else told.take(batch, sent)
        self.truth.flags.add_entities(register, told)
        entity_truth(self.out, self.city, self.span, register)

    def economy(self) -> Iterator[tuple[object, ...]]:
        box = self.boxes[MACRO]
        months = draw_months(self.span, self.rng("economy"))
        batch, final = macro_batch(self.span, box.files, months)
        send(batch, box, self.ledger, self.rng("economy dirt"), 0, np.zeros(len(batch), bool))
        return macro_figures(final, self.span)

    def air(self, index: int) -> None:
        box = self.boxes[AIR]
        hours = draw_hours(self.span, index, self.rng(index, "air"))
        batch = air_batch(self.span, box.files, hours)
        known = send(batch, box, self.ledger, self.rng(index, "air dirt"), index, np.zeros(len(batch), bool))
        self.air_days |= judged_days(hours, known)

    def calls(self, index: int) -> None:
        told = draw_calls(self.span, self.calendar, index, self.boxes[CALLS].files, self.rng(index, "calls"))
        self.call_days.append(self._tell("calls", told, index))

    def components(self) -> None:
        self._tell("components", component_rows(self.city, self.span, self.rng("components")), 0)

    def fire(self, index: int) -> None:
        told = fire_rows(self.city, self.span, index, self.boxes[FIRE].files, self.rng(index, "fire"))
        self._tell("fire", told, index)

    def _tell(self, name: str, told: Told, month: int, *path: object) -> pa.Table:
        """Send rows, and write down what is known of them in the end."""
        nothing = np.zeros(len(told.batch), bool)
        dirt = self.rng(month, *path, f"{name} dirt")
        known = send(told.batch, self.boxes[told.batch.table], self.ledger, dirt, month, nothing)
        standing = told.standing(known)
        self.truth.add(name, standing)
        self.truth.flags.add_told(name, standing)
        return standing

    def other_figures(self) -> Iterator[tuple[object, ...]]:
        """All but those of work orders and service cases."""
        periods, towns = periods_of(self.span), [str(code) for code in self.city.town_code]
        yield from self.economy()
        yield from entity_figures(self.out, periods, towns)
        yield from air_figures(self.air_days, periods, towns)
        yield from call_figures(self.call_days, periods)

    def _send_upserts(self, batch: Batch, shown: Ints, n: int, month: int, *path: object) -> tuple[Ints, Ints]:
        """Send; gives for each order or case until when its latest surviving row shows it, and its update."""
        updated = _instants(batch.columns["更新时间"])
        nothing = np.zeros(len(batch), bool)
        survived = send(batch, self.boxes[batch.table], self.ledger, self.rng(month, *path), month, nothing)
        return _latest(n, batch.owner, shown, survived), _latest(n, batch.owner, updated, survived)

    def finish(self) -> None:
        self.truth.close()
        rows: list[tuple[object, ...]] = []
        for table, box in self.boxes.items():
            self.ledger.add([(*_remark(table, *remark), "") for remark in box.close()])
            for file, count in zip(box.files, box.counts, strict=True):
                good = count.rows - count.bad - count.set_aside
                rows.append((table, file.name, count.rows, good, count.bad, count.set_aside, ""))
            for index, name in repeats(self.span, table):
                box.repeat(index, name)
                self.ledger.add([(table, name, "", "", "", "", "X34", box.files[index].name, VERDICTS["X34"], "")])
                rows.append((table, name, *rows[-len(box.files) + index][2:6], box.files[index].name))
            if table == MACRO:
                for name, verdict, told_by in refused(box):
                    self.ledger.add([(table, name, "", "", "", "", verdict.split()[0], told_by, VERDICTS[verdict], "")])
                    rows.append((table, name, 0, 0, 0, 0, told_by))
        _write_csv(
            self.out / "truth" / "deliveries.csv",
            [("table", "file", "rows_delivered", "rows_good", "rows_bad", "rows_set_aside", "repeats_of"), *rows],
        )
        remove_spool(self.out)


def simulate(out: Path, seed: int, months: int = 13, scale: float = 1.0, end: date = END) -> None:
    """Write a synthetic district into the folder `out`: the inbox of its departments and the truth.

    The same seed, months, scale and end give the same bytes. Scale 1 is about 120,000 work orders and 60,000 service
    cases in 13 months and a register of 52,500 market entities, in full at each month's end; time and size are linear
    in it, memory is touched by the register alone. Macro-economic months and air stations know no scale.
    """
    if months < 1 or scale <= 0:
        raise ValueError("months 须不小于 1，scale 须大于 0")
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} 不是空文件夹")
    out.mkdir(parents=True, exist_ok=True)
    run = Simulation(out, seed, months, scale, end)
    text = README.format(seed=seed, months=months, end=end, scale=scale)
    (out / "说明.txt").write_text(text, encoding="utf-8-sig")
    for index in range(months):
        run.orders(index)
        run.cases(index)
        run.air(index)
        run.calls(index)
        run.fire(index)
    run.components()
    run.entities()
    air_truth(out, run.air_days)
    others = list(run.other_figures())
    run.finish()
    write_figures(out, run.span, [str(code) for code in run.city.town_code], others)


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, n)) for start in range(0, max(n, 1), CHUNK))


def _latest(n: int, owner: Ints, value: Ints, survived: Bools) -> Ints:
    """For each order the largest value among its surviving rows, -1 where none survived."""
    latest = np.full(n, -1, np.int64)
    np.maximum.at(latest, owner[survived], value[survived])
    return latest


def _remark(table: str, file: Delivery, row: int | None, kind: str, text: str) -> tuple[object, ...]:
    sheet = SHEET if file.is_sheet else ""
    place = (text, f"{letter(list(AIR_LAYOUT.header).index(DRIFTED[text]))}{row}") if kind == "X09" else ("", "")
    return table, file.name, sheet, row or "", *place, kind.split()[0], text, VERDICTS[kind]


def _instants(texts: Texts) -> Ints:
    return np.array(texts.tolist(), dtype="datetime64[s]").astype(np.int64)


def _write_csv(path: Path, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
