"""What a department tells row by row, and beside each row what a perfect pipeline makes of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from citybrain.simulate.city import Texts
from citybrain.simulate.dirt import Batch
from citybrain.simulate.plan import Span
from citybrain.simulate.worktime import Bools, Ints


class Told(NamedTuple):
    """Rows to be delivered, and what each is to become."""

    batch: Batch
    clean: pa.Table  # row by row as the cleaned table has it
    rank: Ints  # of the rows about one thing the highest stands

    def standing(self, known: Bools) -> pa.Table:
        """Of each thing the row that stands, among those that are known; in the order of things."""
        rows = np.flatnonzero(known)
        ranked = rows[np.lexsort((self.rank[rows], self.batch.owner[rows]))]
        owner = self.batch.owner[ranked]
        return self.clean.take(ranked[np.append(owner[1:] != owner[:-1], True)] if len(ranked) else ranked)


def flag_lists(n: int, flags: dict[str, Bools]) -> pa.Array:
    """quality_flags of n rows: the names whose condition holds, sorted."""
    names = sorted(flags)
    held = [[name for name in names if flags[name][row]] for row in range(n)]
    return pa.array(held, pa.list_(pa.string()))


def instants(t: Ints) -> pa.Array:
    """Wall-clock times of Shanghai; null where negative."""
    return pa.array(t * 1_000_000, pa.timestamp("us"), mask=t < 0) if len(t) else pa.array([], pa.timestamp("us"))


def exports(span: Span, table: str, begun: Ints, ended: Ints) -> tuple[Ints, Ints, Ints]:
    """What stands in the file of the period in which it began and, if it ended later, in that of its end: which thing
    each row is about, the period, and the instant up to which the row tells."""
    first, last = span.slot(table, begun), span.slot(table, np.maximum(begun, ended))
    again = np.flatnonzero(last > first)
    slot = np.concatenate([first, last[again]])
    return np.concatenate([np.arange(len(begun)), again]), slot, span.periods(table)[slot]


def strings(values: Texts) -> pa.Array:
    return pa.array(values, pa.string())
