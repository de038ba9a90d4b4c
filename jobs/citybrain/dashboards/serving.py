"""The serving file without a row: what a board may name, known before any data exist."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from citybrain import duck, serve
from citybrain.contracts import Contract
from citybrain.indicators import catalogue
from citybrain.indicators.registry import Registry


def empty_serving_file(db: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], registry: Registry) -> None:
    """Tables as citybrain.serve makes them, from the same declarations; the catalogue is full, the rest empty."""
    db.execute("CREATE SCHEMA gold; CREATE SCHEMA meta")
    for contract in contracts.values():
        if contract.layer == "gold":
            columns = [(f.name, duck.type_of(f), f.title) for f in contract.fields]
            catalogue.create(db, contract.table, contract.title, columns)
    catalogue.write(db, registry, contracts)
    serve._write_versions(db, registry, dict(contracts), {})
    db.execute(serve.CURRENT)
