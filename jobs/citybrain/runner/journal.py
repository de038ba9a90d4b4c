"""Journals: what has been published, revision by revision. Only what differs from the last revision gets a new one.

The values of indicators are thousands of small sums over cubes: a journal's transform is SQL for DuckDB, which answers
it in a second where Spark needs half a minute to plan it (infra/decisions/0007). Publishing is as for any table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from citybrain import contracts, duck
from citybrain.contracts import Contract
from citybrain.runner.plan import Plan
from citybrain.runner.state import Pin
from citybrain.runner.transform import JOURNAL_FIELDS, values_of

VALUES = ("numerator", "denominator", "value")


def stage(plan: Plan, folder: str) -> int:
    """Writes the new revisions into ``folder`` as Parquet, all of them inserts; returns how many."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with duck.open_lake() as db:
        attach(db, {plan.contract.table: plan.target, **plan.inputs})
        db.execute(f"CREATE TEMP TABLE revision_row AS {revisions(plan.contract, values_of(plan.contract))}")
        db.execute(f"COPY revision_row TO {duck.literal(str(target / 'part-0.parquet'))} (FORMAT parquet)")
        (count,) = db.execute("SELECT COUNT(*) FROM revision_row").fetchone() or (0,)
        return int(count)


def attach(db: duckdb.DuckDBPyConnection, pins: Mapping[str, Pin]) -> None:
    """The tables at their pinned versions under their own names; one that does not exist yet is empty, and so is a
    column that its contract has got since."""
    declared = {table: contracts.load()[table] for table in pins}
    there = {t: duck.scan(t, pin.version) if pin.id else _nothing(declared[t]) for t, pin in pins.items()}
    for table, rows in there.items():
        layer = declared[table].layer
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}; CREATE VIEW {table} AS SELECT * FROM {rows}")
    have = set(db.execute("SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns()").fetchall())
    for table, contract in declared.items():
        if missing := [f for f in contract.fields if (table, f.name) not in have]:
            more = ", ".join(f"CAST(NULL AS {duck.type_of(f)}) AS {f.name}" for f in missing)
            db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT *, {more} FROM {there[table]}")


def _nothing(contract: Contract) -> str:
    columns = ", ".join(f"CAST(NULL AS {duck.type_of(f)}) AS {f.name}" for f in contract.fields)
    return f"(SELECT {columns} LIMIT 0)"


def revisions(contract: Contract, values: str) -> str:
    """SQL for the rows to add: what is new or differs; what is no longer given, once, without its values."""
    body = [name for name in contract.names if name not in JOURNAL_FIELDS]
    same = " AND ".join(f"n.{k} = o.{k}" for k in contract.key)
    row = [f"IF(n.is_given, n.{name}, {'NULL' if name in VALUES else f'o.{name}'}) AS {name}" for name in body]
    old = [f"o.{name} AS old_{name}" for name in body]
    typed = [f"CAST({f.name} AS {duck.type_of(f)}) AS {f.name}" for f in contract.fields if f.name in body]
    return f"""
      WITH latest AS (
        SELECT * FROM {contract.table}
        QUALIFY ROW_NUMBER() OVER (PARTITION BY {", ".join(contract.key)} ORDER BY revision DESC) = 1
      ),
      given AS (SELECT {", ".join(typed)}, TRUE AS is_given FROM ({values})),
      side_by_side AS (
        SELECT {", ".join(row + old)}, o.revision AS old_revision FROM given AS n FULL JOIN latest AS o ON {same}
      )
      SELECT {", ".join(body)}, now() AS published_at, COALESCE(old_revision, 0) + 1 AS revision, 'insert' AS _change
      FROM side_by_side
      WHERE old_revision IS NULL
        OR ({", ".join(body)}) IS DISTINCT FROM ({", ".join(f"old_{name}" for name in body)})
    """
