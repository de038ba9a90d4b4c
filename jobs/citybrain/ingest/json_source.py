"""JSON: a list of objects, an object that holds one, an object a line, or the answers of an API one after the other.

An object is a row; the keys of all objects, in the order in which they appear, are the header and stand in row 1. The
row of a feature of GeoJSON (RFC 7946) is its properties with its geometry, as JSON, in a column of that name. What is
pulled from an API is kept as it was answered, as a JSON text sequence (RFC 7464). Its first text may say where in
each answer the rows are and what their keys are called in the contract: ``{"rows": "data.records", "columns": {…}}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from citybrain.ingest.outcome import Model, Refused
from citybrain.ingest.sniff import text_encoding
from citybrain.ingest.source import Segment, segment_of

SEPARATOR = "\x1e"
WHOLE = 64 << 20  # characters of a text that is not a sequence: it is read as a whole
KEYS = 2_000  # each becomes a column
_BLOCK = 1 << 20
_BATCH = 20_000


class Head(Model):
    """What the first text of a sequence may say of the others."""

    rows: str | None = None
    columns: dict[str, str] = {}  # noqa: RUF012  (pydantic copies defaults)


class JsonSource:
    """The rows of all texts in a file; of each text no more than one is in memory."""

    sheet: str | None = None
    delimiter: str | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self.encoding: str | None = text_encoding(path)
        self._keys = self._all_keys()

    def preview(self, count: int) -> list[list[str | None]]:
        return [list(self._keys), *(self._cells(row) for row in islice(self._objects(), max(count - 1, 0)))]

    def segments(self, width: int, first: int) -> Iterator[Segment]:
        header = {key: key for key in self._keys}
        numbered = islice(enumerate(chain([header], self._objects()), 1), max(first - 1, 0), None)
        while batch := list(islice(numbered, _BATCH)):
            rows = [(self._cells(row) + [None] * width)[:width] for _, row in batch]
            yield Segment(segment_of(rows, [number for number, _ in batch], width))

    def _all_keys(self) -> list[str]:
        keys: dict[str, None] = {}
        for row in self._objects():
            keys |= dict.fromkeys(row)
            if len(keys) > KEYS:
                raise Refused("too_large", what=f"对象有 {len(keys):,} 种以上的键", limit=f"{KEYS:,} 种")
        return list(keys)

    def _cells(self, row: Mapping[str, Any]) -> list[str | None]:
        return [cell_text(row.get(key)) for key in self._keys]

    def _objects(self) -> Iterator[Mapping[str, Any]]:
        found = (parsed(text, number) for number, text in enumerate(self._texts(), 1))
        first = next(found, None)
        head = _head(first)
        for value in found if head else chain([first], found):
            yield from renamed(rows_in(value, head.rows if head else None), head.columns if head else {})

    def _texts(self) -> Iterator[str]:
        with self._path.open(encoding=self.encoding, newline="") as stream:
            if stream.read(1) == SEPARATOR:
                yield from _sequence(iter(lambda: stream.read(_BLOCK), ""))
                return
            stream.seek(0)
            first = stream.readline(WHOLE)
            if first.lstrip().startswith("{") and _is_json(first):
                yield from (line for line in chain([first], stream) if line.strip())
                return
            text = first + stream.read(WHOLE + 1 - len(first))
        if len(text) > WHOLE:
            raise Refused("unknown_format", kind=f"超过 {WHOLE >> 20} MB 的 JSON 文件（请按每行一个对象导出）")
        yield text


def parsed(text: str, number: int = 1) -> Any:
    """The value of a JSON text; numbers keep the digits that they were written with. Raises Refused."""
    try:
        return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)
    except json.JSONDecodeError as error:
        said = f"第 {error.lineno} 行第 {error.colno} 个字符处不合 JSON 的写法"
    except RecursionError:
        said = "层次过多"
    raise Refused("unknown_format", kind=f"读不出的 JSON 文件（第 {number} 段，{said}）")


class Number(str):
    """A number as it was written."""

    __slots__ = ()


def rows_in(value: Any, path: str | None) -> list[Mapping[str, Any]]:
    """The objects at a path of an answer; without a path its nearest list of objects, or itself. Raises Refused."""
    rows = value if path is None else at(value, path)
    if path is None and isinstance(value, dict):
        rows = _nearest([value])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused("unknown_format", kind=f"没有对象列表的 JSON 文件{f'（应在 {path}）' if path else ''}")
    return [_feature(row) for row in rows]


def _feature(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a feature of GeoJSON its properties, and its geometry beside them; any other object as it is."""
    properties = row.get("properties")
    if row.get("type") != "Feature" or not isinstance(properties, dict):
        return row
    return {**properties, "geometry": row.get("geometry")}


def at(value: Any, path: str) -> Any:
    """What stands at ``data.records`` of a value; None where nothing does."""
    for name in filter(None, path.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def renamed(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    return ({columns.get(key, key): cell for key, cell in row.items()} for row in rows) if columns else iter(rows)


def cell_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict | list):
        return _dumped(value) if value else None
    return value or None


def _dumped(value: Any) -> str:
    """JSON again, with numbers as they were written."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_dumped(str(key))}: {_dumped(cell)}' for key, cell in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_dumped, value))}]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _nearest(level: list[dict[str, Any]]) -> list[Any]:
    """The first list of objects (or of nothing) that the fewest objects enclose; without one, the object itself."""
    outermost = level
    while level:
        inner = [cell for node in level for cell in node.values()]
        if (found := next(filter(_holds_objects, inner), None)) is not None:
            return list(found)
        level = [cell for cell in inner if isinstance(cell, dict)]
    return list(outermost)


def _holds_objects(cell: Any) -> bool:
    return isinstance(cell, list) and all(isinstance(item, dict) for item in cell)


def _head(value: Any) -> Head | None:
    try:
        return Head.model_validate(value) if isinstance(value, dict) and value.keys() <= {"rows", "columns"} else None
    except ValidationError:
        return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _sequence(blocks: Iterator[str]) -> Iterator[str]:
    """The texts between separators."""
    pending: list[str] = []
    for block in blocks:
        *ended, rest = block.split(SEPARATOR)
        for text in ended:
            yield "".join([*pending, text])
            pending = []
        pending.append(rest)
    if text := "".join(pending).strip():
        yield text
