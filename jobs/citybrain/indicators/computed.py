"""The facts behind cells of a table that is computed from them, not added up.

A table written in SQL says by itself which facts a measure reads: those of the joined rows that its expression names,
so that the growth's change reads two months, and a share two indicators. Of any other table it is the facts that share
the cells' keys.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

import duckdb
import sqlglot
from sqlglot import exp

from citybrain import contracts
from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.indicators.contributions import Node, query_of


def is_told(table: Contract, measure: str) -> bool:
    """Whether the table's own SQL tells what the measure reads."""
    return bool(_columns_read(table.table, measure))


def told(table: Contract, measure: str, facts: str, within: str) -> str:
    """SQL: the key of each of ``facts`` that the measure reads for the cells ``within``, and what it reads there."""
    fact = contracts.load()[table.inputs[0]]
    keys = ", ".join(f"_{name} AS {name}" for name in fact.key)
    rows = [
        f"SELECT {keys}, {literal(column)} AS what, said FROM ({_with_fact(table.table, alias, column)}) "
        f"WHERE {within} AND _{fact.key[0]} IS NOT NULL"
        for alias, column in _columns_read(table.table, measure)
    ]
    return f"SELECT * FROM (WITH {fact.name} AS (FROM {facts}) {' UNION ALL '.join(rows)})"


def shared(db: duckdb.DuckDBPyConnection, table: Contract, facts: str, cells: str) -> tuple[str, ...]:
    """The columns by which ``facts`` belong to ``cells``: those of the key where any has these, else what the table is
    followed by (the district's row has no station)."""
    fact = contracts.load()[table.inputs[0]]
    key = tuple(name for name in table.key if name in fact.names)
    if key and db.execute(f"SELECT 1 FROM {facts} SEMI JOIN {cells} USING ({', '.join(key)}) LIMIT 1").fetchone():
        return key
    return table.per or key


def sharing(columns: Sequence[str], table: Contract, facts: str, cells: str, named: Collection[str]) -> str:
    """SQL: the key of each of ``facts`` that shares ``columns`` with ``cells``, and what it says.

    ``named``: source columns of the indicator; what bronze delivers besides is nothing to it.
    """
    tables = contracts.load()
    fact = tables[table.inputs[0]]
    delivered = {name for source in fact.inputs if source.startswith("bronze.") for name in tables[source].names}
    read = {*fact.key, *(column.rpartition(".")[2] for column in named)}
    said = [name for name in fact.names if name in read or name not in delivered]
    return (
        f"SELECT {', '.join(fact.key)}, '' AS what, CAST(row({', '.join(said)}) AS VARCHAR) AS said "
        f"FROM {facts} SEMI JOIN {cells} USING ({', '.join(columns)})"
    )


@cache
def _columns_read(table: str, measure: str) -> tuple[tuple[str, str], ...]:
    """The columns of facts that the measure's expression names, each with the name of its row in the join."""
    select = _select(table)
    if select is None:
        return ()
    fact = contracts.load()[contracts.load()[table].inputs[0]].name
    joined = [select.args["from_"].this, *(join.this for join in select.args.get("joins") or [])]
    rows = {source.alias_or_name for source in joined if isinstance(source, exp.Table) and source.name == fact}
    (expression,) = [e for e in select.expressions if e.alias_or_name == measure]
    read = [(column.table, column.name) for column in expression.find_all(exp.Column)]
    return tuple(dict.fromkeys(read)) if read and {alias for alias, _ in read} <= rows else ()


@cache
def _with_fact(table: str, alias: str, column: str) -> str:
    """The table's SQL, and beside each row the key of the fact called ``alias`` and what its ``column`` says."""
    fact = contracts.load()[contracts.load()[table].inputs[0]]
    more = [f"{alias}.{name} AS _{name}" for name in fact.key]
    select: Node = _select(table).select(*more, f"CAST({alias}.{column} AS VARCHAR) AS said", dialect="duckdb")
    text: str = select.sql(dialect="duckdb")
    return text


def _select(table: str) -> Node:
    """The table's SQL for DuckDB, parsed; None where it is none, or groups."""
    text = query_of(contracts.load()[table])
    tree: Node = sqlglot.parse_one(text, read="duckdb") if text else None
    return tree if isinstance(tree, exp.Select) and not tree.args.get("group") else None
