"""What a series of months or years says against a delivery: a shifted unit, a cumulative as a month's, a stale copy.

Rows of one receipt are compared with each other and with those of bronze that were received before, so that the same
delivery gets the same answer whenever it is read again; but not with those of the receipt that it corrects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from citybrain.contracts import Contract, Field
from citybrain.duck import literal
from citybrain.ingest import units, write
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.landing import Receipt
from citybrain.ingest.outcome import Column, Detected, Issue, Refused
from citybrain.ingest.schema import bronze_schema
from citybrain.ingest.write import Part

LEAST = 3  # figures that have one of a year ago, from which on a shift of most of them is one of the unit
# The power of ten by which a value differs from that of a year ago, if what is left is less than twice or half.
_SHIFT = "CASE WHEN abs(log10(abs(v / ago)) - round(log10(abs(v / ago)))) < 0.302 THEN round(log10(abs(v / ago))) END"
_PERIODS = (
    re.compile(r"(?:统计)?(?:区间|期间|期|时间|月份)[:：]\s*\d{8}\s*[至—–~-]\s*(\d{4})(\d{2})\d{2}"),
    re.compile(r"(\d{4})年\s*(?:1\s*[-—–~至]\s*)?(\d{1,2})\s*月(?!\d*\s*日)"),
    re.compile(r"(?:统计)?(?:期|月份)[:：]\s*(\d{4})[-./]?(\d{1,2})(?!\d)"),
)


def findings(
    contract: Contract, receipt: Receipt, detected: Detected, parts: Sequence[Part], stage: Path
) -> list[Issue]:
    """Raises Refused where the delivery as a whole is not what it says it is."""
    series = contract.delivery.series if contract.delivery else ()
    if not series or not parts:
        return []
    with _database(contract, receipt, parts, stage) as db:
        _check_period(db, series, detected, receipt.file)
        _check_news(db, contract)
        return [issue for f in contract.fields if f.semantics for issue in _of_field(db, contract, f, detected)]


def _database(contract: Contract, receipt: Receipt, parts: Sequence[Part], stage: Path) -> duckdb.DuckDBPyConnection:
    """``new``: the rows of the delivery. ``old``: those received before, of each key the last. ``known``: both, the new
    ones first."""
    db = duckdb.connect(config={"temp_directory": str(stage / "spill")})
    schema = bronze_schema(contract)
    files = ", ".join(literal(str(part.path)) for part in parts)
    db.register("shape", schema.empty_table())
    db.execute(f"CREATE TABLE new AS FROM shape UNION ALL BY NAME FROM read_parquet([{files}], union_by_name = true)")
    year = contract.delivery.series[0] if contract.delivery else ""
    first = db.execute(f"SELECT min({year}) FROM new").fetchone() or (None,)
    apart = [receipt.receipt, *filter(None, [receipt.corrects])]
    db.register("delivered", write.rows_apart(contract, apart, f'"{year}" >= {int(first[0] or 0) - 1}'))
    key = ", ".join(contract.key)
    at = f"TIMESTAMPTZ '{receipt.received_at:%Y-%m-%d %H:%M:%S%z}'"
    db.execute(
        f"CREATE TABLE old AS FROM delivered WHERE _received_at <= {at} QUALIFY row_number() OVER "
        f"(PARTITION BY {key} ORDER BY _received_at DESC, _receipt DESC, _row DESC) = 1"
    )
    db.execute(f"CREATE TABLE known AS FROM new UNION ALL FROM old ANTI JOIN new USING ({key})")
    return db


def _check_period(db: duckdb.DuckDBPyConnection, series: Sequence[str], detected: Detected, file: str) -> None:
    """The month that the titles (else the name of the file) state must be among those of the rows."""
    stated = next((p for p in map(_period, (*detected.titles, file)) if p), None)
    if stated is None or len(series) < 2:
        return
    year, month = series
    found = db.execute(f"SELECT DISTINCT {year}, {month} FROM new ORDER BY ALL").fetchall()
    if stated not in found:
        shown = "、".join(f"{y} 年 {m} 月" for y, m in found[-3:])
        raise Refused("period_differs", stated=f"{stated[0]} 年 {stated[1]} 月", found=shown)


def _period(text: str) -> tuple[int, int] | None:
    found = next((match for pattern in _PERIODS if (match := pattern.search(text))), None)
    return (int(found[1]), int(found[2])) if found else None


def _check_news(db: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """A table in which every row stands already, as it stands, is an old one."""
    alike = " AND ".join(f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in contract.names)
    counted = db.execute(
        f"SELECT count(*), count(o._receipt), max(o._receipt) FROM new n LEFT JOIN old o ON {alike}"
    ).fetchone()
    rows, stale, receipt = counted or (0, 0, None)
    if rows and rows == stale:
        raise Refused("stale_copy", rows=rows, receipt=receipt)


def _of_field(db: duckdb.DuckDBPyConnection, contract: Contract, field: Field, detected: Detected) -> Iterator[Issue]:
    column = next((c for c in detected.columns if c.field == field.name), None)
    if column is None:
        return
    _compare(db, contract, field)
    yield from _shifted(db, field, column)
    if field.semantics == "ytd":
        query = "SELECT _row, v, before, size FROM compared WHERE v < before ORDER BY _row"
        rule = "cumulative_falls"
    else:
        query = "SELECT _row, v, total, size FROM compared WHERE months > 1 AND v > total AND total > 0 ORDER BY _row"
        rule = "month_like_cumulative"
    for row, value, expected, size in db.execute(query).fetchall():
        yield _cell(rule, column, row, value / size, expected / size)


def _compare(db: duckdb.DuckDBPyConnection, contract: Contract, field: Field) -> None:
    """``compared``: of each new row the value v in the unit's smallest, what it was a year ago, a month before, and the
    sum of the months before; ``size`` is the row's own unit."""
    year, *month = contract.delivery.series if contract.delivery else ("",)
    cases = " ".join(f"WHEN {literal(name)} THEN {float(size)!r}" for name, size in units.base_sizes().items())
    size = f"CASE {field.unit_in} {cases} END::DOUBLE" if field.unit_in else "1::DOUBLE"
    others = [k for k in contract.key if k not in (year, *month)]
    same = " AND ".join(["a._of = n._of", *(f"a.{m} = n.{m}" for m in month)])
    of = f"concat_ws('|', {', '.join(others)})" if others else "''"
    select = (
        f"SELECT _row, {of} AS _of, {', '.join((year, *month))}, {field.name}::DOUBLE * {size} AS v, {size} AS size"
    )
    db.execute(f"CREATE OR REPLACE TEMP TABLE told AS {select} FROM known")
    earlier = f"SELECT * FROM told e WHERE e._of = n._of AND e.{year} = n.{year}"
    m = month[0] if month else year
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE compared AS
        SELECT n._row, n.v, n.size, (SELECT any_value(a.v) FROM told a WHERE {same} AND a.{year} = n.{year} - 1) AS ago,
               (SELECT max_by(v, {m}) FROM ({earlier} AND e.{m} < n.{m} AND e.v IS NOT NULL)) AS before,
               (SELECT sum(v) FROM ({earlier} AND e.{m} < n.{m})) AS total,
               (SELECT count(v) FROM ({earlier} AND e.{m} < n.{m})) AS months
        FROM ({select} FROM new) n WHERE n.v IS NOT NULL"""
    )


def _shifted(db: duckdb.DuckDBPyConnection, field: Field, column: Column) -> Iterator[Issue]:
    """Most values by one power of ten: the unit is another one, nothing is taken. One value: it is told."""
    powers = db.execute(
        f"""SELECT power, count(*) AS n, (SELECT count(*) FROM compared WHERE v <> 0 AND ago <> 0) AS all_of
        FROM (SELECT {_SHIFT} AS power FROM compared WHERE v <> 0 AND ago <> 0) WHERE power BETWEEN 1 AND 4
        OR power BETWEEN -4 AND -1 GROUP BY power ORDER BY n DESC"""
    ).fetchall()
    if powers and powers[0][1] >= LEAST and powers[0][1] * 2 > powers[0][2]:
        power, shifted, count = powers[0]
        raise Refused(
            "magnitude_shifted", title=column.header, count=count, shifted=shifted, factor=_factor(power),
            header=column.header, column=field.name,
        )  # fmt: skip
    cells = db.execute(
        f"SELECT _row, v, ago, size, {_SHIFT} AS power FROM compared WHERE v <> 0 AND ago <> 0 "
        "AND (power BETWEEN 1 AND 4 OR power BETWEEN -4 AND -1) ORDER BY _row"
    ).fetchall()
    for row, value, ago, size, power in cells:
        yield _cell("magnitude_cell", column, row, value / size, ago / size, factor=_factor(power))


def _factor(power: float) -> str:
    return f"{10 ** int(power):,}" if power > 0 else f"1/{10 ** int(-power):,}"


def _cell(rule: str, column: Column, row: int, value: float, expected: float, **facts: object) -> Issue:
    place = {"header": column.header, "column": column.field, "row": row, "cell": column.cell(row)}
    shown = {"title": column.header, "text": f"{value:.10g}", "expected": f"{expected:.10g}"}
    return file_issue(rule, **place, **shown, **facts)
