"""Where the rows of a few keys stand, as a condition by which files, row groups and pages are passed over.

A join tells a reader nothing before it has read every key. The keys of a day are few: most are new and stand close
together, some are scattered over years. The condition names the stretches between the widest gaps.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from citybrain.runner import state
from citybrain.runner.state import Pin

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LARGE = 2_000_000  # rows; a smaller table is read whole sooner than a long condition is planned
KEYS = 50_000  # more are everywhere
STRETCHES = 32  # a condition of n is planned in a time that grows faster than n: decision 0017
_SIGNIFICANT = 32  # bytes of a text that tell how far it is from another


def pays(table: str, pin: Pin) -> bool:
    """Whether a table is so large that its rows are looked for rather than read through."""
    return pin.id is not None and state.rows(table, pin.version) >= LARGE


def condition(keys: DataFrame, column: str, name: str | None = None) -> str | None:
    """SQL: true of every row whose ``name`` (by default the column's) is in ``keys``, and of others in between.

    None where it would pass over nothing: too many keys, a key that is null, a type that has no distances.
    """
    found = [row[0] for row in keys.select(column).distinct().limit(KEYS + 1).collect()]
    if len(found) > KEYS or not all(isinstance(value, str | date | int) for value in found):
        return None
    name = name or f"`{column}`"
    parts = [f"{name} BETWEEN {_literal(low)} AND {_literal(high)}" for low, high in stretches(found)]
    return f"({' OR '.join(parts) or 'false'})"


def stretches(values: list[Any], most: int = STRETCHES) -> list[tuple[Any, Any]]:
    """First and last of at most ``most`` groups of values, cut where the gaps are widest."""
    ordered = sorted(values)
    gaps = [_place(after) - _place(before) for before, after in pairwise(ordered)]
    widest = sorted(range(len(gaps)), key=lambda i: -gaps[i])[: most - 1]
    ends = [*sorted(widest), len(ordered) - 1] if ordered else []
    starts = [0, *(end + 1 for end in ends)]
    return [(ordered[start], ordered[end]) for start, end in zip(starts, ends, strict=False)]


def _place(value: Any) -> int:
    if isinstance(value, str):
        return int.from_bytes(value.encode("utf-8")[:_SIGNIFICANT].ljust(_SIGNIFICANT, b"\0"), "big")
    return value.toordinal() if isinstance(value, date) else int(value)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{quoted}'"
    return f"DATE '{value}'" if isinstance(value, date) else str(value)
