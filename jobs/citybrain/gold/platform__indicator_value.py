"""gold.platform__indicator_value: every declared indicator, in every variant, by district and town.

Days, months and years, each as of its own end (what still runs: as of the data's own time), so that periods compare and
a closed one moves only when something about it is corrected.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame

from citybrain.indicators import compile as sql
from citybrain.indicators.model import AREA_LEVELS, Clock, Grain, Indicator, Variant
from citybrain.indicators.registry import Registry, registry

GRAINS: tuple[Grain, ...] = ("district", "town")
_PERIODS = [
    f"struct('{kind}' AS period_kind, date_format(day, '{name}') AS period, "
    f"{first} AS period_start, {last} AS period_end)"
    for kind, name, first, last in (
        ("day", "yyyy-MM-dd", "day", "day"),
        ("month", "yyyy-MM", "date(trunc(day, 'MONTH'))", "last_day(day)"),
        ("year", "yyyy", "make_date(year(day), 1, 1)", "make_date(year(day), 12, 31)"),
    )
]


def platform__indicator_value(reference__area: DataFrame, **cubes: DataFrame) -> DataFrame:
    declared = registry()
    parts = []
    for name, clock in declared.clocks.items():
        pairs = [(i, v) for i, v in declared.variants() if declared.figures[v.figures[0]].clock == name]
        if pairs:
            asked = _asked(reference__area, cubes[clock.table.split(".")[1]], clock)
            parts.append(_values(declared, pairs, asked, cubes))
    return reduce(DataFrame.unionByName, parts)


def fingerprint() -> str:
    """Of what is read besides the inputs: the declared figures and indicators."""
    return hashlib.sha256(repr(registry()).encode()).hexdigest()


def _asked(areas: DataFrame, cube: DataFrame, clock: Clock) -> DataFrame:
    """Each current area × each period from the first to the last day with data, its end and as_of not later than the data's own time."""
    text = f"""
      WITH days AS (
        SELECT EXPLODE(SEQUENCE(oldest, newest)) AS day, newest
        FROM (SELECT MIN({clock.date}) AS oldest, MAX({clock.date}) AS newest FROM {{cube}} WHERE {clock.where}) AS d
        WHERE newest IS NOT NULL
      ),
      periods AS (
        SELECT DISTINCT p.period_kind, p.period, p.period_start, LEAST(p.period_end, newest) AS period_end,
          LEAST(p.period_end, newest) AS as_of
        FROM days LATERAL VIEW inline(array({", ".join(_PERIODS)})) p
      )
      SELECT area_code, area_level, CASE area_level WHEN '区' THEN 'all' ELSE area_code END AS scope, periods.*
      FROM periods CROSS JOIN {{areas}} WHERE area_level IN ({_listed(AREA_LEVELS[g] for g in GRAINS)})
    """
    return cube.sparkSession.sql(text, cube=cube, areas=areas)


def _values(
    declared: Registry, pairs: Sequence[tuple[Indicator, Variant]], asked: DataFrame, cubes: dict[str, DataFrame]
) -> DataFrame:
    """All variants of one clock: the figures once, side by side, then a row for each variant."""
    clock = declared.clock_of(pairs[0][1])
    figures = sql.figures_sql(declared, [v for _, v in pairs], GRAINS, sql.SPARK)
    tables = {clock.table, *(declared.figures[name].table for _, v in pairs for name in v.figures)}
    read: dict[str, Any] = {name: cubes[name] for name in (table.split(".")[1] for table in tables)}
    rows = ",\n  ".join(_row(indicator, variant) for indicator, variant in pairs)
    text = f"""
      WITH asked AS (SELECT * FROM {{asked_areas}}),
      {figures}
      SELECT v.indicator_id, v.variant, area_code, period_kind, period, period_start, period_end, as_of,
        v.numerator, v.denominator, v.value
      FROM figures LATERAL VIEW inline(array(
        {rows}
      )) v
      WHERE v.applies
    """
    return asked.sparkSession.sql(text, asked_areas=asked, **read)


def _row(indicator: Indicator, variant: Variant) -> str:
    found = sql.amounts(variant)
    levels = _listed(AREA_LEVELS[grain] for grain in variant.grains)
    applies = [f"area_level IN ({levels})", f"period_kind IN ({_listed(indicator.periods)})"]
    if variant.effective_from:
        applies.append(f"period_start >= DATE '{variant.effective_from}'")
    if variant.effective_to:
        applies.append(f"period_end <= DATE '{variant.effective_to}'")
    return (
        f"struct({' AND '.join(applies)} AS applies, '{indicator.id}' AS indicator_id, '{variant.id}' AS variant, "
        f"{found.numerator} AS numerator, {found.denominator} AS denominator, "
        f"{found.value(found.numerator, found.denominator)} AS value)"
    )


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
