"""DuckDB over the lake: how it is opened, what its types are called, how a Delta table is read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import duckdb

from citybrain import lake
from citybrain.contracts.load import ROOT
from citybrain.contracts.model import Contract, Field

_TYPES = {"string": "varchar", "timestamp": "timestamptz", "array<string>": "varchar[]"}


def extensions() -> dict[str, Any]:
    """Settings for our own copies of DuckDB's extensions; nothing is downloaded."""
    folder = os.environ.get("CITYBRAIN_DUCKDB_EXTENSIONS") or str(ROOT / ".venvs" / "duckdb_extensions")
    return {"extension_directory": folder, "autoinstall_known_extensions": "false"}


def open_lake() -> duckdb.DuckDBPyConnection:
    """In memory; reads the lake; a date of an instant is Shanghai's."""
    db = duckdb.connect(config=extensions())
    db.execute("LOAD delta; SET TimeZone = 'Asia/Shanghai'")
    return db


def scan(table: str, version: int | None = None) -> str:
    """SQL: a Delta table of the lake, at a version or the newest."""
    pinned = f", version => {version}" if version is not None else ""
    return f"delta_scan({literal(lake.table_uri(table))}{pinned})"


def type_of(field: Field) -> str:
    return _TYPES.get(field.sql_type, field.sql_type)


def fetched(table: Contract, names: Iterable[str]) -> str:
    """SQL: columns to be fetched as plain values; an instant as text, for DuckDB would need pytz to hand it over."""
    instants = {f.name: f"CAST({f.name} AS VARCHAR) AS {f.name}" for f in table.fields if f.type == "timestamp"}
    return ", ".join(instants.get(name, name) for name in names)


def literal(value: Any) -> str:
    """The value as DuckDB writes it."""
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if value is None or isinstance(value, bool | int):
        return "NULL" if value is None else str(value)
    return "'" + str(value).replace("'", "''") + "'"
