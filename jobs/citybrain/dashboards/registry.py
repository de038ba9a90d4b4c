"""What the boards need to know of the indicators: names, units, and the definition (口径) in words."""

from __future__ import annotations

from dataclasses import dataclass

from citybrain.indicators import registry as indicators
from citybrain.indicators.model import Indicator, Variant, terms
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


def named(of: Registry | None = None) -> dict[str, Named]:
    """Every variant of every indicator, by key."""
    registry = of or indicators.registry()
    return {one.key: one for one in (_named(registry, i, v) for i, v in registry.variants())}


def _named(registry: Registry, indicator: Indicator, variant: Variant) -> Named:
    words = (formula(registry, variant), indicator.description, variant.description)
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


def formula(registry: Registry, variant: Variant) -> str:
    """The numerator over the denominator in the figures' Chinese titles."""
    if variant.percentile:
        return f"{registry.figures[variant.percentile.of].title}的第 {variant.percentile.percent} 百分位数"
    above, below = (_sum(registry, e) for e in (variant.numerator, variant.denominator))
    return f"{above} ÷ {below}" if below else above


def _sum(registry: Registry, expression: str | None) -> str:
    if not expression:
        return ""
    parts = [f"{'−' if sign < 0 else '+'} {registry.figures[name].title}" for sign, name in terms(expression)]
    text = " ".join(parts).removeprefix("+ ")
    return f"（{text}）" if len(parts) > 1 else text
