"""Systems export a web page and call it .xls: its largest table is read as a person sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from citybrain.ingest.outcome import Refused
from citybrain.ingest.sniff import text_encoding
from citybrain.ingest.source import Segment, segment_of

LARGEST = 64 << 20  # bytes: a page is read as a whole
_BATCH = 50_000
_CELLS = 20_000_000
_SPAN = 256  # columns that a cell may span


class HtmlSource:
    """A table of a page. Such files are small: browsers and Excel had to hold them too."""

    sheet: str | None = None
    delimiter: str | None = None

    def __init__(self, path: Path) -> None:
        self.encoding: str | None = text_encoding(path)
        if (size := path.stat().st_size) > LARGEST:
            raise Refused("too_large", what=f"网页表格有 {size >> 20:,} MB", limit=f"{LARGEST >> 20} MB")
        parser = _Tables()
        parser.feed(path.read_text(encoding=self.encoding))
        parser.close()
        self._rows = max(parser.tables, key=len, default=[])

    def preview(self, count: int) -> list[list[str | None]]:
        return self._rows[:count]

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        for start in range(first - 1, len(self._rows), _BATCH):
            rows = [(row + [None] * width)[:width] for row in self._rows[start : start + _BATCH]]
            yield Segment(segment_of(rows, list(range(start + 1, start + 1 + len(rows))), width))


class _Tables(HTMLParser):
    """Rows of every table; a cell that spans columns fills the first of them, as in a workbook."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str | None]]] = []
        self._cell: list[str] | None = None
        self._span = 1
        self._cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self._end_cell()
            self._cell = []
            span = dict(attrs).get("colspan") or "1"
            self._span = min(int(span), _SPAN) if re.fullmatch("[0-9]{1,9}", span) else 1
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(re.sub(r"[ \t\r\n]+", " ", data))

    def _end_cell(self) -> None:
        if self._cell is not None:
            text = "".join(self._cell).strip()
            self._cells += self._span
            if self._cells > _CELLS:
                raise Refused("too_large", what=f"网页表格有 {self._cells:,} 格以上", limit=f"{_CELLS:,} 格")
            self.tables[-1][-1] += [text or None, *[None] * (self._span - 1)]
            self._cell = None
