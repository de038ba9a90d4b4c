"""What a contract promises may not break unsaid: today's contracts against ``published.yaml`` in their folder.

``published.yaml`` is what was promised when somebody last said `citybrain contracts publish`. A bronze table promises
to take what departments deliver; a built table promises its readers what they find. Rules that block are part of it: in
bronze a new one sends back what is taken today, in a built table one that is gone lets through what nobody had to
expect. A promise is broken by raising the contract's ``version`` and saying why under ``changes``; a table is given up
by writing ``retired: why`` into ``published.yaml``. Every table of a folder that promises anything stands there; one
that may still change freely as ``draft: why``, until the next `publish`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from citybrain.contracts.load import (
    ContractError,
    folders,
    found,
    line_of,
    load,
    path_of_rules,
    read_yaml,
    validated,
)
from citybrain.contracts.model import LAYERS, Contract, Delivery, FieldSpec, Rule, Strict

FILE = "published.yaml"
_TO_READERS = {"type", "title", "unit", "required", "enum"}
_TO_DELIVERERS = _TO_READERS | {"aliases", "values", "nulls", "pattern", "min", "max", "check", "severity"}


class Published(Strict):
    """One table as it was promised."""

    version: int = 1
    key: tuple[str, ...] = ()
    delivery: Delivery | None = None
    rules: dict[str, str | None] = {}  # noqa: RUF012  (those that block; of bronze the rows that each sends back)
    fields: dict[str, FieldSpec] = {}  # noqa: RUF012
    retired: str | None = None  # why the table is no more
    draft: str | None = None  # why nothing is promised yet


Judge = Callable[[tuple[Path, ...], dict[str, Published]], Iterator[str]]  # a chain's last folder by what it promised


@dataclass(frozen=True)
class Break:
    """One promise that today's contract does not keep; without ``field`` or ``rule`` it is about the whole table."""

    field: str | None
    what: str
    rule: str | None = None


def check(where: tuple[Path, ...] | None = None) -> int:
    """How many published tables still keep what they promised; ContractError with file, line and what to do if one
    does not, or if a table is not published. A site's folder is held to its own ``published.yaml``, if it has one."""
    chain = where or folders()
    return sum(_kept(chain[:depth], (_unpublished, _broken)) for depth in range(1, len(chain) + 1))


def publish(where: tuple[Path, ...] | None = None) -> Path:
    """Promises the tables of the last folder as they are. Raises ContractError where that breaks a promise unsaid."""
    chain = where or folders()
    _kept(chain, (_broken,))
    folder = chain[-1]
    own = _own(folder)
    retired = {table: was for table, was in read(folder).items() if was.retired}
    today = {table: _promise(c) for table, c in load(chain).items() if table in own}
    path = folder / FILE
    path.write_text(_text({**retired, **today}), encoding="utf-8")
    return path


def _kept(chain: tuple[Path, ...], judges: tuple[Judge, ...]) -> int:
    """How many tables the last folder promises; ContractError with what the judges find."""
    promised = read(chain[-1])
    if problems := [problem for judge in judges for problem in judge(chain, promised)] if promised else []:
        raise ContractError("\n".join(problems))
    return sum(not (was.retired or was.draft) for was in promised.values())


def _own(folder: Path) -> set[str]:
    """The tables of which a folder has a contract, or rules of its own."""
    homes = (folder, folder / "expectations")
    return {f"{layer}.{path.stem}" for home in homes for layer in LAYERS for path in home.glob(f"{layer}/*.yaml")}


def read(folder: Path) -> dict[str, Published]:
    path = folder / FILE
    if not path.exists():
        return {}
    node, document = read_yaml(path)
    return {table: validated(Published, raw, path, node, (table,)) for table, raw in document.items()}


