"""What stands in cells of workbooks, as text: one by one as Python has them, or whole columns in Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_NOTHING = pa.scalar(None, pa.string())
_TIMES = {dt.datetime, dt.date}
_LATEST = dt.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001  (a workbook knows no zones)
_LAST = pa.scalar(_LATEST, pa.timestamp("us"))
_EXACT = 10**15  # a whole number in a cell keeps 15 digits; what is longer has lost some


def column_texts(column: pa.Array) -> pa.Array:
    """``cell_text`` of a column of texts, truth values, numbers or moments."""
    if pa.types.is_string(column.type):
        empty = pc.equal(column, "")
        return pc.if_else(empty, _NOTHING, column) if pc.any(empty).as_py() else column
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, "是", "否")
    return _number_texts(column) if pa.types.is_floating(column.type) else _time_texts(column)


def texts(cells: Sequence[Any]) -> pa.Array:
    """``cell_text`` of many cells: at once where all of them are texts, or times."""
    kinds = set(map(type, cells))
    if kinds == {str}:
        return column_texts(pa.array(cells, pa.string()))
    if kinds & _TIMES and kinds <= _TIMES | {str} and not any(type(c) is str and c for c in cells):
        return _time_texts(pa.array([_moment(cell) if cell else None for cell in cells], pa.timestamp("us")))
    if float in kinds and kinds <= {float, str} and not any(type(c) is str and c for c in cells):
        return _number_texts(pa.array([None if cell == "" else cell for cell in cells], pa.float64()))
    return pa.array([cell_text(cell) for cell in cells], pa.string())


def _number_texts(numbers: pa.Array) -> pa.Array:
    """``_number_text`` of many: at once where Arrow writes them as Python does."""
    size = pc.abs(numbers)
    if pc.all(pc.equal(numbers, pc.trunc(numbers))).as_py() and (pc.max(size).as_py() or 0) < _EXACT:
        return numbers.cast(pa.int64()).cast(pa.string())
    far = pc.or_(pc.greater_equal(size, 1e10), pc.and_(pc.less(size, 1e-4), pc.not_equal(size, 0)))
    if not pc.any(far).as_py():
        return pc.replace_substring_regex(pc.add(numbers, 0.0).cast(pa.string()), r"\.0$", "")  # + 0: -0 is 0
    return pa.array([None if n is None else _number_text(n) for n in numbers.to_pylist()], pa.string())


def _time_texts(moments: pa.Array) -> pa.Array:
    """To the second, as ``_to_second`` says."""
    rounded = pc.add(moments.cast(pa.timestamp("us")), pa.scalar(500_000, pa.duration("us")))
    rounded = pc.min_element_wise(rounded, _LAST, skip_nulls=False)
    return pc.floor_temporal(rounded, unit="second").cast(pa.timestamp("s")).cast(pa.string())


def _moment(cell: dt.date) -> dt.datetime:
    return cell if isinstance(cell, dt.datetime) else dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001


def cell_text(cell: object) -> str | None:
    """The text that a careful clerk would copy from the cell."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        return _number_text(cell)
    if isinstance(cell, int):
        return str(cell) if abs(cell) < _EXACT else f"{cell:.14E}"
    if isinstance(cell, dt.datetime):
        return _to_second(cell).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, dt.date):
        return f"{cell:%Y-%m-%d} 00:00:00"
    if isinstance(cell, dt.time):
        return f"{_to_second(dt.datetime.combine(dt.date(2000, 1, 1), cell)):%H:%M:%S}"
    if isinstance(cell, dt.timedelta):
        return _hours_text(round(cell.total_seconds()))
    return None if cell is None else str(cell)


def _hours_text(seconds: int) -> str:
    """How long something took, as the format [h]:mm:ss shows it: a day and a half is 36:00:00."""
    minutes, rest = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60:02}:{minutes % 60:02}:{rest:02}"


def _number_text(value: float) -> str:
    if value.is_integer():
        return str(int(value)) if abs(value) < _EXACT else f"{value:.14E}"
    return repr(value)


def _to_second(moment: dt.datetime) -> dt.datetime:
    """Excel keeps a time as a fraction of a day: 09:05:00 comes back as 09:04:59.999."""
    return (min(moment, _LATEST) + dt.timedelta(milliseconds=500)).replace(microsecond=0)
