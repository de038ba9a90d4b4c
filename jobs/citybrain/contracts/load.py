"""Reads every contract, with the file and line of whatever is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from citybrain.contracts.model import LAYERS, Contract, Delivery, Field, FieldSpec, Rule, Strict

ROOT = Path(__file__).parents[3]
SYSTEM_FIELDS = ("_receipt", "_load", "_file", "_sheet", "_row", "_received_at", "_marks", "_delivered")
M = TypeVar("M", bound=BaseModel)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, where it is there


class ContractError(ValueError):
    """A contract that cannot be used; the message is ``file:line: what is wrong``."""

    exit_code = 2


class _Raw(Strict):
    """A contract as it stands in its file; the table's name is the file's path."""

    title: str
    owner: str
    grain: str
    key: tuple[str, ...]
    fields: tuple[str | dict[str, dict[str, Any]], ...]
    description: str | None = None
    warnings: tuple[str, ...] = ()
    source: str | None = None
    delivery: Delivery | None = None
    inputs: tuple[str, ...] = ()
    build: str | None = None
    per: tuple[str, ...] = ()
    via: dict[str, str] = {}  # noqa: RUF012 (pydantic copies it)
    partition: tuple[str, ...] = ()
    parameters: dict[str, str | int | float] = {}  # noqa: RUF012
    version: int = 1
    changes: dict[int, str] = {}  # noqa: RUF012


class _Rules(Strict):
    rules: tuple[Rule, ...]


def folders() -> tuple[Path, ...]:
    """The project's ``schemas/`` and, over it, those of the site (``CITYBRAIN_SCHEMAS=dirA:dirB``)."""
    overlays = [Path(p) for p in os.environ.get("CITYBRAIN_SCHEMAS", "").split(":") if p]
    if missing := [str(p) for p in overlays if not p.is_dir()]:
        raise ContractError(f"CITYBRAIN_SCHEMAS names folders that do not exist: {missing}")
    return (ROOT / "schemas", *overlays)


def load(schemas: tuple[Path, ...] | None = None) -> dict[str, Contract]:
    """Every contract by table name, sorted by layer and name.

    Raises ContractError with file and line for unknown keys, unknown fields, unknown inputs or cycles.
    """
    where = schemas or folders()
    files = sorted(path for folder in (*where, *_homes_of_rules(where)) for path in folder.glob("*/*.yaml"))
    return dict(_loaded(where, tuple((path, (found := path.stat()).st_mtime_ns, found.st_size) for path in files)))


@lru_cache(maxsize=8)
def _loaded(where: tuple[Path, ...], _as_of: tuple[tuple[Path, int, int], ...]) -> dict[str, Contract]:
    """``load``, once for the files as they are."""
    vocabulary = load_vocabulary(where)
    contracts: dict[str, Contract] = {}
    for layer in LAYERS:
        for path in found(where, f"{layer}/*.yaml"):
            contract = _contract(path, layer, vocabulary, where)
            contracts[contract.table] = contract
    _check_inputs(contracts)
    return contracts


def load_vocabulary(where: tuple[Path, ...]) -> dict[str, FieldSpec]:
    vocabulary: dict[str, FieldSpec] = {}
    for path in found(where, "fields/*.yaml"):
        node, raw = read_yaml(path)
        for name, spec in raw.items():
            if name in vocabulary and path.parent.parent == where[0]:
                raise ContractError(f"{path}:{line_of(node, (name,))}: {name} is already in the vocabulary")
            vocabulary[name] = validated(FieldSpec, spec, path, node, (name,))
    return vocabulary


def found(where: tuple[Path, ...], pattern: str) -> list[Path]:
    """Files of all folders by relative path; a later folder's file replaces an earlier one's of the same name."""
    files = {path.relative_to(folder): path for folder in where for path in folder.glob(pattern)}
    return [files[name] for name in sorted(files)]


def read_yaml(path: Path) -> tuple[yaml.Node, Any]:
    text = path.read_text(encoding="utf-8")
    try:
        loader = _LOADER(text)
        node = loader.get_single_node()
        if node is None:
            raise ContractError(f"{path}:1: the file is empty")
        _refuse_repeated_keys(node, path)
        return node, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContractError(f"{path}:{line}: {error.problem}") from error


def _refuse_repeated_keys(node: yaml.Node, path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ContractError(f"{path}:{key.start_mark.line + 1}: {key.value} is given twice")
            seen.add(key.value)
            _refuse_repeated_keys(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item, path)


def line_of(node: yaml.Node, loc: tuple[Any, ...]) -> int:
    """The line of the deepest part of ``loc`` that stands in the file."""
    line = node.start_mark.line
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            match = [(k, v) for k, v in node.value if k.value == str(step)]
            if not match:
                break
            line, node = match[0][0].start_mark.line, match[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
    return line + 1


def validated(model: type[M], raw: Any, path: Path, node: yaml.Node, at: tuple[Any, ...] = ()) -> M:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        errors = error.errors()
        first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])  # a typo leaves a gap elsewhere
        what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        name = ".".join(str(s) for s in (*at, *first["loc"]))
        raise ContractError(f"{path}:{line_of(node, (*at, *first['loc']))}: {name}: {what}") from error