def breaks(was: Published, now: Contract) -> Iterator[Break]:
    """Every promise of ``was`` that ``now`` does not keep."""
    if was.key != now.key:
        yield Break(None, f"the key was [{', '.join(was.key)}] and is [{', '.join(now.key)}]")
    if was.delivery and now.delivery:
        yield from _of_delivery(was.delivery, now.delivery)
    yield from _of_rules(was.rules, now)
    for name, old in was.fields.items():
        if name not in now.names:
            yield Break(None, f"the column {name} is gone")
        else:
            new = now.field(name)
            told = _of_deliverers(old, new) if now.layer == "bronze" else _of_readers(old, new)
            yield from (Break(name, f"{name}: {what}") for what in (*_of_all(old, new), *told))
    if now.layer == "bronze":
        for field in now.fields:
            if field.name not in was.fields and field.required:
                yield Break(field.name, f"{field.name}: a new column is required, which files of today do not have")


def _of_delivery(old: Delivery, new: Delivery) -> Iterator[Break]:
    for name in ("mode", "version", "period", "crs"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Break(None, f"delivery.{name} was {before} and is {after}")
    for name in ("format", "how"):
        if gone := [x for x in getattr(old, name) if x not in getattr(new, name)]:
            yield Break(None, f"delivery.{name} has no {', '.join(gone)} any more")
    if gone := [x for x in old.filled if x not in new.filled]:
        yield Break(None, f"in {', '.join(gone)} a blank cell no longer means the one above (delivery.filled)")
    if new.series and new.series != old.series:
        yield Break(None, f"tables are compared as a series by {', '.join(new.series)} and may be refused for it")


def _of_rules(old: dict[str, str | None], now: Contract) -> Iterator[Break]:
    """In bronze what was taken is not sent back; in what is built, what could not be there is not."""
    new = _blocking(now)
    if now.layer != "bronze":
        for name in sorted(set(old) - set(new)):
            yield Break(None, f"the rule {name} no longer blocks: readers may find what it kept from them", name)
        return
    for name, rows in new.items():
        if name not in old:
            yield Break(None, f"the rule {name} sends back (block) rows that were taken: {rows}", name)
        elif rows != old[name]:
            yield Break(None, f"the rule {name} sends back rows with {rows}, and did with {old[name]}", name)


def _blocking(c: Contract) -> dict[str, str | None]:
    return {r.rule: _rows(r) if c.layer == "bronze" else None for r in c.rules if r.severity == "block"}


def _rows(rule: Rule) -> str:
    return " ".join((rule.where or "").split())


def _of_all(old: FieldSpec, new: FieldSpec) -> Iterator[str]:
    if _stored(old.type) != _stored(new.type):
        yield f"the type was {old.type} and is {new.type}"
    if old.unit != new.unit:
        yield f"the unit was {old.unit} and is {new.unit}"
    if new.enum and (gone := [v for v in old.enum or () if v not in new.enum]):
        yield f"the values {', '.join(gone)} are gone"


def _of_deliverers(old: FieldSpec, new: FieldSpec) -> Iterator[str]:
    """What a department delivers today must be taken tomorrow, and mean the same."""
    if new.required and not old.required:
        yield "it is required and was not"
    if new.enum and not old.enum:
        yield "it takes only listed values, and took any"
    if new.pattern and new.pattern != old.pattern:
        yield f"the pattern is {new.pattern} and was {old.pattern or 'none'}"
    if new.min is not None and (old.min is None or new.min > old.min):
        yield f"the least value is {new.min:g} and was {'none' if old.min is None else f'{old.min:g}'}"
    if new.max is not None and (old.max is None or new.max < old.max):
        yield f"the greatest value is {new.max:g} and was {'none' if old.max is None else f'{old.max:g}'}"
    if new.check and new.check != old.check:
        yield f"its check digit is verified ({new.check}) and was not"
    if new.severity == "block" != old.severity and (new.enum or new.pattern or new.check or _ranged(new)):
        yield f"a value that breaks its rule is sent back (block) and was taken ({old.severity})"
    if gone := sorted({old.title, *old.aliases} - {new.title, *new.aliases}):
        yield f"it is no longer found under the headers {', '.join(gone)}"
    if gone := sorted(k for k, v in old.values.items() if new.values.get(k) != v and k not in (new.enum or ())):
        yield f"the spellings {', '.join(gone)} are no longer read as they were"
    if gone := sorted(set(old.nulls) - set(new.nulls)):
        yield f"{', '.join(gone)} no longer means empty"


def _of_readers(old: FieldSpec, new: FieldSpec) -> Iterator[str]:
    """What a reader relies on today must hold tomorrow."""
    if old.required and not new.required:
        yield "it may be null and could not"


def _ranged(field: FieldSpec) -> bool:
    return field.min is not None or field.max is not None


def _stored(kind: str) -> str:
    return "string" if kind == "text" else kind  # a text is a string that is redacted on its way


def _unpublished(chain: tuple[Path, ...], promised: dict[str, Published]) -> Iterator[str]:
    declared = load(chain)
    for table in sorted(_own(chain[-1]) - set(promised)):
        yield (
            f"{_file(chain, declared[table])}:1: {table} promises nothing yet. Say `citybrain contracts publish` or, "
            f"while it may still change freely, write `{table}: {{draft: <why>}}` into {chain[-1] / FILE}"
        )


def _broken(chain: tuple[Path, ...], promised: dict[str, Published]) -> Iterator[str]:
    folder, declared = chain[-1], load(chain)
    for table, was in promised.items():
        if was.retired or was.draft:
            continue
        if table not in declared:
            node, _ = read_yaml(folder / FILE)
            yield (
                f"{folder / FILE}:{line_of(node, (table,))}: {table} was published and has no contract any more; "
                "bring it back, or write `retired: <why>` here"
            )
            continue
        now = declared[table]
        path = _file(chain, now)
        if now.version < was.version:
            yield f"{path}:{_line(path, 'version')}: {table} was published as version {was.version}, not {now.version}"
        elif now.version == was.version:
            for broken in breaks(was, now):
                yield f"{_place(chain, now, broken)}: {broken.what}; {_way_out(was.version)}"


def _way_out(version: int) -> str:
    return (
        f"version {version} promised otherwise. Keep it (an addition would do), or say `version: {version + 1}` and "
        f"`changes: {{{version + 1}: <why, and what those concerned have to do>}}`"
    )


def _file(chain: tuple[Path, ...], c: Contract) -> Path:
    return found(chain, f"{c.layer}/{c.name}.yaml")[0]


def _place(chain: tuple[Path, ...], now: Contract, broken: Break) -> str:
    """File and line of what breaks a promise."""
    rules = [r.rule for r in now.rules]
    if broken.rule in rules and (path := path_of_rules(chain, now.layer, now.name)):
        return f"{path}:{line_of(read_yaml(path)[0], ('rules', rules.index(broken.rule)))}"
    path = _file(chain, now)
    return f"{path}:{_line(path, broken.field)}"


def _line(path: Path, name: str | None) -> int:
    """Where the contract speaks of a field, or of a key of its own; else its first line."""
    node, document = read_yaml(path)
    for i, entry in enumerate(document["fields"]):
        if name and (entry if isinstance(entry, str) else next(iter(entry))).removesuffix("?") == name:
            return line_of(node, ("fields", i))
    return line_of(node, (name,)) if name in document else 1


def _promise(c: Contract) -> Published:
    said = _TO_DELIVERERS if c.layer == "bronze" else _TO_READERS
    fields = {f.name: FieldSpec(**f.model_dump(include=said, exclude_defaults=True)) for f in c.fields}
    return Published(version=c.version, key=c.key, delivery=c.delivery, rules=_blocking(c), fields=fields)


def _text(tables: dict[str, Published]) -> str:
    lines = [
        "# What was promised last, written by `citybrain contracts publish` (infra/decisions/0012).",
        "# Edited only to give up a table (`retired: <why>`) or to add one that may change (`draft: <why>`).",
    ]
    for table, promise in sorted(tables.items()):
        content = promise.model_dump(mode="json", exclude_defaults=True)
        fields = content.pop("fields")
        lines += [f"{table}:", *(f"  {k}: {_flow(v)}" for k, v in content.items()), "  fields:"]
        lines += [f"    {name}: {_flow(spec)}" for name, spec in fields.items()]
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6)
    return str(text).removesuffix("\n...\n").removesuffix("\n")
