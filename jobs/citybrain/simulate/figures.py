"""truth/figures.csv: the values that the indicators must have, computed from the clean truth and from nothing else.

Names of variants and units are those of schemas/indicators: ratios in per cent, WO13 in hours. Numerators and
denominators are counts, for WO13 seconds and counts. Percentiles are exact (nearest rank); a product that keeps
histograms agrees to its bucket width. An order counts at `as_of` as it was then, with what all deliveries tell.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb

from citybrain.simulate.city import DISTRICT
from citybrain.simulate.plan import Span

HEADER = ("indicator", "variant", "area", "period_kind", "period", "as_of", "numerator", "denominator", "value")
DAYS = 60  # how many last days are told one by one

Figures = dict[str, float]

# Orders of a stage that were due in a period: p the period, o the order, d its day of being done in that stage.
DUE = """
SELECT p.id, {town}, count(*) AS due, count(*) FILTER (o.{stage}_day <= p.as_of) AS done,
    count(*) FILTER (o.{stage}_at <= o.final_deadline_at) AS on_time,
    count(*) FILTER ({hung} AND NOT coalesce(o.{stage}_day <= p.as_of, false)) AS hung,
    count(*) FILTER (o.rework_times > 0) AS reworked
FROM periods p JOIN orders o ON o.due_{stage} BETWEEN p.first AND p.as_of
WHERE o.counts AND coalesce(o.cancelled_day > p.as_of, true)
"""
HUNG = "o.suspended_from < {t} + INTERVAL 1 DAY AND coalesce(o.suspended_to >= {t} + INTERVAL 1 DAY, true)"
# Orders that stood open at the end of a day t: overdue or not yet due, the clock running.
STOCK = """
SELECT p.id, {town}, count(*) FILTER (o.due_day <= {t}) AS overdue, count(*) FILTER (o.due_day > {t}) AS in_time
FROM periods p JOIN orders o ON o.filed_day <= {t} AND o.open_until_{stage} > {t}
WHERE o.counts AND NOT coalesce({hung}, false)
"""
OWN_DATE = """
SELECT p.id, {town}, count(*) AS n FROM periods p JOIN {table} o ON o.{day} BETWEEN p.first AND p.as_of
"""
HANDLING = """
SELECT p.id, {town}, count(*) AS n, sum(o.{seconds}) AS seconds,
    quantile_disc(o.{seconds}, 0.5) AS p50, quantile_disc(o.{seconds}, 0.9) AS p90
FROM periods p JOIN orders o ON o.disposed_day BETWEEN p.first AND p.as_of WHERE o.{seconds} IS NOT NULL
"""
CASES_DUE = """
SELECT p.id, {town}, count(*) AS due,
    count(*) FILTER (o.used_work_days < o.promised_limit AND o.finished_day <= p.as_of) AS early,
    count(*) FILTER (o.used_work_days <= o.promised_limit AND o.finished_day <= p.as_of) AS on_time
FROM periods p JOIN cases o ON o.due_day BETWEEN p.first AND p.as_of
"""
RATED = """
SELECT p.id, {town}, count(*) AS n, count(*) FILTER (o.stars >= 3) AS good,
    count(*) FILTER (NOT o.is_default_rating) AS active,
    count(*) FILTER (NOT o.is_default_rating AND o.stars >= 3) AS active_good,
    count(*) FILTER (o.stars < 3) AS bad, count(*) FILTER (o.stars < 3 AND o.rectify_status = '已整改') AS rectified
FROM periods p JOIN ratings o ON o.rated_day BETWEEN p.first AND p.as_of
"""
VOLUME = """
SELECT p.id, {town}, sum(o.promised) AS promised, sum(o.statutory) AS statutory
FROM periods p JOIN cases o ON o.accepted_day BETWEEN p.first AND p.as_of WHERE o.statutory IS NOT NULL
"""
ITEMS = """
SELECT p.id, {town}, sum(o.promised) AS promised, sum(o.statutory) AS statutory, count(*) AS n,
    sum(1 - o.promised / o.statutory) AS saved
FROM periods p JOIN (SELECT *, NULL AS town_code FROM items) o ON o.first_seen <= p.as_of WHERE o.statutory IS NOT NULL
"""
ORDERS = """
CREATE VIEW orders AS SELECT *, coalesce(not_filed_at IS NULL AND final_deadline_at IS NOT NULL, false) AS counts,
    cast(final_deadline_at AS date) AS due_day,
    coalesce(cast(least(closed_at, cancelled_at) AS date), DATE '9999-12-31') AS open_until_closed,
    coalesce(cast(least(disposed_at, cancelled_at) AS date), DATE '9999-12-31') AS open_until_disposed,
    cast(least(closed_at, final_deadline_at) AS date) AS due_closed,
    cast(least(disposed_at, final_deadline_at) AS date) AS due_disposed,
    cast(cancelled_at AS date) AS cancelled_day, cast(reported_at AS date) AS reported_day,
    cast(accepted_at AS date) AS accepted_day, cast(filed_at AS date) AS filed_day,
    cast(dispatched_at AS date) AS dispatched_day, cast(disposed_at AS date) AS disposed_day,
    cast(closed_at AS date) AS closed_day
