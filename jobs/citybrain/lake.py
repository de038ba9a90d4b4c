"""Where things are. The lake is a URI (local disk by default); landing, inbox and serving files are local folders."""

from __future__ import annotations

import os
from pathlib import Path

from citybrain.contracts.load import ROOT


def home() -> Path:
    """``CITYBRAIN_HOME``, by default ``var/`` in the project: all that citybrain writes lies below it."""
    return Path(os.environ.get("CITYBRAIN_HOME") or ROOT / "var").resolve()


def lake_uri() -> str:
    """``CITYBRAIN_LAKE``, by default ``<home>/lake``."""
    return os.environ.get("CITYBRAIN_LAKE") or str(home() / "lake")


def table_uri(table: str) -> str:
    """Where a Delta table lies: ``<lake>/<layer>/<name>`` for ``layer.name`` (also ``quarantine.x`` and ``ops.x``)."""
    layer, name = table.split(".")
    return f"{lake_uri()}/{layer}/{name}"


def state_of(table: str) -> tuple[str, int] | None:
    """Identity and version of a Delta table: as long as they are the same its rows are; None where there is none."""
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(table_uri(table)):
        return None
    found = DeltaTable(table_uri(table))
    return str(found.metadata().id), int(found.version())


def folder(name: str) -> Path:
    """A folder below home (landing, inbox, serving, stage, locks, reports, secrets), made where it is missing."""
    path = home() / name
    path.mkdir(parents=True, exist_ok=True)
    return path
