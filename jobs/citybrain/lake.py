"""Where things are. The lake is a URI (local disk by default); landing, inbox and serving files are local folders."""

from __future__ import annotations

import os
from pathlib import Path

from citybrain.contracts.load import ROOT

_PATTERN = set("*?[]{}")  # Spark and DuckDB read a path with one of these as a pattern of paths
# What is raw, or secret, is for our own user only: folders below home, and layers of the lake.
_PRIVATE = {"inbox", "landing", "portal", "pull", "secrets", "stage"}
_RAW = {"bronze", "quarantine", "ops"}


class PlaceError(ValueError):
    """A place in which citybrain cannot keep its files; the message says why."""

    exit_code = 2


def home() -> Path:
    """``CITYBRAIN_HOME``, by default ``var/`` in the project: all that citybrain writes lies below it.

    Raises PlaceError for a path that engines would read as a pattern.
    """
    return Path(_plain(str(Path(os.environ.get("CITYBRAIN_HOME") or ROOT / "var").resolve()), "CITYBRAIN_HOME"))


def lake_uri() -> str:
    """``CITYBRAIN_LAKE``, by default ``<home>/lake``. Raises PlaceError as ``home`` does."""
    return _plain(os.environ.get("CITYBRAIN_LAKE") or str(home() / "lake"), "CITYBRAIN_LAKE")


def _plain(place: str, setting: str) -> str:
    if found := sorted(_PATTERN & set(place)):
        raise PlaceError(f"{setting}: {place} has {' '.join(found)} in it, which Spark and DuckDB read as a pattern; "
                         f"set {setting} to a path without")  # fmt: skip
    return place


def table_uri(table: str) -> str:
    """Where a Delta table lies: ``<lake>/<layer>/<name>`` for ``layer.name`` (also ``quarantine.x`` and ``ops.x``)."""
    layer, name = table.split(".")
    return f"{lake_uri()}/{layer}/{name}"


def made(table: str) -> str:
    """``table_uri``, with the folder of its layer made where it is missing."""
    uri = table_uri(table)
    if "://" not in uri:
        _made(Path(uri).parent, table.split(".")[0] in _RAW)
    return uri


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
    _made(home() / Path(name).parts[0], Path(name).parts[0] in _PRIVATE)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _made(path: Path, is_private: bool) -> None:
    """One that is there keeps its mode: a site may let others in."""
    path.mkdir(mode=0o700 if is_private else 0o777, parents=True, exist_ok=True)


def sync(path: Path) -> None:
    """Waits until a file is safe on the disk; or a folder: then the names in it are."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
