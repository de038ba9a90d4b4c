"""Rows that are cell for cell the same as an earlier one of the file, told by two hashes of their cells."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather

Hashes = npt.NDArray[np.uint64]


class Seen:
    """Remembers the rows of a file: of each a hash in memory, and in the stage what is asked if one comes again."""

    def __init__(self, stage: Path) -> None:
        self._stage = stage
        self._runs: list[Hashes] = []  # sorted, each less than half of the one before
        self._parts: list[Path] = []

    def take(self, rows: pa.Table) -> pa.Table:
        """Of the next rows (h1, h2, _row) those that came before: _row, and the number of the first as ``kept``."""
        hashes = np.sort(rows["h1"].to_numpy())
        before = np.concatenate([hashes[:0], *(hashes[_are_in(run, hashes)] for run in self._runs)])
        again = pa.array(np.concatenate([before, hashes[1:][hashes[1:] == hashes[:-1]]]))
        parts = itertools.chain([rows] if len(again) else [], map(_read, self._parts if len(before) else []))
        candidates = [part.filter(pc.is_in(part["h1"], again)) for part in parts]
        if len(hashes):
            self._remember(hashes, rows)
        if not candidates:
            return pa.table({"_row": pa.array([], pa.int64()), "kept": pa.array([], pa.int64())})
        firsts = pa.concat_tables(candidates).group_by(["h1", "h2"]).aggregate([("_row", "min")])
        found = candidates[0].join(firsts, ["h1", "h2"])
        found = found.filter(pc.greater(found["_row"], found["_row_min"]))
        return pa.table({"_row": found["_row"], "kept": found["_row_min"]})

    def _remember(self, hashes: Hashes, rows: pa.Table) -> None:
        self._parts.append(self._stage / f"seen-{len(self._parts)}.arrow")
        feather.write_feather(rows, str(self._parts[-1]), compression="uncompressed")
        self._runs.append(hashes)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            merged = np.concatenate([self._runs.pop(), self._runs.pop()])
            merged.sort()
            self._runs.append(merged)


def _read(part: Path) -> pa.Table:
    return feather.read_table(part, memory_map=False)


def _are_in(run: Hashes, hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which of the hashes are in the run; both are sorted, the run is not empty."""
    at = np.searchsorted(run, hashes)
    found: npt.NDArray[np.bool_] = run[np.minimum(at, len(run) - 1)] == hashes
    return found