FROM read_parquet('{folder}/orders.parquet')
"""
CASES = """
CREATE VIEW cases AS SELECT *,
    cast(accepted_at AS date) AS accepted_day, cast(finished_case_at AS date) AS finished_day,
    least(cast(finished_case_at AS date), promised_date) AS due_day,
    promised_limit * if(limit_unit = '自然日', 5 / 7, 1.0) AS promised,
    statutory_limit * if(limit_unit = '自然日', 5 / 7, 1.0) AS statutory
FROM read_parquet('{folder}/cases.parquet')
"""
# Figures of services are as of the last day on which a case was accepted: a rating of the weekend after it waits.
RATINGS = """
CREATE VIEW ratings AS SELECT *, cast(rated_at AS date) AS rated_day, rating_stars AS stars
FROM read_parquet('{folder}/ratings.parquet') WHERE rating_stars IS NOT NULL
    AND cast(rated_at AS date) <= (SELECT max(accepted_day) FROM cases)
"""
LATEST_ITEMS = """
CREATE TABLE items AS SELECT item_code, min(accepted_day) AS first_seen,
    arg_max(promised, (updated_at, case_id)) AS promised, arg_max(statutory, (updated_at, case_id)) AS statutory
FROM cases GROUP BY item_code
"""


def write_figures(out: Path, span: Span, towns: list[str], others: Iterable[tuple[object, ...]]) -> None:
    """Those of work orders and service cases, computed here, and ``others``."""
    periods = periods_of(span)
    areas = [DISTRICT, *towns]
    rows: list[tuple[object, ...]] = list(others)
    with duckdb.connect() as db:
        _load(db, out / "truth", periods)
        tables = _tables(db)
    for indicator, variant, numerator, denominator, scale, kinds, where in _definitions():
        for area in areas if where == "all" else areas[:1]:
            for id_, (kind, period, _first, as_of) in enumerate(periods):
                if kind in kinds:
                    f = {name: table.get((id_, area), {}) for name, table in tables.items()}
                    top, bottom = _of(f, numerator), _of(f, denominator) if denominator else None
                    row = (indicator, variant, area, kind, period, as_of)
                    rows.append((*row, *_value(top, bottom, scale, indicator == "WO13" and "mean" not in variant)))
    rows.sort(key=lambda row: tuple(map(str, row[:5])))
    with (out / "truth" / "figures.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)


def _definitions() -> list[tuple[str, str, str, str, float, tuple[str, ...], str]]:
    """indicator, variant, numerator, denominator, scale, kinds of period, areas; terms are table.column."""
    every, long = ("day", "month", "year"), ("month", "year")
    closing = "filed.n + stock_begin_closed.in_time - stock_closed.in_time"
    ratios = [
        ("WO02", "rate", "filed.n", "accepted.n"), ("WO03", "rate", "dispatched.n", "filed.n"),
        ("WO05", "rate", "due_disposed.done", "due_disposed.due"),
        ("WO06", "rate", "due_disposed.on_time", "due_disposed.due"),
        ("WO07", "due", "due_closed.done", "due_closed.due"),
        ("WO07", "filed_minus_open_intime", "closed.n", closing),
        ("WO07", "due_minus_hang", "due_closed.done", "due_closed.due - due_closed.hung"),
        ("WO08", "due_once", "due_closed.on_time", "due_closed.due"),
        ("WO08", "due_carry", "due_closed.on_time", "due_closed.due + stock_begin_closed.overdue"),
        ("WO09", "rate", "due_disposed.due - due_disposed.done - due_disposed.hung", "due_disposed.due"),
        ("WO09", "rate_carry", "stock_disposed.overdue", "due_disposed.due + stock_begin_disposed.overdue"),
        ("WO10", "due", "due_closed.reworked", "due_closed.due"),
        ("WO10", "through", "due_disposed.reworked", "due_disposed.done"),
        ("WO10", "filed", "due_closed.reworked", "filed.n"),
        ("GS09", "early", "cases_due.early", "cases_due.due"),
        ("GS09", "on_time", "cases_due.on_time", "cases_due.due"),
        ("GS09", "overdue", "cases_due.due - cases_due.on_time", "cases_due.due"),
        ("GS10", "good", "rated.active_good", "rated.active"), ("GS10", "good_all", "rated.good", "rated.n"),
        ("GS10", "active", "rated.active", "cases_finished.n"), ("GS10", "rectified", "rated.rectified", "rated.bad"),
    ]  # fmt: skip
    counts = [
        ("WO01", "reported", "reported.n"), ("WO01", "accepted", "accepted.n"), ("WO02", "count", "filed.n"),
        ("WO05", "count", "due_disposed.due"), ("WO09", "count", "stock_disposed.overdue"),
        ("GS01", "received", "cases_received.n"), ("GS01", "finished", "cases_finished.n"),
        ("GS10", "bad", "rated.bad"),
    ]  # fmt: skip
    hours = [
        (f"{clock}_{kind}", f"{clock}.{term}", f"{clock}.n")
        for clock in ("natural", "work") for kind, term in (("mean", "seconds"), ("p50", "p50"), ("p90", "p90"))
    ]  # fmt: skip
    return [
        *((*ratio, 100.0, every, "all") for ratio in ratios),
        *((*count, "", 1.0, every, "all") for count in counts),
        *(("WO13", *hour, 1 / 3600, every, "all") for hour in hours),
        ("GS08", "sum_ratio", "items.statutory - items.promised", "items.statutory", 100.0, long, "district"),
        ("GS08", "mean_of_ratios", "items.saved", "items.n", 100.0, long, "district"),
        ("GS08", "volume_weighted", "volume.statutory - volume.promised", "volume.statutory", 100.0, long, "all"),
    ]


def _of(figures: dict[str, Figures], terms: str) -> float:
    """The value of "a.x + b.y - c.z"; what was not counted is 0."""
    total, sign = 0.0, 1
    for word in terms.split():
        if word in "+-":
            sign = 1 if word == "+" else -1
        else:
            table, column = word.split(".")
            total += sign * float(figures[table].get(column) or 0)
    return total


def _value(top: float, bottom: float | None, scale: float, percentile: bool) -> tuple[str, str, str]:
    """As text; a ratio over nothing has no value. A percentile has no numerator, its count is the denominator."""
    if bottom is None:
        return _text(top), "", _text(top * scale)
    if bottom <= 0:
        return "" if percentile else _text(top), _text(bottom), ""
    if percentile:
        return "", _text(bottom), _text(top * scale)
    return _text(top), _text(bottom), _text(top / bottom * scale)


def _text(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:.8f}"


def periods_of(span: Span) -> list[tuple[str, str, date, date]]:
    """kind, period, first day, as_of = its last simulated day: the last days, the months, the years."""
    days = [span.end - timedelta(back) for back in range(DAYS) if span.end - timedelta(back) >= span.start]
    result = [("day", day.isoformat(), day, day) for day in reversed(days)]
    starts = [date(1970, 1, 1) + timedelta(int(number)) for number in span.month_starts]
    result += [("month", f"{a:%Y-%m}", a, b - timedelta(1)) for a, b in pairwise(starts)]
    years = range(span.start.year, span.end.year + 1)
    result += [("year", str(y), date(y, 1, 1), min(date(y, 12, 31), span.end)) for y in years]
    return result


def _load(db: duckdb.DuckDBPyConnection, folder: Path, periods: list[tuple[str, str, date, date]]) -> None:
    db.execute("SET threads = 1")
    db.execute("CREATE TABLE periods (id INTEGER, first DATE, as_of DATE)")
    db.executemany("INSERT INTO periods VALUES (?, ?, ?)", [(i, p[2], p[3]) for i, p in enumerate(periods)])
    for statement in (ORDERS, CASES, RATINGS, LATEST_ITEMS):
        db.execute(statement.format(folder=folder))


def _tables(db: duckdb.DuckDBPyConnection) -> dict[str, dict[tuple[int, str], Figures]]:
    """All base quantities: name → (period, area) → column → value."""
    end, begin = "p.as_of", "(p.first - 1)"
    queries = {name: _fill(OWN_DATE, table="orders", day=f"{name}_day")
               for name in ("reported", "accepted", "filed", "dispatched", "closed")}  # fmt: skip
    for stage in ("closed", "disposed"):
        queries[f"due_{stage}"] = _fill(DUE, stage=stage, hung=HUNG.format(t=end))
        queries[f"stock_{stage}"] = _fill(STOCK, stage=stage, t=end, hung=HUNG.format(t=end))
        queries[f"stock_begin_{stage}"] = _fill(STOCK, stage=stage, t=begin, hung=HUNG.format(t=begin))
    queries |= {
        "natural": _fill(HANDLING, seconds="handling_natural_seconds"),
        "work": _fill(HANDLING, seconds="handling_work_seconds"),
        "cases_received": _fill(OWN_DATE, table="cases", day="accepted_day"),
        "cases_finished": _fill(OWN_DATE, table="cases", day="finished_day"),
        "cases_due": CASES_DUE,
        "volume": VOLUME,
        "rated": RATED,
        "items": ITEMS,
    }
    return {name: _by_area(db, query) for name, query in queries.items()}


def _fill(query: str, **values: str) -> str:
    return query.format(town="{town}", **values)


def _by_area(db: duckdb.DuckDBPyConnection, query: str) -> dict[tuple[int, str], Figures]:
    """The query for each period and town, and for each period in the whole district."""
    result: dict[tuple[int, str], Figures] = {}
    for town, group in (("o.town_code", "p.id, o.town_code"), (f"'{DISTRICT}'", "p.id")):
        found = db.execute(query.replace("{town}", town) + f" GROUP BY {group}")
        names = [str(column[0]) for column in found.description]
        for row in found.fetchall():
            if row[1] is not None:  # orders of no known town count in the district only
                result[row[0], row[1]] = dict(zip(names[2:], row[2:], strict=True))
    return result
