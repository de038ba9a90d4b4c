"""The catalogue of what can be wrong with a delivery: ``expectations/dirt.yaml``."""

from __future__ import annotations

from functools import cache
from typing import Literal

from citybrain.contracts.load import ROOT, read_yaml, validated
from citybrain.contracts.model import Severity
from citybrain.ingest.outcome import Issue, Model


class DirtRule(Model):
    """One kind of finding, and what the sender is told."""

    rule: str
    dirt: str | None
    name: str
    severity: Severity
    fix: Literal["department", "bureau"]
    message: str
    hint: str


class Mark(Model):
    """A way in which a value was read although it was not written as agreed."""

    dirt: str
    name: str
    message: str
    hint: str


class _Catalogue(Model):
    rules: tuple[DirtRule, ...]
    marks: tuple[Mark, ...]


@cache
def _catalogue() -> _Catalogue:
    path = ROOT / "expectations" / "dirt.yaml"
    node, document = read_yaml(path)
    return validated(_Catalogue, document, path, node)


@cache
def dirt_rules() -> dict[str, DirtRule]:
    return {rule.rule: rule for rule in _catalogue().rules}


@cache
def dirt_marks() -> dict[str, Mark]:
    return {mark.dirt: mark for mark in _catalogue().marks}


def file_issue(rule: str, **facts: object) -> Issue:
    """A finding about the file; ``facts`` fill the message, and text, title, row and sheet are kept as well."""
    known = dirt_rules()[rule]
    kept = {name: facts[name] for name in ("text", "header", "column", "row", "cell", "sheet") if name in facts}
    message = f"{known.message.format(**facts)}。{known.hint}。"
    return Issue.model_validate(
        {"rule": rule, "dirt": known.dirt, "severity": known.severity, "fix": known.fix, "message": message, **kept}
    )
