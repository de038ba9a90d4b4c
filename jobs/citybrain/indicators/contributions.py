"""What each fact adds to a cube: the cube's own SQL, not summed, on DuckDB over the lake.

A cube is written for Spark. What sqlglot does not translate (LATERAL VIEW, inline, exists, get, arrays_overlap) is
rewritten here; a cube that still does not run on DuckDB is asked of Spark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from citybrain import duck, lake
from citybrain.contracts import Contract
from citybrain.runner.sources import source_of

Node = Any  # sqlglot's nodes: its own types are not complete enough to be of use here


class UntranslatableError(ValueError):
    """The cube's SQL does not run on DuckDB."""


def view(db: duckdb.DuckDBPyConnection, cube: Contract, version: int | None, only: str = "") -> None:
    """Makes ``contributions``: the fact's key, the cube's columns, measures in their declared types.

    ``only``: SQL behind FROM that chooses among the facts.
    """
    (fact,) = cube.inputs
    db.execute(f"CREATE OR REPLACE TEMP VIEW {fact.split('.')[1]} AS SELECT * FROM {duck.scan(fact, version)} {only}")
    typed = ", ".join(f"CAST({m.name} AS {m.sql_type}) AS {m.name}" for m in cube.measures if m.name != "row_count")
    try:
        text = query_of(cube)
        if text is None:
            raise UntranslatableError(f"{cube.table} is not written in SQL")
        db.execute(f"CREATE OR REPLACE TEMP VIEW contributions AS SELECT * REPLACE ({typed}) FROM ({text})")
        db.execute("SELECT * FROM contributions LIMIT 0")
    except (sqlglot.errors.SqlglotError, duckdb.Error) as error:
        raise UntranslatableError(f"{cube.table}: {error}") from error


def by_spark(db: duckdb.DuckDBPyConnection, cube: Contract, version: int, condition: str) -> None:
    """The same by Spark, for the rows that meet ``condition``."""
    from citybrain import engine
    from citybrain.runner.transform import contributions

    (fact,) = cube.inputs
    session = engine.session()
    rows = contributions(cube, {fact: engine.read(session, lake.table_uri(fact), version)}).filter(condition)
    db.register("contributions", rows.toArrow())


def query_of(table: Contract) -> str | None:
    """The table's SQL, for DuckDB; None where it is not written in SQL."""
    source = source_of(table)
    return to_duckdb(source.read_text(encoding="utf-8")) if source.suffix == ".sql" else None


def to_duckdb(text: str) -> str:
    """Spark SQL as DuckDB SQL."""
    tree = sqlglot.parse_one(text, read="spark").transform(_function)
    for select in list(tree.find_all(exp.Select)):
        views = [lateral for lateral in select.args.get("laterals") or [] if lateral.args.get("view")]
        if views:
            select.set("laterals", [])
            for lateral in views:
                select.append("joins", _joined(lateral))
    translated: str = tree.sql(dialect="duckdb")
    return translated


def _function(node: Node) -> Node:
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    if isinstance(node, exp.Inline):
        return _parsed("unnest({}, recursive := true)", node.this)
    if isinstance(node, exp.Exists) and isinstance(node.expression, exp.Lambda):
        return _parsed("len(list_filter({}, {})) > 0", node.this, node.expression)
    if name == "arrays_overlap":
        return _parsed("list_has_any({}, {})", *node.expressions)
    if name == "get":
        return (
            _parsed("({})[{}]", *node.expressions) if _in_lambda(node) else _parsed("({})[{} + 1]", *node.expressions)
        )
    return node


def _in_lambda(node: Node) -> bool:
    """DuckDB counts a lambda's positions from 1, Spark from 0; so do their lists, and the two cancel out."""
    return node.find_ancestor(exp.Lambda) is not None


def _parsed(template: str, *parts: Node) -> Node:
    texts = [part.transform(_function).sql(dialect="duckdb") for part in parts]
    return sqlglot.parse_one(template.format(*texts), read="duckdb")


def _joined(lateral: exp.Lateral) -> Node:
    """LATERAL VIEW stack | inline | explode … AS columns, as a lateral join."""
    function, columns = lateral.this, ", ".join(c.name for c in lateral.args["alias"].columns)
    makers: dict[type[Node], Callable[[Node], str]] = {
        exp.Stack: _stacked,
        exp.Explode: lambda f: f"SELECT unnest({f.this.sql(dialect='duckdb')})",
    }
    make = makers.get(type(function), lambda f: f"SELECT {f.sql(dialect='duckdb')}")
    statement = f"SELECT * FROM x CROSS JOIN LATERAL ({make(function)}) AS _view({columns})"
    join: Node = sqlglot.parse_one(statement, read="duckdb").args["joins"][0]
    return join


def _stacked(function: Node) -> str:
    values = [value.sql(dialect="duckdb") for value in function.expressions]
    width = len(values) // int(function.this.name)
    rows = [values[i : i + width] for i in range(0, len(values), width)]
    return "VALUES " + ", ".join(f"({', '.join(row)})" for row in rows)
