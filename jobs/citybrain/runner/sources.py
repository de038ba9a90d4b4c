"""Where a table's transform stands, and the fingerprint of all that it is computed by. Needs no Spark."""

from __future__ import annotations

import ast
import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from citybrain import contracts
from citybrain.contracts import Contract, ContractError

PACKAGE = Path(__file__).parents[1]
_FRAME: tuple[list[str], ...] = (
    ["contracts"],
    ["lake"],
    ["engine"],
    ["runner"],
    [],
)  # shared by every table; a change there is not a change of one


def source_of(contract: Contract) -> Path:
    """The one file that computes the table: ``<layer>/<name>.sql`` or ``.py``."""
    candidates = [PACKAGE / contract.layer / f"{contract.name}{ending}" for ending in (".sql", ".py")]
    present = [path for path in candidates if path.exists()]
    if len(present) != 1:
        names = [str(path.relative_to(PACKAGE)) for path in candidates]
        raise ContractError(f"{contract.table}: expected exactly one of {names}, found {len(present)}")
    return present[0]


def fingerprint(contract: Contract) -> str:
    """Of the contract with its rules and parameters, of how its inputs are read, of the transform and of what that
    imports from citybrain.

    A module may add what it reads besides (``fingerprint() -> str``): the indicator registry, the planes of a site.
    """
    digest = hashlib.sha256(contract.model_dump_json().encode())
    for name in contract.inputs:
        if delivery := contracts.load()[name].delivery:
            digest.update(f"{name} {delivery.mode} {delivery.period}".encode())
    for path in sorted(_closure(source_of(contract), set())):
        digest.update(text := path.read_bytes())
        if path.suffix == ".py" and b"\ndef fingerprint(" in text:
            digest.update(_module(path).fingerprint().encode())
    return digest.hexdigest()[:16]


def _module(path: Path) -> Any:
    return importlib.import_module(".".join(["citybrain", *path.relative_to(PACKAGE).with_suffix("").parts]))


def _closure(path: Path, seen: set[Path]) -> set[Path]:
    """The file and the modules of citybrain that it imports, but for the frame that every table shares."""
    seen.add(path)
    if path.suffix == ".py":
        for name in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            parts = name.split(".")[1:]
            for candidate in (PACKAGE.joinpath(*parts).with_suffix(".py"), PACKAGE.joinpath(*parts, "__init__.py")):
                if parts[:1] not in _FRAME and candidate.is_file() and candidate not in seen:
                    _closure(candidate, seen)
    return seen


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "citybrain":
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "citybrain")
