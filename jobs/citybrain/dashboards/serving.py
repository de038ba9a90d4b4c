"""The serving file's tables without a row, made from the contracts: what a board may name, before any data exist."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from citybrain.contracts import Contract

# What citybrain.serve adds to the native tables of the gold contracts.
EXTRA = """
CREATE TABLE gold.indicator_current (
    indicator_id varchar, indicator_name varchar, variant varchar, variant_title varchar, is_default boolean,
    unit varchar, theme varchar, direction varchar, area_code varchar, area_name varchar, area_level varchar,
    period_kind varchar, period varchar, period_start date, period_end date, as_of date,
    numerator decimal(24, 4), denominator decimal(24, 4), value double, published_at timestamp);
"""


def empty_serving_file(db: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> None:
    db.execute("CREATE SCHEMA IF NOT EXISTS gold; CREATE SCHEMA IF NOT EXISTS meta")
    for contract in contracts.values():
        if contract.layer == "gold":
            columns = ", ".join(f'"{f.name}" {duckdb_type(f.sql_type)}' for f in contract.fields)
            db.execute(f'CREATE TABLE gold."{contract.name}" ({columns})')
    db.execute(EXTRA)


def duckdb_type(spark: str) -> str:
    return {"string": "varchar", "array<string>": "varchar[]"}.get(spark, spark)
