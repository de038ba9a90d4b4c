"""Where the rows of a few keys stand, as a condition by which files, row groups and pages are passed over.

A join tells a reader nothing before it has read every key. The keys of a day are few: most are new and stand close
together, some are scattered over years. The condition names the stretches between the widest gaps.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from citybrain.contracts import Contract
from citybrain.runner import state
from citybrain.runner.state import Pin

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LARGE = 2_000_000  # rows; a smaller table is read whole sooner than a long condition is planned
KEYS = 50_000  # more are everywhere
STRETCHES = 128  # in a plan that reads; more cost more to plan than they pass over: decision 0017
IN_MERGE = 32  # which plans its condition several times
_SIGNIFICANT = 32  # bytes of a text that tell how far it is from another


def pays(table: str, pin: Pin) -> bool:
    """Whether a table is so large that its rows are looked for rather than read through."""
    return pin.id is not None and state.rows(table, pin.version) >= LARGE


def column(contract: Contract) -> str | None:
    """Of a table's key the column by which its rows are looked for: of a cube the first day, of a table built by keys
    the first. None: such a table is written anew as a whole."""
    if contract.build == "cube":
        return next((name for name in contract.key if contract.field(name).type == "date"), None)
    return contract.key[0] if contract.build == "merge" else None


def of_table(contract: Contract, pin: Pin, keys: DataFrame) -> str | None:
    """SQL: true of every row of a table whose key is among ``keys``, if looking for them pays there."""
    name = column(contract)
    return condition(keys, name) if name and pays(contract.table, pin) else None


def of_merge(contract: Contract, pin: Pin, keys: DataFrame) -> str | None:
    """The same for a MERGE, in which the table is ``t``."""
    name = column(contract)
    return condition(keys, name, "t.", IN_MERGE) if name and pays(contract.table, pin) else None


def condition(keys: DataFrame, column: str, prefix: str = "", most: int = STRETCHES) -> str | None:
    """SQL: true of every row whose column is in ``keys``, and of others in between.

    None where it would pass over nothing: too many keys, a key that is null, a type that has no distances.
    """
    found = [row[0] for row in keys.select(column).distinct().limit(KEYS + 1).collect()]
    if len(found) > KEYS or not all(isinstance(value, str | date | int) for value in found):
        return None
    return within(f"{prefix}`{column}`", stretches(found, most))


def within(name: str, cut: list[tuple[Any, Any]]) -> str:
    """SQL: whether a value lies in one of the stretches, which are in order. By halves: a row is compared with the ends
    of few of them, and a reader still sees ranges."""
    if not cut:
        return "false"
    if len(cut) == 1:
        return f"{name} BETWEEN {_literal(cut[0][0])} AND {_literal(cut[0][1])}"
    half = len(cut) // 2
    middle, low, high = _literal(cut[half][0]), within(name, cut[:half]), within(name, cut[half:])
    return f"(({name} < {middle} AND {low}) OR ({name} >= {middle} AND {high}))"


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
