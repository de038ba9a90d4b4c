"""The bureau's own records, as Delta tables written by delta-rs: what ran, and what the checks found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from citybrain import lake

if TYPE_CHECKING:
    from citybrain.runner.check import Finding
    from citybrain.runner.run import Result


def append_runs(results: Sequence[Result]) -> None:
    """One row a table and run in ``ops.run``; runs that found nothing to do are not recorded."""
    import json

    rows = [
        {**asdict(r), "rows": json.dumps(r.rows), "finished_at": datetime.now(UTC)}
        for r in results
        if r.status != "unchanged" or r.extent
    ]
    _append("ops.run", rows)


def append_findings(findings: Sequence[Finding]) -> None:
    """One row an expectation and run in ``ops.check_result``."""
    _append("ops.check_result", [asdict(f) for f in findings])


def _append(table: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    import pyarrow as pa
    from deltalake import write_deltalake

    write_deltalake(lake.table_uri(table), pa.Table.from_pylist(rows), mode="append")
