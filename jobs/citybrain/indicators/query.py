"""What is the value, for which area and period, as of when, known when: asked of the serving file, without a JVM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from citybrain import serve
from citybrain.clock import SHANGHAI
from citybrain.duck import literal
from citybrain.indicators import known
from citybrain.indicators import period as periods
from citybrain.indicators.answer import FigureAmount, IndicatorAnswer, SourceVersion
from citybrain.indicators.catalogue import described, formula
from citybrain.indicators.compile import question_sql
from citybrain.indicators.model import AREA_LEVELS, Grain, Indicator, QuestionError, Variant
from citybrain.indicators.period import KIND_NAMES, Period
from citybrain.indicators.registry import JOURNAL, Registry, registry
from citybrain.indicators.restated import Revision
from citybrain.indicators.revisions import keep as _keep
from citybrain.indicators.revisions import revisions as _revisions
from citybrain.indicators.told import answer_json, answer_text
from citybrain.indicators.trace import Trace
from citybrain.indicators.trace import trace as _trace

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


@dataclass(frozen=True)
class _Question:
    """What is asked, but for the data's own time, which is that of the tables that are asked."""

    declared: Registry
    indicator: Indicator
    variant: Variant
    where: _Area
    period: str | None
    as_of: date | None
    file: Path

    @property
    def tables(self) -> list[str]:
        """Those that the figures add up, in order."""
        return sorted({self.declared.figures[name].table for name in self.variant.figures})

    def posed(self, db: duckdb.DuckDBPyConnection) -> IndicatorAnswer:
        """The answer but for its numbers."""
        now = _data_time(db, self.declared, self.variant)
        latest = min(self.as_of, now) if self.as_of else now
        when = periods.parse(self.period) if self.period else periods.of("month", latest)
        moment = latest if self.as_of else min(when.end, now)
        _check(self.indicator, self.variant, when, moment)
        return _blank(self.declared, self.indicator, self.variant, self.where, when, moment, self.file)


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
    still runs: the data's own time), as it is published. With both, what was published as of that day; where nothing
    was, it is computed on the cubes as they stood at ``known_at``.
    Raises QuestionError with what there is, where there is no such indicator, variant, area or period, and where upkeep
    has let go of the cubes as they stood.
    """
    declared, path = registry(), serve.current()
    with serve.connect(path) as db:
        chosen = declared.variant(id, variant)
        where, day = _area(db, area, chosen), _day(as_of) if as_of else None
        question = _Question(declared, declared.indicator(id), chosen, where, period, day, path)
        blank = question.posed(db)
        if known_at is None:
            return _computed(db, replace(blank, sources=_sources(db, question.tables)))
        moment = _instant(known_at)
        published = _published(db, blank, moment)
        if published and (day is None or _is_as_of(published, blank.as_of, question)):
            return published
        if day is None:
            raise QuestionError(f"到 {_told(moment)} 为止，没有发布过 {blank.area_name} {blank.period} 的这个数")
        return _as_it_stood(question, moment, published)


def trace(answer: IndicatorAnswer, limit: int = 10) -> Trace:
    """From the number to cells of cubes, facts, rows of bronze, and receipts with the cells of the files.

    Raises QuestionError for what was known earlier: the cells are today's.
    """
    if answer.known_at:
        raise QuestionError("能追溯的是现在的数，不是以前所知的；每次发布因何而变，见 --revisions")
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
    if isinstance(text, str) and _is_day(text):
        moment = datetime.combine(moment.date(), time.max)
    return moment.replace(tzinfo=SHANGHAI) if moment.tzinfo is None else moment


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


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


def _published(db: duckdb.DuckDBPyConnection, blank: IndicatorAnswer, known_at: datetime) -> IndicatorAnswer | None:
    """The newest revision that had been published by then."""
    cell = {
        "indicator_id": blank.indicator_id,
        "variant": blank.variant,
        "area_code": blank.area_code,
        "period_kind": blank.period_kind,
        "period": blank.period,
    }
    conditions = [f"{name} = {literal(text)}" for name, text in cell.items()]
    conditions.append(f"published_at <= TIMESTAMPTZ '{known_at.isoformat()}'")
    sql = (
        "SELECT period_end, as_of, numerator, denominator, value, epoch_us(published_at), revision\n"
        f"FROM {JOURNAL}\nWHERE {' AND '.join(conditions)}\nORDER BY revision DESC LIMIT 1"
    )
    row = db.execute(sql).fetchone()
    if row is None:
        return None
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


def _is_as_of(published: IndicatorAnswer, day: date, question: _Question) -> bool:
    """Whether what was published is what ``day`` asks for: it is as of that day, or of the last one that tells more.

    Of a period that still ran, that was the data's own time; a closed one says no more later, but for a cohort.
    """
    if published.as_of >= day:
        return published.as_of == day
    still_ran = published.period_end < periods.parse(published.period).end
    return still_ran or all(question.declared.figures[name].known is None for name in question.variant.figures)


def _as_it_stood(question: _Question, moment: datetime, published: IndicatorAnswer | None) -> IndicatorAnswer:
    """Computed on the tables as they were the newest at ``moment``."""
    try:
        clock = question.declared.clock_of(question.variant)
        with known.gold({clock.table, *question.tables}, moment) as (then, stood):
            sources = tuple(stood[table] for table in question.tables if table in stood)
            return replace(_computed(then, question.posed(then)), sources=sources, known_at=moment)
    except known.CleanedError as error:
        from citybrain.maintain import KEEP_DAYS

        told = f"那时发布过的是截至 {published.as_of} 的，不写截至日即可问" if published else "那时也没有发布过这个数"
        raise QuestionError(
            f"{_told(moment)} 时的 {error} 已经清理，算不出那时所知的截至 {question.as_of} 的数；{told}。"
            f"主题表的旧版留 {KEEP_DAYS} 天，这些天里所知的可以截至任何一天"
        ) from error


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _sources(db: duckdb.DuckDBPyConnection, names: list[str]) -> tuple[SourceVersion, ...]:
    tables = ", ".join(map(literal, names))
    found = db.execute(
        "SELECT table_name, title, version, committed_at FROM meta.source_version "
        f"JOIN meta.contract USING (table_name) WHERE table_name IN ({tables}) ORDER BY table_name"
    ).fetchall()
    return tuple(SourceVersion(t, title, v, at.replace(tzinfo=SHANGHAI)) for t, title, v, at in found)
