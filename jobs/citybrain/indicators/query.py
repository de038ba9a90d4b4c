"""What is the value, for which area and period, as of when, known when: asked of the serving file, without a JVM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from citybrain import serve
from citybrain.duck import literal
from citybrain.indicators import period as periods
from citybrain.indicators.answer import FigureAmount, IndicatorAnswer, SourceVersion, number
from citybrain.indicators.catalogue import described, formula
from citybrain.indicators.compile import question_sql
from citybrain.indicators.model import AREA_LEVELS, Grain, Indicator, QuestionError, Variant
from citybrain.indicators.period import KIND_NAMES, Period
from citybrain.indicators.registry import JOURNAL, Registry, registry
from citybrain.indicators.restated import Revision
from citybrain.indicators.revisions import keep as _keep
from citybrain.indicators.revisions import revisions as _revisions
from citybrain.indicators.trace import Trace
from citybrain.indicators.trace import trace as _trace

SHANGHAI = ZoneInfo("Asia/Shanghai")
__all__ = ["IndicatorAnswer", "Trace", "answer_json", "answer_text", "indicator", "revisions", "trace"]


@dataclass(frozen=True)
class _Area:
    code: str
    name: str
    level: str

    @property
    def grain(self) -> Grain:
        return next(grain for grain, level in AREA_LEVELS.items() if level == self.level)

    @property
    def scope(self) -> str:
        return "all" if self.grain == "district" else self.code


def indicator(
    id: str,
    area: str | None = None,
    period: str | None = None,
    variant: str | None = None,
    as_of: str | date | None = None,
    known_at: str | datetime | None = None,
) -> IndicatorAnswer:
    """The value of an indicator, computed from the cubes as of ``as_of``, or as it had been published by ``known_at``.

    By default: the district, the month of the data's own time, the default variant, as of the period's end (of what
    still runs: the data's own time), as it is published.
    Raises QuestionError with what there is, where there is no such indicator, variant, area or period.
    """
    declared = registry()
    asked, chosen = declared.indicator(id), declared.variant(id, variant)
    path = serve.current()
    with serve.connect(path) as db:
        now = _data_time(db, declared, chosen)
        latest = min(_day(as_of), now) if as_of else now
        where = _area(db, area, chosen)
        when = periods.parse(period) if period else periods.of("month", latest)
        moment = latest if as_of else min(when.end, now)
        _check(asked, chosen, when, moment)
        blank = _blank(declared, asked, chosen, where, when, moment, path)
        blank = replace(blank, sources=_sources(db, declared, chosen))
        if known_at is not None:
            return _published(db, blank, _instant(known_at), as_of is not None)
        return _computed(db, blank)


def trace(answer: IndicatorAnswer, limit: int = 10) -> Trace:
    """From the number to cells of cubes, facts, rows of bronze, and receipts with the cells of the files."""
    return _trace(answer, limit)


def revisions(answer: IndicatorAnswer) -> tuple[Revision, ...]:
    """Every publication of the number, with the deliveries that came or were taken back between it and the one before.

    Raises QuestionError where it was never published.
    """
    if not (found := _revisions(answer)):
        raise QuestionError(f"没有发布过 {answer.area_name} {answer.period} 的这个数")
    return found


def keep_restatements(seconds: float = 600) -> tuple[int, int]:
    """Writes down why numbers were published again as of the same day, before upkeep lets go of the versions that
    tell it; for so many seconds. Gives how many publications were explained, and how many numbers still wait.
    """
    return _keep(seconds) if serve.is_there() else (0, 0)


def _data_time(db: duckdb.DuckDBPyConnection, declared: Registry, variant: Variant) -> date:
    clock = declared.clock_of(variant)
    row = db.execute(f"SELECT MAX({clock.date}) FROM {clock.table} WHERE {clock.where}").fetchone()
    if row is None or row[0] is None:
        raise QuestionError(f"{clock.table} 还没有数据")
    latest: date = row[0]
    return latest


def _day(text: str | date) -> date:
    try:
        return text if isinstance(text, date) else date.fromisoformat(text)
    except ValueError as error:
        raise QuestionError(f"看不懂日期 {text}；请写成 2026-03-31") from error


def _instant(text: str | datetime) -> datetime:
    """A moment of Shanghai; a day alone means its end."""
    try:
        moment = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    except ValueError as error:
        raise QuestionError(f"看不懂时间 {text}；请写成 2026-03-31 或 2026-03-31T18:00") from error
    if isinstance(text, str) and len(text) == len("2026-03-31"):
        moment = datetime.combine(moment.date(), time.max)
    return moment.replace(tzinfo=SHANGHAI) if moment.tzinfo is None else moment


def _area(db: duckdb.DuckDBPyConnection, asked: str | None, variant: Variant) -> _Area:
    found = db.execute(
        "SELECT area_code, area_name, area_level FROM gold.reference__area ORDER BY area_code"
    ).fetchall()
    areas = [_Area(*row) for row in found]
    if asked is None:
        match = [a for a in areas if a.grain == "district"]
    else:
        match = [a for a in areas if asked in (a.code, a.name)] or [a for a in areas if a.name.startswith(asked)]
    if len(match) != 1:
        names = "、".join(f"{a.name} {a.code}" for a in (match or areas) if a.grain in variant.grains)
        raise QuestionError(f"没有区划 {asked}；可用的有：{names}" if asked else "区划表里没有区")
    if match[0].grain not in variant.grains:
        raise QuestionError(f"{variant.title}没有{match[0].level}数，只有：{_levels(variant)}")
    return match[0]


def _levels(variant: Variant) -> str:
    return "、".join(AREA_LEVELS[grain] for grain in variant.grains)


def _check(asked: Indicator, variant: Variant, when: Period, as_of: date) -> None:
    if when.kind not in asked.periods:
        kinds = "、".join(KIND_NAMES[kind] for kind in asked.periods)
        raise QuestionError(f"{asked.id} {asked.name}不按{KIND_NAMES[when.kind]}统计，可用：{kinds}")
    if when.start > as_of:
        raise QuestionError(f"统计期 {when.name} 在截至日 {as_of} 时还没有开始")
    if variant.effective_from and when.start < variant.effective_from:
        raise QuestionError(f"口径 {variant.id} 自 {variant.effective_from} 起适用")
    if variant.effective_to and when.end > variant.effective_to:
        raise QuestionError(f"口径 {variant.id} 只适用到 {variant.effective_to}")


def _blank(
    declared: Registry, asked: Indicator, variant: Variant, where: _Area, when: Period, as_of: date, file: Path
) -> IndicatorAnswer:
    """The answer but for its numbers."""
    end = min(when.end, as_of)
    row = (where.code, where.level, where.scope, when.kind, when.name)
    values = ", ".join([*map(literal, row), f"DATE '{when.start}'", f"DATE '{end}'", f"DATE '{as_of}'"])
    body = (
        f"  SELECT * FROM (VALUES ({values}))\n"
        "    AS t(area_code, area_level, scope, period_kind, period, period_start, period_end, as_of)"
    )
    sql = question_sql(declared, variant, body, [where.grain])
    figures = [declared.figures[name] for name in variant.figures]
    return IndicatorAnswer(
        indicator_id=asked.id,
        name=asked.name,
        variant=variant.id,
        variant_title=variant.title,
        unit=variant.unit,
        rounding=variant.rounding,
        area_code=where.code,
        area_name=where.name,
        area_level=where.level,
        period_kind=when.kind,
        period=when.name,
        period_start=when.start,
        period_end=end,
        as_of=as_of,
        numerator=None,
        denominator=None,
        value=None,
        formula=formula(declared, variant),
        description=described(asked, variant),
        sql=sql,
        figures=tuple(FigureAmount(f.id, f.title, f.table, None) for f in figures),
        sources=(),
        file=file,
    )


def _computed(db: duckdb.DuckDBPyConnection, blank: IndicatorAnswer) -> IndicatorAnswer:
    cursor = db.execute(blank.sql)
    names = [column[0] for column in cursor.description or ()]
    row: Mapping[str, Any] = dict(zip(names, cursor.fetchone() or (), strict=True))
    figures = tuple(replace(f, amount=Decimal(row[f.figure])) for f in blank.figures)
    return replace(
        blank, numerator=row["numerator"], denominator=row["denominator"], value=row["value"], figures=figures
    )


def _published(
    db: duckdb.DuckDBPyConnection, blank: IndicatorAnswer, known_at: datetime, pinned: bool
) -> IndicatorAnswer:
    """The newest revision that had been published by then; with an as_of, of those that describe that day or before."""
    cell = {
        "indicator_id": blank.indicator_id,
        "variant": blank.variant,
        "area_code": blank.area_code,
        "period_kind": blank.period_kind,
        "period": blank.period,
    }
    conditions = [f"{name} = {literal(text)}" for name, text in cell.items()]
    conditions.append(f"published_at <= TIMESTAMPTZ '{known_at.isoformat()}'")
    if pinned:
        conditions.append(f"as_of <= DATE '{blank.as_of}'")
    sql = (
        "SELECT period_end, as_of, numerator, denominator, value, epoch_us(published_at), revision\n"
        f"FROM {JOURNAL}\nWHERE {' AND '.join(conditions)}\nORDER BY revision DESC LIMIT 1"
    )
    row = db.execute(sql).fetchone()
    if row is None:
        raise QuestionError(f"到 {known_at:%Y-%m-%d %H:%M} 为止，没有发布过 {blank.area_name} {blank.period} 的这个数")
    end, as_of, numerator, denominator, value, published, revision = row
    return replace(
        blank,
        period_end=end,
        as_of=as_of,
        numerator=numerator,
        denominator=denominator,
        value=value,
        sql=sql,
        known_at=known_at,
        published_at=datetime.fromtimestamp(published / 1e6, SHANGHAI),
        revision=revision,
    )


def _sources(db: duckdb.DuckDBPyConnection, declared: Registry, variant: Variant) -> tuple[SourceVersion, ...]:
    tables = ", ".join(literal(declared.figures[name].table) for name in variant.figures)
    found = db.execute(
        "SELECT table_name, title, version, committed_at FROM meta.source_version "
        f"JOIN meta.contract USING (table_name) WHERE table_name IN ({tables}) ORDER BY table_name"
    ).fetchall()
    return tuple(SourceVersion(t, title, v, at.replace(tzinfo=SHANGHAI)) for t, title, v, at in found)


def answer_text(answer: IndicatorAnswer, steps: Trace | None = None, history: tuple[Revision, ...] = ()) -> str:
    """For people, in Chinese: the value, how it is defined, what it was computed from, how it came about."""
    lines = [
        f"{answer.indicator_id} {answer.name} · {answer.variant_title}（{answer.variant}）",
        f"{answer.area_name} · {answer.period}（{answer.period_start} 至 {answer.period_end}）· 截至 {answer.as_of}",
        "",
        f"    {answer.shown}",
        "",
        f"公式：{answer.formula}",
        *(f"  {f.title} = {number(f.amount)}" for f in answer.figures if f.amount is not None),
        f"分子 {number(answer.numerator)} · 分母 {number(answer.denominator)}",
        f"口径：{answer.description}",
    ]
    if answer.published_at:
        published, known = f"{answer.published_at:%Y-%m-%d %H:%M}", f"{answer.known_at:%Y-%m-%d %H:%M}"
        lines.append(f"发布：{published}，第 {answer.revision} 次发布；问的是到 {known} 为止所知")
    lines += [f"来源：{s.title} {s.table} 第 {s.version} 版（{s.committed_at:%Y-%m-%d %H:%M}）" for s in answer.sources]
    if steps is not None:
        lines += ["", steps.text()]
    if history:
        lines += ["", "发布与修订", *(line for one in history for line in one.lines(answer.show))]
    return "\n".join([*lines, "", "算法：", answer.sql])


def answer_json(answer: IndicatorAnswer, steps: Trace | None = None, history: tuple[Revision, ...] = ()) -> str:
    document = answer.to_dict() | ({"trace": steps.to_dict()} if steps is not None else {})
    document |= {"revisions": [one.to_dict() for one in history]} if history else {}
    return json.dumps(document, ensure_ascii=False)
