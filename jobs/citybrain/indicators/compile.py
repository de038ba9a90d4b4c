"""Figures and variants compiled to one readable SQL for DuckDB, over gold in the lake or in the serving file.

The question is a relation ``asked``: a row for each area and period, with ``scope`` (``all`` for the district, else the
town's code) and a ``period_end`` that is not later than its ``as_of``. Every table is first summed by scope, day and
the day since which that is known, so that what is joined to the periods is small, however large the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlglot

from citybrain.indicators.model import AREA_COLUMNS, Figure, Grain, Variant, terms
from citybrain.indicators.registry import Registry

ASKED = ("area_code", "area_level", "scope", "period_kind", "period", "period_start", "period_end", "as_of")
CELL = "area_code, period_kind, period"
DAYS = "SELECT *, CAST(UNNEST(GENERATE_SERIES(period_start, period_end, INTERVAL 1 DAY)) AS DATE) AS day FROM asked"


@dataclass(frozen=True)
class Amounts:
    """A variant's numerator and denominator as SQL over figures, and its value over those two."""

    numerator: str
    denominator: str
    variant: Variant

    def value(self, numerator: str, denominator: str) -> str:
        """A ratio without a positive denominator is null, never 0 or 100 %."""
        if self.variant.percentile:
            return percentile_column(self.variant)
        up, down = self.variant.scale.numerator, self.variant.scale.denominator
        scaled = f"CAST({numerator} AS DOUBLE)" + (f" * {up}" if up != 1 else "")
        if not self.variant.denominator:
            return scaled + (f" / {down}" if down != 1 else "")
        below = f"CAST({denominator} AS DOUBLE)" if down == 1 else f"(CAST({denominator} AS DOUBLE) * {down})"
        return f"CASE WHEN {denominator} > 0 THEN {scaled} / {below} END"


def amounts(variant: Variant) -> Amounts:
    """Of a percentile: no numerator; the denominator is the number of orders that were ranked."""
    nothing = "CAST(NULL AS DECIMAL(24, 4))"
    if variant.percentile:
        return Amounts(nothing, _decimal(variant.percentile.of), variant)
    denominator = _decimal(variant.denominator) if variant.denominator else nothing
    return Amounts(_decimal(variant.numerator or ""), denominator, variant)


def percentile_column(variant: Variant) -> str:
    return f"{variant.percentile.of}_p{variant.percentile.percent}" if variant.percentile else ""


def _decimal(expression: str) -> str:
    signed = [("- " if sign < 0 else "+ ") + name for sign, name in terms(expression)]
    return f"CAST({' '.join(signed).removeprefix('+ ')} AS DECIMAL(24, 4))"


def figures_sql(registry: Registry, variants: Sequence[Variant], grains: Iterable[Grain]) -> str:
    """CTEs up to ``figures``: a row for each row of ``asked``, a column for each figure that the variants need.

    The caller supplies ``asked``: as a first CTE or as a table.
    """
    names = dict.fromkeys(name for variant in variants for name in variant.figures)
    figures = [registry.figures[name] for name in names]
    scopes = tuple(dict.fromkeys(grains))
    percents: dict[str, list[int]] = {}
    for variant in variants:
        if variant.percentile:
            percents.setdefault(variant.percentile.of, []).append(variant.percentile.percent)
    flows, stocks = ([f for f in figures if (f.form == "flow") is flow] for flow in (True, False))
    parts = [part for part in (flows, stocks) if part]
    ctes = [f"asked_days AS (\n  {DAYS}\n)"]
    for part in parts:
        ctes += [_daily(part, scopes), _stocks(part) if part[0].form != "flow" else _flows(part)]
    for of, wanted in percents.items():
        ctes += _percentiles(registry.figures[of], wanted, scopes)
    return ",\n".join([*ctes, _figures(parts, percents)])


def question_sql(registry: Registry, variant: Variant, asked: str, grains: Iterable[Grain]) -> str:
    """The whole statement for one variant on DuckDB; ``asked`` is the body of the CTE of that name."""
    found = amounts(variant)
    return (
        f"WITH asked AS (\n{asked}\n),\n"
        f"{figures_sql(registry, [variant], grains)},\n"
        f"amounts AS (\n  SELECT *,\n    {found.numerator} AS numerator,\n    {found.denominator} AS denominator\n"
        f"  FROM figures\n)\n"
        f"SELECT *,\n  {found.value('numerator', 'denominator')} AS value\nFROM amounts\nORDER BY {CELL}"
    )


def _grouped(figures: Iterable[Figure]) -> list[list[Figure]]:
    """Figures that one pass over a table can sum: same table, date and as-of column."""
    groups: dict[tuple[str, str, str | None], list[Figure]] = {}
    for figure in figures:
        groups.setdefault((figure.table, figure.date, figure.known), []).append(figure)
    return list(groups.values())


def _daily(figures: list[Figure], grains: tuple[Grain, ...]) -> str:
    """Figures by scope and day, a table below the other; a figure of another table is null."""
    branches = []
    for group in _grouped(figures):
        own = {f.id: f"{_sum(f)} AS {f.id}" for f in group}
        branches.append(_by_day(group[0], [own.get(f.id, f"NULL AS {f.id}") for f in figures], grains))
    return f"{_name(figures)}_daily AS (\n" + "\n  UNION ALL\n".join(branches) + "\n)"


def _name(figures: list[Figure]) -> str:
    return "flow" if figures[0].form == "flow" else "stock"


