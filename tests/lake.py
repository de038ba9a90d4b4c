"""What a table of the lake holds now."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from citybrain.lake import table_uri


def rows_of(table: str) -> list[dict[str, Any]]:
    """All rows. Read by delta-rs itself: pyarrow's reader leaves threads that abort an interpreter on its way out."""
    query = QueryBuilder().register("t", DeltaTable(table_uri(table))).execute("SELECT * FROM t")
    rows: list[dict[str, Any]] = pa.table(query.read_all()).to_pylist()
    return rows
