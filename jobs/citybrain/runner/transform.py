"""The pure part of a build: DataFrames in, one DataFrame out, held to the contract.

A table is computed in one file of its name, ``silver/work_order.py`` (a function whose parameters are the inputs'
names) or ``gold/governance__work_order_flow_daily.sql`` (Spark SQL over those names). A cube's SQL gives the
*contributions* of each fact (its key, the cube's key, the measures); summing them is the runner's.
"""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from citybrain.contracts import Contract, ContractError
from citybrain.runner.sources import source_of

JOURNAL_FIELDS = ("published_at", "revision")  # the runner's own columns in a journal


def transform(contract: Contract, inputs: Mapping[str, DataFrame]) -> DataFrame:
    """The table's rows from ``inputs`` (by full name, e.g. ``silver.town``), held to the contract."""
    if contract.build == "cube":
        return summed(contract, contributions(contract, inputs))
    return conform(_result(contract, inputs), contract)


def contributions(contract: Contract, inputs: Mapping[str, DataFrame]) -> DataFrame:
    """Of a cube: what each fact adds, with the fact's own key before the cube's columns (``row_count`` is 1 a row)."""
    return _result(contract, inputs).withColumn("row_count", F.lit(1).cast("bigint"))


def summed(contract: Contract, rows: DataFrame, sign: str | None = None) -> DataFrame:
    """Contributions added up by the cube's key; ``sign`` names a column of +1 and −1. Empty cells are left out."""
    weight = F.col(sign) if sign else F.lit(1)
    sums = [
        F.sum(F.coalesce(F.col(m.name), F.lit(0)) * weight).cast(m.sql_type).alias(m.name) for m in contract.measures
    ]
    keys = [F.col(name).cast(contract.field(name).sql_type).alias(name) for name in contract.key]
    return rows.groupBy(*keys).agg(*sums).select(*contract.names)


def conform(df: DataFrame, contract: Contract) -> DataFrame:
    """Exactly the contract's columns, in order and type. A missing column is an error, not a null."""
    if missing := sorted(set(contract.names) - set(df.columns)):
        raise ContractError(f"{contract.table}: the transform gives no {missing}")
    return df.select([F.col(f.name).cast(f.sql_type).alias(f.name) for f in contract.fields])


def values_of(journal: Contract) -> str:
    """Of a journal: DuckDB's SQL for its rows over its inputs, without the runner's own columns."""
    return str(_function(journal)())


def _function(contract: Contract) -> Callable[..., Any]:
    module = importlib.import_module(f"citybrain.{contract.layer}.{contract.name}")
    function: Callable[..., Any] = getattr(module, contract.name)
    return function


def _result(contract: Contract, inputs: Mapping[str, DataFrame]) -> DataFrame:
    by_name = {table.split(".")[1]: df for table, df in inputs.items()}
    source = source_of(contract)
    if source.suffix == ".sql":
        return sql(source.read_text(encoding="utf-8"), by_name)
    result: DataFrame = _function(contract)(**by_name)
    return result


def sql(text: str, inputs: Mapping[str, DataFrame]) -> DataFrame:
    """The query over ``inputs`` under their bare names, each bound to a view of this call's own.

    Spark Connect looks a view up when a query runs, not when it is written: a second call that registered the same name
    would change what the first one reads (a cube's old and new images would cancel each other).
    """
    bound = []
    for name, df in inputs.items():
        view = f"{name}_{uuid.uuid4().hex}"
        df.createOrReplaceTempView(view)
        bound.append(f"{name} AS (SELECT * FROM {view})")
    session: SparkSession = next(iter(inputs.values())).sparkSession
    return session.sql(f"WITH {', '.join(bound)} SELECT * FROM (\n{text}\n)")