def _flows(figures: list[Figure]) -> str:
    """The days of each period added up, of each what is known by the period's as_of."""
    sums = ", ".join(f"SUM(d.{f.id}) AS {f.id}" for f in figures)
    cell = ", ".join(f"a.{k}" for k in CELL.split(", "))
    return (
        f"flows AS (\n  SELECT {cell}, {sums}\n  FROM asked_days AS a\n"
        f"  JOIN flow_daily AS d ON d.scope = a.scope AND d.day = a.day AND d.known <= a.as_of\n  GROUP BY {cell}\n)"
    )


def _stocks(figures: list[Figure]) -> str:
    """All days up to the period's end (``level``), or before its beginning (``opening``), added up."""
    sums = ", ".join(
        f"SUM({f'd.{f.id}' if f.form == 'level' else f'CASE WHEN d.day < a.period_start THEN d.{f.id} END'}) AS {f.id}"
        for f in figures
    )
    cell = ", ".join(f"a.{k}" for k in CELL.split(", "))
    return (
        f"stocks AS (\n  SELECT {cell}, {sums}\n  FROM asked AS a\n"
        f"  JOIN stock_daily AS d ON d.scope = a.scope AND d.day <= a.period_end\n  GROUP BY {cell}\n)"
    )


def _by_day(figure: Figure, sums: list[str], grains: tuple[Grain, ...], condition: str = "", bins: str = "") -> str:
    """Sums by scope, day and the day since which that is known: every row for the district, and those of each town."""
    areas = [AREA_COLUMNS[g] for g in grains if AREA_COLUMNS.get(g) in figure.areas]
    by = [figure.date, *([figure.known] if figure.known else []), *([bins] if bins else [])]
    if not areas:
        scope, grouping = "'all'", ", ".join(by)
    elif "district" not in grains and len(areas) == 1:
        scope, grouping = areas[0], ", ".join([*by, *areas])
    else:
        cases = " ".join(f"WHEN GROUPING({column}) = 0 THEN {column}" for column in areas)
        scope = f"CASE {cases} ELSE 'all' END"
        sets = [", ".join([*by, *more]) for more in (*([area] for area in areas), [])]
        grouping = f"GROUPING SETS ({', '.join(f'({columns})' for columns in sets)})"
    known = figure.known or figure.date  # what has a day of its own is known on that day
    head = [f"{scope} AS scope", f"{figure.date} AS day", f"{known} AS known", *([f"{bins} AS bin"] if bins else [])]
    where = f"  WHERE {condition}\n" if condition else ""
    listed = "".join(f",\n    {column}" for column in sums)
    return f"  SELECT {', '.join(head)}{listed}\n  FROM {figure.table}\n{where}  GROUP BY {grouping}"


def _sum(figure: Figure) -> str:
    if figure.where is None:
        return f"SUM({figure.sum})"
    return f"SUM(CASE WHEN {condition_sql(figure.where)} THEN {figure.sum} ELSE 0 END)"


def condition_sql(where: str) -> str:
    """A figure's condition, declared in Spark's SQL as the cubes are, for DuckDB."""
    return sqlglot.parse_one(where, read="spark").sql("duckdb")


def _figures(parts: list[list[Figure]], percents: dict[str, list[int]]) -> str:
    """Side by side, a row for each row of ``asked``; where there is nothing to add up, a figure is 0."""
    sums = [f"COALESCE({_name(part)}s.{f.id}, 0) AS {f.id}" for part in parts for f in part]
    of_bins = [f"{of}_ranks.p{p} AS {of}_p{p}" for of, wanted in percents.items() for p in wanted]
    others = [*(f"{_name(part)}s" for part in parts), *(f"{of}_ranks" for of in percents)]
    joins = "".join(f"\n  LEFT JOIN {other} ON {_same_cell(other)}" for other in others)
    asked = ", ".join(f"a.{name}" for name in ASKED)
    return (
        f"figures AS (\n  SELECT {asked},\n    " + ",\n    ".join([*sums, *of_bins]) + f"\n  FROM asked AS a{joins}\n)"
    )


def _same_cell(other: str) -> str:
    return " AND ".join(f"{other}.{k} = a.{k}" for k in CELL.split(", "))


def _percentiles(figure: Figure, percents: list[int], grains: tuple[Grain, ...]) -> list[str]:
    """Bins of one hour, the k-th holding what is in (k−1, k]; inside a bin the value grows linearly with the rank."""
    of = figure.id
    condition = condition_sql(figure.where) if figure.where else ""
    by_day = _by_day(figure, [f"SUM({figure.sum}) AS n"], grains, condition, figure.bins or "")
    bins = (
        f"{of}_bins AS (\n  SELECT {CELL}, GREATEST(bin - 1, 0) AS low, GREATEST(bin, 0) AS high, n,\n"
        f"    SUM(n) OVER (PARTITION BY {CELL} ORDER BY bin) AS upto, SUM(n) OVER (PARTITION BY {CELL}) AS total\n"
        f"  FROM (\n    SELECT a.area_code, a.period_kind, a.period, d.bin, SUM(d.n) AS n\n"
        f"    FROM asked_days AS a JOIN {of}_days AS d ON d.scope = a.scope AND d.day = a.day AND d.known <= a.as_of\n"
        f"    GROUP BY a.area_code, a.period_kind, a.period, d.bin\n  ) AS counted\n  WHERE n > 0\n)"
    )
    found = ",\n".join(
        f"    MAX(CASE WHEN 100 * (upto - n) < {p} * total AND {p} * total <= 100 * upto\n"
        f"      THEN low + (high - low) * CAST({p} * total - 100 * (upto - n) AS DOUBLE) / CAST(100 * n AS DOUBLE) END)"
        f" AS p{p}"
        for p in percents
    )
    ranks = f"{of}_ranks AS (\n  SELECT {CELL},\n{found}\n  FROM {of}_bins\n  GROUP BY {CELL}\n)"
    return [f"{of}_days AS (\n{by_day}\n)", bins, ranks]
