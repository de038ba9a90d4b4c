"""The catalogue of what can be wrong with a delivery: ``expectations/dirt.yaml``."""

from __future__ import annotations

from functools import cache

import pydantic

from citybrain.contracts.load import ROOT, read_yaml, validated
from citybrain.contracts.model import Fixer, Severity
from citybrain.ingest.outcome import Issue, Model

GRAVEST_FIRST: tuple[Severity, ...] = ("block", "warn", "note")


class DirtKind(Model):
    """One of the 34 ways in which a delivery arrives dirty."""

    dirt: str
    name: str
    example: str
    message: str
    hint: str


class Entry(Model):
    """What is told of one thing that is wrong: how bad it is, who has to act, what to do."""

    dirt: str | None
    name: str
    severity: Severity
    fix: Fixer
    message: str
    hint: str


class DirtRule(Entry):
    """One kind of finding that ingest raises."""

    rule: str


class Mark(Entry):
    """A way in which a value was read although it was not written as agreed."""

    dirt: str
    severity: Severity = "note"
    fix: Fixer = "department"


class Flag(Entry):
    """What is seen only in silver, between rows and tables."""

    flag: str


class _Catalogue(Model):
    kinds: tuple[DirtKind, ...]
    rules: tuple[DirtRule, ...]
    marks: tuple[Mark, ...]
    flags: tuple[Flag, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return (*self.rules, *self.marks, *self.flags)

    @pydantic.model_validator(mode="after")
    def _named_once(self) -> _Catalogue:
        known = [kind.dirt for kind in self.kinds]
        named = {entry.dirt for entry in self.entries if entry.dirt}
        if odd := named.symmetric_difference(known):
            raise ValueError(f"kinds without an entry, or entries without a kind: {sorted(odd)}")
        return self


class Chapter(Model):
    """A kind with everything that is raised, marked or flagged under it, the gravest first."""

    kind: DirtKind
    entries: tuple[Entry, ...]

    @property
    def severity(self) -> Severity:
        return self.entries[0].severity

    @property
    def fix(self) -> Fixer:
        return self.entries[0].fix


@cache
def _catalogue() -> _Catalogue:
    path = ROOT / "expectations" / "dirt.yaml"
    node, document = read_yaml(path)
    return validated(_Catalogue, document, path, node)


@cache
def dirt_rules() -> dict[str, DirtRule]:
    return {rule.rule: rule for rule in _catalogue().rules}


def name_of(rule: str, message: str) -> str:
    """What a finding is called: by the catalogue; of a rule between columns it is the first sentence of its message."""
    known = dirt_rules().get(rule)
    return known.name if known else message.partition("。")[0]


@cache
def dirt_marks() -> dict[str, Mark]:
    return {mark.dirt: mark for mark in _catalogue().marks}


@cache
def dirt_flags() -> dict[str, Flag]:
    return {flag.flag: flag for flag in _catalogue().flags}


@cache
def dirt_kinds() -> dict[str, DirtKind]:
    return {kind.dirt: kind for kind in _catalogue().kinds}


def chapters() -> tuple[Chapter, ...]:
    """The whole catalogue by kind, for people."""
    found = _catalogue()
    gravest_first = sorted(found.entries, key=lambda entry: GRAVEST_FIRST.index(entry.severity))
    return tuple(
        Chapter(kind=kind, entries=tuple(e for e in gravest_first if e.dirt == kind.dirt)) for kind in found.kinds
    )


def of_no_kind() -> tuple[Entry, ...]:
    """What is none of the 34 kinds: an empty file, a value that is missing, a code that fits nowhere."""
    return tuple(entry for entry in _catalogue().entries if entry.dirt is None)


def file_issue(rule: str, **facts: object) -> Issue:
    """A finding about the file; ``facts`` fill the message, and text, title, row and sheet are kept as well."""
    known = dirt_rules()[rule]
    kept = {name: facts[name] for name in ("text", "header", "column", "row", "cell", "sheet") if name in facts}
    message = f"{known.message.format(**facts)}。{known.hint}。"
    return Issue.model_validate(
        {"rule": rule, "dirt": known.dirt, "severity": known.severity, "fix": known.fix, "message": message, **kept}
    )
