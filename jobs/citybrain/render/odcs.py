"""A contract in the words of the Open Data Contract Standard v3, for catalogues and partners that read that.

An export, made anew whenever it is wanted; nobody edits it. What the standard has no word for is a custom property.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    Description,
    EnumValue,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    ServiceLevelAgreementProperty,
    Synonym,
    Team,
)

from citybrain.contracts import Contract
from citybrain.contracts.model import Field, Rule

VERSION = "v3.2.0"  # of the standard
_LOGICAL = {"string": "string", "bigint": "integer", "int": "integer", "double": "number", "boolean": "boolean",
            "date": "date", "timestamp": "timestamp"}  # fmt: skip
_SEVERITY = {"block": "error", "warn": "warning", "note": "info"}


def export(declared: Iterable[Contract], out: Path) -> list[Path]:
    """Writes one ``<layer>.<name>.odcs.yaml`` a table; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for contract in declared:
        path = out / f"{contract.table}.odcs.yaml"
        path.write_text(to_odcs(contract).to_yaml(), encoding="utf-8")
        files.append(path)
    return files


def to_odcs(c: Contract) -> OpenDataContractStandard:
    return OpenDataContractStandard(
        apiVersion=VERSION,
        kind="DataContract",
        id=f"citybrain.{c.table}",
        version=f"{c.version}.0.0",
        status="active",
        name=c.title,
        domain=c.group if "__" in c.name else c.layer,
        tags=[c.layer, *([c.source] if c.source else [])],
        description=Description(purpose=c.description or c.grain, limitations="\n".join(c.warnings) or None),
        schema=[_object(c)],
        team=Team(name=c.owner),
        slaProperties=_sla(c) or None,
        customProperties=_custom(changes=_changes(c), **_making(c)),
    )


def _object(c: Contract) -> SchemaObject:
    return SchemaObject(
        name=c.name,
        physicalName=f"{c.layer}/{c.name}",
        physicalType="table",
        logicalType="object",
        businessName=c.title,
        description=c.description,
        dataGranularityDescription=c.grain,
        properties=[_property(c, f) for f in c.fields],
        quality=[_quality(r) for r in c.rules] or None,
    )


def _property(c: Contract, f: Field) -> SchemaProperty:
    options = {"pattern": f.pattern, "minimum": f.min, "maximum": f.max}
    in_key = f.name in c.key
    return SchemaProperty(
        name=f.name,
        businessName=f.title,
        description=f.description,
        logicalType=_logical(f.type),
        physicalType=f.sql_type,
        logicalTypeOptions={k: v for k, v in options.items() if v is not None} or None,
        items=_items(f.type),
        required=f.required,
        primaryKey=in_key or None,
        primaryKeyPosition=c.key.index(f.name) + 1 if in_key else None,
        partitioned=f.name in c.partition or None,
        partitionKeyPosition=c.partition.index(f.name) + 1 if f.name in c.partition else None,
        classification=f.level,
        enum=[EnumValue(value=value) for value in f.enum] if f.enum else None,
        synonyms=[Synonym(synonym=alias, locale="zh-CN") for alias in f.aliases] or None,
        examples=[f.example] if f.example else None,
        customProperties=_custom(unit=f.unit, personal=None if f.personal == "none" else f.personal, check=f.check),
    )


def _logical(kind: str) -> str:
    if kind in ("array<string>", "intervals"):
        return "array"
    return "number" if kind.startswith("decimal") else _LOGICAL["string" if kind == "text" else kind]


def _items(kind: str) -> SchemaProperty | None:
    if kind == "array<string>":
        return SchemaProperty(logicalType="string", physicalType="string")
    if kind == "intervals":
        ends = [SchemaProperty(name=n, logicalType="timestamp", physicalType="timestamp") for n in ("begin", "end")]
        return SchemaProperty(logicalType="object", properties=ends)
    return None


def _quality(r: Rule) -> DataQuality:
    """A rule counts the rows that break it, which must be none."""
    return DataQuality(
        name=r.rule,
        description=r.message,
        type="sql",
        query=f"SELECT count(*) FROM ({r.sql.strip().replace('{batch}', '${object}')})",
        mustBe=0,
        mustBeBetween=None,  # the library's model gives these two no default that mypy sees
        mustNotBeBetween=None,
        severity=_SEVERITY[r.severity],
        customProperties=_custom(fix=r.fix, dirt=r.dirt),
    )


def _sla(c: Contract) -> list[ServiceLevelAgreementProperty]:
    if not c.delivery or c.delivery.every == "once":
        return []
    return [ServiceLevelAgreementProperty(property="frequency", value=1, unit=c.delivery.every)]


def _making(c: Contract) -> dict[str, Any]:
    """How it comes about: delivered, or built of what."""
    if c.delivery:
        return {"delivery": c.delivery.model_dump(mode="json", exclude_none=True)}
    return {"build": c.build, "inputs": list(c.inputs)}


def _changes(c: Contract) -> dict[str, str] | None:
    return {str(version): why for version, why in c.changes.items()} or None


def _custom(**values: Any) -> list[CustomProperty] | None:
    given = {re.sub(r"_(\w)", lambda m: m[1].upper(), k): v for k, v in values.items() if v is not None}
    return [CustomProperty(property=name, value=value) for name, value in given.items()] or None
