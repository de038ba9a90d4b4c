"""CSV as departments write it: any delimiter, GB18030 or UTF-8, line breaks in quotes, rows of a wrong width.

The file is cut into blocks of whole records. pyarrow parses a block at once; a block with anything irregular in it is
parsed again by the csv module, record by record. (pyarrow's streaming reader would do, but it calls back into Python
from threads of its own, which ends in an abort when the interpreter exits first.)
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from citybrain.ingest.outcome import Refused
from citybrain.ingest.sniff import text_encoding
from citybrain.ingest.source import SEGMENT_BYTES, Ragged, Segment, condensed, names, segment_of

_BLOCK = 1 << 23
_HEAD = 1 << 20  # characters in which titles and header must stand
_LONGEST = 1 << 26  # bytes of one record; more is a quote that nobody closed
_LINES = 50  # lines of one record of a wrong width; more is the same
_DELIMITERS = ",\t;|"
csv.field_size_limit(_LONGEST)


class CsvSource:
    """A delimited text file, read once, in bounded memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sheet: str | None = None
        self.encoding: str | None = text_encoding(path)
        self.delimiter: str | None = _delimiter(path, self.encoding)

    def preview(self, count: int) -> list[list[str | None]]:
        with self.path.open(encoding=self.encoding, newline="") as stream:
            head = io.StringIO(stream.read(_HEAD), newline="")
        lines = csv.reader(head, delimiter=self.delimiter or ",")
        return [[cell or None for cell in row] for row in itertools.islice(lines, count)]

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        parser = _Parser(self.delimiter or ",", width, first)
        enough = SEGMENT_BYTES // 4  # the first segment comes early: who judges it waits for it
        for block, last in _blocks(self.path, self.encoding or "utf-8"):
            parser.feed(block, last)
            if parser.size >= enough:
                yield parser.take()
                enough = SEGMENT_BYTES
        yield parser.take()


@dataclass
class _Parser:
    """Parses block after block and numbers the records, as a person who opens the file would."""

    delimiter: str
    width: int
    first: int
    number: int = 1  # of the next record
    carry: bytes = b""  # the beginning of a record that goes on in the next block
    size: int = 0
    schema: pa.Schema | None = None  # of the first rows, which tell what columns have few texts
    tables: list[pa.Table] = field(default_factory=list)
    ragged: list[Ragged] = field(default_factory=list)

    def feed(self, block: bytes, last: bool) -> None:
        data = self._after_titles(self.carry + block if self.carry else block)
        cut = len(data) if last else data.rfind(b"\n") + 1
        if not self._at_once(data if cut == len(data) else data[:cut]):
            cut = self._record_by_record(data[:cut], last)
        self.carry = data[cut:]
        if len(self.carry) > _LONGEST:
            raise Refused("unclosed_quote", row=self.number)

    def take(self) -> Segment:
        """What has been taken since the last time."""
        table = pa.concat_tables(self.tables) if self.tables else segment_of([], [], self.width)
        ragged, self.tables, self.ragged, self.size = tuple(self.ragged), [], [], 0
        return Segment(table, ragged)

    def _after_titles(self, data: bytes) -> bytes:
        """The data without the records above the first row, where each of them is a line of its own."""
        while self.number < self.first and (end := data.find(b"\n") + 1) and b'"' not in data[:end]:
            data = data[end:]
            self.number += 1
        return data

    def _at_once(self, data: bytes) -> bool:
        """Parses a block of records that all have the right width; says whether it was one."""
        quoted = b'"' in data
        if self.number < self.first or (quoted and data.count(b'"') % 2):
            return False
        if not data:
            return True
        try:
            table = pc.read_csv(
                pa.BufferReader(data),
                pc.ReadOptions(use_threads=False, column_names=names(self.width), block_size=max(len(data), 1)),
                pc.ParseOptions(delimiter=self.delimiter, newlines_in_values=quoted, ignore_empty_lines=False),
                pc.ConvertOptions(
                    column_types=self.schema or {name: pa.string() for name in names(self.width)},
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    check_utf8=False,  # it has been looked at, or made by us
                ),
            )
        except pa.ArrowInvalid:
            return False
        numbers = pa.array(np.arange(self.number, self.number + table.num_rows))
        self._add(table.append_column("_row", numbers), len(data))
        self.number += table.num_rows
        return True

    def _add(self, table: pa.Table, size: int) -> None:
        table = table.cast(self.schema) if self.schema else condensed(table)
        self.schema = table.schema
        self.tables.append(table)
        self.size += size

    def _record_by_record(self, data: bytes, last: bool) -> int:
        """Parses what is irregular; gives the length parsed, which leaves out a record that may go on."""
        lines = io.StringIO(data.decode("utf-8"), newline="").readlines()
        reader = csv.reader(lines, delimiter=self.delimiter)
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        before = 0
        for cells in reader:
            if reader.line_num == len(lines) and self._is_open(lines[before:]):
                if last:
                    raise Refused("unclosed_quote", row=self.number)
                break
            if self.number >= self.first:
                self._sort_in(cells, reader.line_num - before, rows, numbers)
            self.number += 1
            before = reader.line_num
        if rows:
            table = segment_of(rows, numbers, self.width)
            self._add(table, table.nbytes)
        return len("".join(lines[:before]).encode("utf-8")) if before < len(lines) else len(data)

    def _is_open(self, lines: list[str]) -> bool:
        try:
            list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        except csv.Error as error:
            return "end of data" in str(error)
        return False

    def _sort_in(self, cells: list[str], lines: int, rows: list[list[str | None]], numbers: list[int]) -> None:
        """Surplus cells that are empty do no harm; blank rows are none; the rest is ragged."""
        while len(cells) > self.width and not cells[-1].strip():
            cells.pop()
        if len(cells) == self.width:
            rows.append([cell or None for cell in cells])
            numbers.append(self.number)
        elif any(cell.strip() for cell in cells):
            if lines > _LINES:
                raise Refused("unclosed_quote", row=self.number)
            self.ragged.append(Ragged(self.number, tuple(cells)))
            self.size += sum(map(len, cells))


def _blocks(path: Path, encoding: str) -> Iterator[tuple[bytes, bool]]:
    """The file as UTF-8 in blocks, each with whether it is the last."""
    decoder = None if encoding in ("utf-8", "utf-8-sig") else codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as stream:
        if encoding == "utf-8-sig":
            stream.seek(len(codecs.BOM_UTF8))
        block = _lines(stream)
        while True:
            following = _lines(stream)
            last = not following
            yield decoder.decode(block, last).encode("utf-8") if decoder else block, last
            if last:
                return
            block = following


def _lines(stream: IO[bytes]) -> bytes:
    """A block that ends with a line, unless that is very long: then nothing of it has to be carried over."""
    at = stream.tell()
    stream.seek(at + _BLOCK)
    rest = len(stream.readline(_BLOCK))
    stream.seek(at)
    return stream.read(_BLOCK + rest)


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that cuts most of the first lines into the same number of cells, the most cells."""
    with path.open(encoding=encoding, newline="") as stream:
        lines = io.StringIO(stream.read(_HEAD), newline="").readlines()[:60]

    def score(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if len(row) > 1]
        if not widths:
            return (0, 0)
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual), usual)

    return max(_DELIMITERS, key=score)