def _contract(path: Path, layer: str, vocabulary: dict[str, FieldSpec], where: tuple[Path, ...]) -> Contract:
    node, document = read_yaml(path)
    raw = validated(_Raw, document, path, node)
    fields = tuple(_field(entry, i, vocabulary, path, node) for i, entry in enumerate(raw.fields))
    rest = {name: getattr(raw, name) for name in raw.model_fields_set if name != "fields"}
    rules = _rules(where, layer, path.stem)
    try:
        return Contract(table=f"{layer}.{path.stem}", fields=fields, rules=rules, **rest)
    except ValidationError as error:
        raise ContractError(f"{path}:1: {error.errors()[0]['msg']}") from error


def _field(entry: str | dict[str, Any], i: int, vocabulary: dict[str, FieldSpec], path: Path, node: yaml.Node) -> Field:
    name, override = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
    optional, name = name.endswith("?"), name.removesuffix("?")
    line = line_of(node, ("fields", i))
    if isinstance(entry, dict) and len(entry) != 1:
        raise ContractError(f"{path}:{line}: one field an entry, here are {sorted(entry)}")
    if name not in vocabulary and not {"type", "title"} <= set(override):
        raise ContractError(
            f"{path}:{line}: {name} is not in schemas/fields; add it there (type, title) or spell it so"
        )
    base = vocabulary[name].model_dump(exclude_unset=True) if name in vocabulary else {}
    if optional:
        override = {**override, "required": False}
    return validated(Field, {"name": name, **base, **override}, path, node, ("fields", i))


def _rules(where: tuple[Path, ...], layer: str, name: str) -> tuple[Rule, ...]:
    """Rules between columns and of the table."""
    path = path_of_rules(where, layer, name)
    if path is None:
        return ()
    node, document = read_yaml(path)
    return validated(_Rules, document, path, node).rules


def path_of_rules(where: tuple[Path, ...], layer: str, name: str) -> Path | None:
    """``expectations/<layer>/<name>.yaml`` beside each schemas folder; a later folder's replaces an earlier one's."""
    files = [home / layer / f"{name}.yaml" for home in _homes_of_rules(where)]
    return next((f for f in reversed(files) if f.exists()), None)


def _homes_of_rules(where: tuple[Path, ...]) -> tuple[Path, ...]:
    return (ROOT / "expectations", *(folder / "expectations" for folder in where[1:]))


def _check_inputs(contracts: dict[str, Contract]) -> None:
    for contract in contracts.values():
        for name in contract.inputs:
            if name not in contracts:
                raise ContractError(f"{contract.table}: input {name} has no contract")
            if LAYERS.index(contracts[name].layer) > LAYERS.index(contract.layer):
                raise ContractError(f"{contract.table}: input {name} lies downstream")
        if stray := set(contract.via) - set(contract.inputs):
            raise ContractError(f"{contract.table}: via names {sorted(stray)}, which are not inputs")
        for name in contract.inputs:
            if _loses_track(contract, contracts[name], contracts):
                raise ContractError(
                    f"{contract.table}: a later snapshot of {name} takes the place of rows without changing them, so "
                    f"that a refresh would miss them; build: replace, or read beside it a lookup of which receipt "
                    f"stands (made from {name}, with a column receipt), which has all built anew"
                )
    in_order(contracts)


def _loses_track(contract: Contract, source: Contract, contracts: dict[str, Contract]) -> bool:
    """Whether a table follows snapshots row by row and reads nothing beside that changes with the receipt that stands
    (a changed lookup has the table built in full)."""
    if not (source.delivery and source.delivery.mode == "snapshot" and contract.follows(source)):
        return False
    lookups = [contracts[n] for n in contract.inputs if n not in contract.via and not contract.follows(contracts[n])]
    return not any(source.table in known.inputs and "receipt" in known.names for known in lookups)


def in_order(contracts: dict[str, Contract]) -> list[Contract]:
    """Contracts so that inputs come first; raises ContractError on a cycle."""
    done: dict[str, Contract] = {}

    def visit(table: str, trail: tuple[str, ...]) -> None:
        if table in trail:
            raise ContractError(f"tables read each other in a circle: {' → '.join((*trail, table))}")
        if table not in done:
            for name in contracts[table].inputs:
                visit(name, (*trail, table))
            done[table] = contracts[table]

    for table in contracts:
        visit(table, ())
    return list(done.values())


def downstream(contracts: dict[str, Contract], tables: set[str]) -> Iterator[Contract]:
    """Every built table that reads one of ``tables``, directly or through others, inputs first."""
    reached = set(tables)
    for contract in in_order(contracts):
        if reached & set(contract.inputs):
            reached.add(contract.table)
            yield contract
