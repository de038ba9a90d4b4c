"""What the boards need to know of the indicators: names, units, and the definition (口径) in words."""

from __future__ import annotations

from dataclasses import dataclass

from citybrain.indicators import catalogue
from citybrain.indicators.model import Indicator, Variant
from citybrain.indicators.registry import Registry


@dataclass(frozen=True)
class Named:
    """One variant of one indicator, as charts name it: WO08 is the default variant, WO08.due_carry another."""

    key: str
    indicator: str
    variant: str
    title: str
    unit: str
    decimals: int
    definition: str
    owner: str


def named(registry: Registry) -> dict[str, Named]:
    """Every variant of every indicator, by key."""
    return {one.key: one for one in (_named(registry, i, v) for i, v in registry.variants())}


def _named(registry: Registry, indicator: Indicator, variant: Variant) -> Named:
    words = (catalogue.formula(registry, variant), catalogue.described(indicator, variant))
    return Named(
        key=indicator.id if variant.id == indicator.default else f"{indicator.id}.{variant.id}",
        indicator=indicator.id,
        variant=variant.id,
        title=variant.title if len(indicator.variants) > 1 else indicator.name,
        unit=variant.unit,
        decimals=variant.rounding,
        definition="。".join(w for w in words if w),
        owner=indicator.owner,
    )
