"""A lake as deliveries and the runner leave it, published as often as a test likes, at the cost of no JVM.

Silver is given; cubes and tables written in SQL are computed by their own SQL on DuckDB, the journal by its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from citybrain import duck, lake
from citybrain.indicators import contributions
from citybrain.runner import journal, state
from citybrain.runner.state import State
from citybrain.runner.transform import values_of
from tests.indicators.drawn import CONTRACTS, JOURNAL, arrow

Row = dict[str, Any]


def upsert(table: str, rows: Iterable[Row]) -> None:
    """Rows of silver by key, in place of those that have it."""
    contract = CONTRACTS[table]
    given = arrow(contract, [{"quality_flags": [], **row} for row in rows])
    if not DeltaTable.is_deltatable(lake.table_uri(table)):
        _write(table, given)
        return
    delta = DeltaTable(lake.table_uri(table))
    same = " AND ".join(f"o.{name} = n.{name}" for name in contract.key)
    merge = delta.merge(given, same, source_alias="n", target_alias="o", commit_properties=_state(table))
    merge.when_matched_update_all().when_not_matched_insert_all().execute()


def count(table: str) -> None:
    """A gold table of today's facts, by the table's own SQL."""
    contract = CONTRACTS[table]
    with duck.open_lake() as db:
        if contract.build == "cube":
            contributions.view(db, contract, None)
            keys = ", ".join(contract.key)
            sums = ", ".join("COUNT(*)::BIGINT AS row_count" if m.name == "row_count" else f"SUM({m.name}) AS {m.name}"
                             for m in contract.measures)  # fmt: skip
            sql = f"SELECT {keys}, {sums} FROM contributions GROUP BY {keys}"
        else:
            (fact,) = contract.inputs
            db.execute(f"CREATE VIEW {fact.split('.')[1]} AS FROM {duck.scan(fact)}")
            sql = contributions.query_of(contract)
        _write(table, arrow(contract, db.execute(sql).to_arrow_table().to_pylist()))


def given(table: str, rows: Iterable[Row]) -> None:
    """A gold table that no SQL computes."""
    _write(table, arrow(CONTRACTS[table], rows))


def publish() -> None:
    """Adds to the journal what differs."""
    contract = CONTRACTS[JOURNAL]
    with duck.open_lake() as db:
        journal.attach(db, {name: state.pin(name) for name in (JOURNAL, *contract.inputs)})
        added = db.execute(journal.revisions(contract, values_of(contract))).to_arrow_table().to_pylist()
    _write(JOURNAL, arrow(contract, added), "append")


def _write(table: str, rows: pa.Table, mode: Any = "overwrite") -> None:
    feed = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(lake.table_uri(table), rows, mode=mode, configuration=feed, commit_properties=_state(table))


def _state(table: str) -> CommitProperties:
    pins = {name: state.pin(name) for name in CONTRACTS[table].inputs}
    return CommitProperties(custom_metadata={"userMetadata": State("run", 1, "f", pins).to_json()})
