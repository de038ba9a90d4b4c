"""What a file says once for many rows, written into each of them: merged cells, and a unit that stands in the title.

A cell that is filled from above bears a ditto mark (〃) before its text, so that it is read carefully and marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from citybrain.contracts import Contract
from citybrain.ingest.cells import DITTO
from citybrain.ingest.outcome import Column
from citybrain.ingest.rows import ragged_kind
from citybrain.ingest.source import Segment

_DITTOS = (DITTO, "同上", "″", '"')


def width_of(columns: Sequence[Column]) -> int:
    """The columns that stand in the file itself."""
    return sum(column.stated is None for column in columns)


def completed(segments: Iterator[Segment], columns: Sequence[Column], contract: Contract) -> Iterator[Segment]:
    declared = contract.delivery.filled if contract.delivery else ()
    places = [column.position for column in columns if column.field in declared]
    said = [column for column in columns if column.stated is not None]
    above = _Above(places) if places else None
    if not above and not said:
        yield from segments
        return
    for segment in segments:
        rows, ragged = segment.rows, segment.ragged
        rows = above.fill(rows) if above else rows
        for column in said:
            text = pa.array([column.stated] * rows.num_rows, pa.string())
            rows = rows.add_column(column.position, f"c{column.position}", text)
        yield Segment(rows, ragged)


class _Above:
    """The last text of each column that is filled; it goes no further than the table's footer."""

    def __init__(self, places: Sequence[int]) -> None:
        self._last: dict[int, str | None] = dict.fromkeys(places)
        self._ended = False

    def fill(self, rows: pa.Table) -> pa.Table:
        cells = [rows[f"c{i}"].to_pylist() for i in range(rows.num_columns - 1)]
        for n in range(rows.num_rows):
            self._fill_row(cells, n)
        for place in self._last:
            rows = rows.set_column(place, f"c{place}", pa.array(cells[place], pa.string()))
        return rows

    def _fill_row(self, cells: list[list[str | None]], n: int) -> None:
        texts = [(column[n] or "").strip() for column in cells]
        kind = ragged_kind(texts)
        self._ended |= kind == "footer"
        if self._ended or kind != "data" or not any(t for i, t in enumerate(texts) if i not in self._last):
            return
        for place, last in self._last.items():
            if texts[place] and texts[place] not in _DITTOS:
                self._last[place] = texts[place]
            elif last is not None:
                cells[place][n] = DITTO + last
