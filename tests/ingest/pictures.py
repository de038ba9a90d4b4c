"""Small tables as text: what a department delivers, and what stands in the lake afterwards."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from inspect import cleandoc
from zoneinfo import ZoneInfo

from tests.lake import rows_of

SHANGHAI = ZoneInfo("Asia/Shanghai")


def cells(picture: str) -> list[list[str]]:
    """The cells of a drawing; a drawing may have rows of different widths."""
    lines = cleandoc(picture).splitlines()
    return [[_cell(cell) for cell in line.split("|")] for line in lines]


def _cell(text: str) -> str:
    return text.strip().replace("␣", " ").replace("⏎", "\n")


def csv_bytes(picture: str, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(cells(picture))
    return stream.getvalue().encode(encoding)


def lake(table: str, columns: str, order: str = "_row") -> str:
    """A Delta table drawn: the named columns, one line a row, aligned like the drawings in the tests."""
    names = columns.split()
    data = rows_of(table)
    key = order if data and order in data[0] else "row"
    rows = [
        [_shown(row[name]) for name in names] for row in sorted(data, key=lambda r: (r.get(key) is None, r.get(key)))
    ]
    return aligned([names, *rows])


def aligned(rows: list[list[str]]) -> str:
    """Cells joined by bars, without padding: pictures are compared after ``flat``."""
    return "\n".join(" | ".join(row).rstrip() for row in rows)


def flat(picture: str) -> str:
    """A drawing with its padding taken out."""
    return aligned([[cell.strip() for cell in line.split("|")] for line in cleandoc(picture).splitlines()])


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return " ".join(f"{item[0]}={_shown(item[1])}" if isinstance(item, tuple) else _shown(item) for item in value)
    if isinstance(value, dict):
        return ":".join(_shown(value[key]) for key in ("rule", "cell"))
    return str(value).replace("\n", "⏎")
