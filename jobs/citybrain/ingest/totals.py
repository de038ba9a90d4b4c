"""Totals that a department writes among its rows are set aside, and held against the sum of the parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import duckdb

from citybrain.contracts import Contract, Field
from citybrain.duck import literal
from citybrain.ingest.cells import is_counted, kind_of, places_of
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.outcome import Column, Issue

_NOT_ADDED = ("%", "‰", "度")  # rates and places have no sum


class _Total(NamedTuple):
    row: int
    texts: tuple[str | None, ...]
    values: tuple[Decimal | None, ...]


class Totals:
    """Takes segment after segment; ``issues`` says which totals differ.

    The total rows cut the table into blocks. A total is sound when it is the sum of the block above it, of the block
    below it (where totals stand first), of all rows above it, or of all rows (a grand total among subtotals).
    """

    def __init__(self, contract: Contract, columns: Sequence[Column], delivered: Sequence[Field]) -> None:
        fields = {f.name: f for f in delivered if _is_added(f, contract)}
        self._columns = [(c, fields[c.field]) for c in columns if c.field in fields]
        self._totals: list[_Total] = []
        # block → for each column the sum of the rows taken, and that of exact repeats besides
        self._sums: defaultdict[int, list[list[Decimal]]] = defaultdict(
            lambda: [[Decimal(0)] * 3 for _ in self._columns]
        )

    def take(self, db: duckdb.DuckDBPyConnection) -> None:
        """Adds up the rows of ``segment``; what is no data among them stands in ``others``."""
        if not self._columns:
            return
        numbers = [_number(c, f) for c, f in self._columns]
        named = ", ".join(f"{number} AS n{place}" for place, number in enumerate(numbers))
        sums = ", ".join(
            f"coalesce(sum(n{place}) FILTER (_kind = '{kind}'), 0)" if kind else f"count(n{place})"
            for place in range(len(numbers))
            for kind in ("data", "repeat", None)
        )
        marks = "SELECT _row, row_number() OVER (ORDER BY _row) AS n FROM others WHERE _kind = 'total'"
        count = db.execute("SELECT count(*) FROM others WHERE _kind = 'total'").fetchone()
        blocks = f"ASOF LEFT JOIN ({marks}) AS marks ON rows._row > marks._row" if count and count[0] else ""
        rows = db.execute(
            f"""WITH rows AS (SELECT _row, {named}, coalesce(others._kind, 'data') AS _kind FROM segment
                              LEFT JOIN others USING (_row) WHERE coalesce(others._kind, 'data') IN ('data', 'repeat'))
            SELECT {"coalesce(n, 0)" if blocks else 0} AS block, {sums} FROM rows {blocks} GROUP BY block"""
        ).fetchall()
        for block, *found in rows:
            for place, three in enumerate(zip(*[iter(found)] * 3, strict=True)):
                mine = self._sums[len(self._totals) + block][place]
                mine[:] = [old + Decimal(new) for old, new in zip(mine, three, strict=True)]
        texts = ", ".join(f"c{c.position}" for c, _ in self._columns)
        totals = db.execute(
            f"SELECT _row, {texts}, {', '.join(numbers)} FROM segment JOIN others USING (_row) "
            "WHERE _kind = 'total' ORDER BY _row"
        ).fetchall()
        width = len(self._columns)
        self._totals += [_Total(row, tuple(cells[:width]), tuple(cells[width:])) for row, *cells in totals]

    def issues(self) -> Iterator[Issue]:
        for number, total in enumerate(self._totals):
            for place, (column, field) in enumerate(self._columns):
                value, text = total.values[place], total.texts[place]
                if value is None or text is None:
                    continue
                sums = [self._sum(place, blocks) for blocks in self._readings(number)]
                if any(count for *_, count in sums) and not any(_is(value, found, field) for found in sums):
                    yield file_issue(
                        "total_differs",
                        title=column.header,
                        text=text.strip(),
                        expected=f"{(sums[0] if sums[0][2] else sums[-1])[0].normalize():f}",
                        header=column.header,
                        column=field.name,
                        row=total.row,
                        cell=column.cell(total.row),
                    )

    def _readings(self, number: int) -> tuple[range, ...]:
        """Of which blocks the total may be the sum: first the one above it, last all."""
        every = range(len(self._totals) + 1)
        return range(number, number + 1), range(number + 1, number + 2), range(number + 1), every

    def _sum(self, place: int, blocks: range) -> tuple[Decimal, Decimal, Decimal]:
        parts = [self._sums[block][place] for block in blocks]
        taken, repeated, count = (sum((part[i] for part in parts), Decimal(0)) for i in range(3))
        return taken, taken + repeated, count


def _number(column: Column, field: Field) -> str:
    """SQL, in the unit of the file."""
    cell = f"c{column.position}"
    if is_counted(field):
        return f"number_of({cell}, {literal(field.unit or '')})"
    return f"CASE WHEN NOT regexp_matches({cell}, '[万亿]') THEN number_of({cell}, '') END"


def _is_added(field: Field, contract: Contract) -> bool:
    return kind_of(field) == "number" and field.name not in contract.key and field.unit not in _NOT_ADDED


def _is(value: Decimal, found: tuple[Decimal, Decimal, Decimal], field: Field) -> bool:
    """Equal but for the rounding of the parts, with or without rows that stand twice."""
    taken, all_rows, count = found
    shown = -int(value.normalize().as_tuple().exponent)
    slack = count * Decimal(5).scaleb(-1 - max(shown, 0)) if places_of(field) else Decimal(0)
    return bool(count) and min(abs(value - taken), abs(value - all_rows)) <= slack
