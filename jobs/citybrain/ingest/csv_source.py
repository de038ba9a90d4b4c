"""CSV as departments write it: any delimiter, GB18030 or UTF-8, line breaks in quotes, rows of a wrong width."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from citybrain.ingest.outcome import Refused
from citybrain.ingest.sniff import text_encoding
from citybrain.ingest.source import SEGMENT_BYTES, Ragged, Segment, names, segment_of

_BLOCK = 1 << 22
_DELIMITERS = ",\t;|"


class CsvSource:
    """A delimited text file, read once, in bounded memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sheet: str | None = None
        self.encoding: str | None = text_encoding(path)
        self.delimiter: str | None = _delimiter(path, self.encoding)

    def preview(self, count: int) -> list[list[str | None]]:
        with self.path.open(encoding=self.encoding, newline="") as stream:
            lines = csv.reader(stream, delimiter=self.delimiter or ",")
            return [[cell or None for cell in row] for row in itertools.islice(lines, count)]

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        odd: list[tuple[int, str]] = []
        batches: list[pa.RecordBatch] = []
        numbers: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        following, size = 1, 0
        for batch in self._batches(width, odd):
            rows, following = _numbers(following, batch.num_rows, [n for n, _ in odd])
            batches.append(batch)
            numbers.append(rows)
            size += batch.nbytes
            if size >= SEGMENT_BYTES:
                yield self._segment(batches, numbers, odd, width, first, following)
                batches, numbers, size = [], [], 0
        if batches or odd:
            yield self._segment(batches, numbers, odd, width, first, None)

    def _batches(self, width: int, odd: list[tuple[int, str]]) -> Iterator[pa.RecordBatch]:
        def keep(row: pc.InvalidRow) -> str:
            odd.append((row.number, row.text))
            return "skip"

        try:
            # Without threads the reader knows the number of a row of wrong width; it still outruns the judging.
            yield from pc.open_csv(
                self.path,
                pc.ReadOptions(
                    use_threads=False, block_size=_BLOCK, column_names=names(width), encoding=_codec(self.encoding)
                ),
                pc.ParseOptions(
                    delimiter=self.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=keep,
                ),
                pc.ConvertOptions(
                    column_types={name: pa.string() for name in names(width)},
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            if "straddling" in str(error) or "out of sync" in str(error):
                raise Refused("unclosed_quote", row=_unclosed(self.path, self.encoding)) from error
            if "Empty CSV" not in str(error):
                raise

    def _segment(
        self,
        batches: list[pa.RecordBatch],
        numbers: list[np.ndarray[Any, np.dtype[np.int64]]],
        odd: list[tuple[int, str]],
        width: int,
        first: int,
        until: int | None,
    ) -> Segment:
        taken = [(n, text) for n, text in odd if until is None or n < until]
        odd[:] = [] if until is None else [(n, text) for n, text in odd if n >= until]
        straight, ragged = self._mended([(n, t) for n, t in taken if n >= first], width)
        parts = [segment_of([list(r.cells) for r in straight], [r.row for r in straight], width)] if straight else []
        if batches:
            table = pa.Table.from_batches(batches).append_column("_row", pa.array(np.concatenate(numbers)))
            before = int(np.searchsorted(np.concatenate(numbers), first))
            parts.append(table.slice(before))
        return Segment(pa.concat_tables(parts) if parts else segment_of([], [], width), tuple(ragged))

    def _mended(self, odd: list[tuple[int, str]], width: int) -> tuple[list[Ragged], list[Ragged]]:
        """Rows whose surplus cells are empty are as good as the others; blank rows are none."""
        straight, ragged = [], []
        for number, text in odd:
            if text.count('"') % 2:
                raise Refused("unclosed_quote", row=number)
            cells = next(csv.reader([*text.splitlines(keepends=True)], delimiter=self.delimiter or ","), [])
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if len(cells) == width:
                straight.append(Ragged(number, tuple(cells)))
            elif any(c.strip() for c in cells):
                ragged.append(Ragged(number, tuple(cells)))
        return straight, ragged


def _numbers(start: int, count: int, skipped: list[int]) -> tuple[Any, int]:
    """Numbers of ``count`` rows from ``start`` on, leaving out the skipped ones; and the next free number."""
    numbers = np.arange(start, start + count + len(skipped), dtype=np.int64)
    if skipped:
        numbers = np.setdiff1d(numbers, np.asarray(skipped, dtype=np.int64))
    numbers = numbers[:count]
    return numbers, int(numbers[-1]) + 1 if count else start


def _codec(encoding: str | None) -> str:
    return "utf8" if encoding in ("utf-8", "utf-8-sig", None) else encoding


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that cuts most of the first lines into the same number of cells, the most cells."""
    with path.open(encoding=encoding, newline="") as stream:
        lines = list(itertools.islice(stream, 60))

    def score(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if len(row) > 1]
        if not widths:
            return (0, 0)
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual), usual)

    return max(_DELIMITERS, key=score)


def _unclosed(path: Path, encoding: str | None) -> int:
    """The first line that leaves a quote open: as near as one can say where the trouble begins."""
    with path.open(encoding=encoding, newline="") as stream:
        return next((n for n, line in enumerate(stream, 1) if line.count('"') % 2), 1)
