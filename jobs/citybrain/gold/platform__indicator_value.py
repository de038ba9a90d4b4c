"""gold.platform__indicator_value: every declared indicator, in every variant, by district and town.

Each period as of its own end (what still runs: as of the data's own time), so that periods compare and a closed one
moves only when something about it is corrected.
"""

import hashlib
from collections.abc import Iterable, Sequence

from citybrain.indicators import compile as sql
from citybrain.indicators.model import AREA_LEVELS, Clock, Grain, Indicator, Variant
from citybrain.indicators.registry import Registry, registry

GRAINS: tuple[Grain, ...] = ("district", "town")
_PERIODS = [
    f"SELECT '{kind}' AS period_kind, {name} AS period, CAST(date_trunc('{kind}', day) AS DATE) AS period_start, "
    f"CAST(date_trunc('{kind}', day) + INTERVAL 1 {kind} - INTERVAL 1 DAY AS DATE) AS last_day, newest FROM days"
    for kind, name in (
        ("day", "strftime(day, '%Y-%m-%d')"),
        ("week", "strftime(day, '%G-W%V')"),
        ("month", "strftime(day, '%Y-%m')"),
        ("quarter", "concat(year(day), 'Q', quarter(day))"),
        ("year", "strftime(day, '%Y')"),
    )
]


def platform__indicator_value() -> str:
    """The values as one statement over the inputs, in DuckDB's SQL."""
    declared = registry()
    parts = []
    for name, clock in declared.clocks.items():
        pairs = [(i, v) for i, v in declared.variants() if declared.figures[v.figures[0]].clock == name]
        if pairs:
            parts.append(_values(declared, pairs, clock))
    return "\nUNION ALL\n".join(f"SELECT * FROM (\n{part}\n)" for part in parts)


def fingerprint() -> str:
    """Of what is read besides the inputs: the declared figures and indicators."""
    return hashlib.sha256(repr(registry()).encode()).hexdigest()


def _values(declared: Registry, pairs: Sequence[tuple[Indicator, Variant]], clock: Clock) -> str:
    """All variants of one clock: the figures once, side by side, then a row for each variant."""
    figures = sql.figures_sql(declared, [v for _, v in pairs], GRAINS)
    rows = "\nUNION ALL\n".join(_row(indicator, variant) for indicator, variant in pairs)
    return f"WITH {_asked(clock)},\n{figures}\n{rows}"


def _asked(clock: Clock) -> str:
    """Each current area × each period from the first to the last day with data, none of them beyond the last."""
    return f"""span AS (
  SELECT MIN({clock.date}) AS oldest, MAX({clock.date}) AS newest FROM {clock.table} WHERE {clock.where}
),
days AS (
  SELECT CAST(UNNEST(GENERATE_SERIES(oldest, newest, INTERVAL 1 DAY)) AS DATE) AS day, newest FROM span
),
periods AS (
  SELECT DISTINCT period_kind, period, period_start, LEAST(last_day, newest) AS period_end, period_end AS as_of
  FROM ({" UNION ALL ".join(_PERIODS)})
),
asked AS (
  SELECT area_code, area_level, CASE area_level WHEN '区' THEN 'all' ELSE area_code END AS scope, periods.*
  FROM periods CROSS JOIN gold.reference__area WHERE area_level IN ({_listed(AREA_LEVELS[g] for g in GRAINS)})
)"""


def _row(indicator: Indicator, variant: Variant) -> str:
    found = sql.amounts(variant)
    levels = _listed(AREA_LEVELS[grain] for grain in variant.grains)
    applies = [f"area_level IN ({levels})", f"period_kind IN ({_listed(indicator.periods)})"]
    if variant.effective_from:
        applies.append(f"period_start >= DATE '{variant.effective_from}'")
    if variant.effective_to:
        applies.append(f"period_end <= DATE '{variant.effective_to}'")
    return (
        f"SELECT '{indicator.id}' AS indicator_id, '{variant.id}' AS variant, area_code, period_kind, period, "
        f"period_start, period_end, as_of,\n  {found.numerator} AS numerator, {found.denominator} AS denominator, "
        f"{found.value(found.numerator, found.denominator)} AS value\nFROM figures WHERE {' AND '.join(applies)}"
    )


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
