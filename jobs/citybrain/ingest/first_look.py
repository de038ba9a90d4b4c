"""What is seen of a segment without a query, while DuckDB judges the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citybrain.contracts import Field
from citybrain.ingest import glance
from citybrain.ingest.compile import Compiled
from citybrain.ingest.repeats import Hashes
from citybrain.ingest.source import Ragged, Segment, condensed, encoded

_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Glance:
    """A segment with dictionaries for columns of few texts."""

    rows: pa.Table
    ragged: tuple[Ragged, ...]
    doubts: Mapping[str, pa.Table]  # as ``doubtful`` gives them
    few: tuple[str, ...]  # columns that the first segment had dictionaries for
    hashes: Hashes  # of the cells in them


class FirstLook:
    """Looks at the segments of a file in their order."""

    def __init__(self, compiled: Compiled) -> None:
        self._fields, self._raw = compiled.fields, compiled.raw
        self._few: tuple[str, ...] | None = None

    def at(self, segment: Segment) -> Glance:
        rows = condensed(segment.rows)
        if self._few is None:
            self._few = tuple(f.name for f in rows.schema if pa.types.is_dictionary(f.type))
        doubts = doubtful(rows, self._fields, self._raw)
        return Glance(rows, segment.ragged, doubts, self._few, hashes_of_few(rows, self._few))


def doubtful(rows: pa.Table, fields: Sequence[Field], raw: Mapping[str, str]) -> dict[str, pa.Table]:
    """Column → its texts (t) of which ``cells.is_plain`` is to be asked, instead of each cell: the few that it has, or
    those that are not sure at a glance, with their rows (_row)."""
    found = {}
    for field in fields:
        column = rows[name := raw[field.name]]
        if pa.types.is_dictionary(column.type):
            found[name] = pa.table({"t": column.chunk(0).dictionary})
        elif (sure := glance.sure(column, field)) is not None and np.count_nonzero(sure) * 16 > 15 * len(sure):
            found[name] = pa.table({"t": column, "_row": rows["_row"]}).filter(pa.array(~sure))
    return found


def texts_of(columns: Mapping[str, pa.Array]) -> pa.Table:
    """The same as rows: column (c), text (t)."""
    names = [pa.repeat(pa.scalar(name), len(texts)) for name, texts in columns.items()]
    return pa.table(
        {"c": pa.chunked_array(names, pa.string()), "t": pa.chunked_array([*columns.values()], pa.string())}
    )


def with_texts(rows: pa.Table, doubts: Mapping[str, pa.Table], texts: pa.Table) -> pa.Array:
    """The numbers of the rows in which any of these of the doubtful texts (c, t) stands."""
    found = pa.array([], pa.int64())
    for name in {*texts["c"].unique().to_pylist()} & {*doubts}:
        hit = pc.is_in(doubts[name]["t"], texts.filter(pc.equal(texts["c"], name))["t"].combine_chunks())
        among = doubts[name]
        if pa.types.is_dictionary(rows[name].type):
            hit, among = hit.combine_chunks().take(rows[name].chunk(0).indices), rows
        found = pa.concat_arrays([found, among["_row"].filter(hit).combine_chunks()])
    return found


def hashes_of_few(rows: pa.Table, names: Sequence[str]) -> Hashes:
    """Of each row one hash of these cells, which have few distinct texts: each text is hashed once. It is the same for
    the same cells within a process, whether or not a column has a dictionary."""
    found = np.zeros(rows.num_rows, np.uint64)
    for name in names:
        texts = encoded(rows[name])
        of = np.fromiter((hash(text) for text in (*texts.dictionary.to_pylist(), None)), np.int64)
        found = found * _ODD + of.view(np.uint64)[texts.indices.fill_null(len(of) - 1).to_numpy()]
    return found
