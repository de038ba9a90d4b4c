"""Units in which departments state amounts, and what one of them is in another: exactly, or not at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

# Each family by its smallest unit. Of concentrations there is none: a header copied from the neighbours is too common.
_FAMILIES: tuple[dict[str, Fraction], ...] = (
    {"元": Fraction(1), "千元": Fraction(10**3), "万元": Fraction(10**4), "百万元": Fraction(10**6),
     "亿元": Fraction(10**8)},
    {"平方米": Fraction(1), "㎡": Fraction(1), "万平方米": Fraction(10**4), "亩": Fraction(2000, 3),
     "公顷": Fraction(10**4), "平方公里": Fraction(10**6), "平方千米": Fraction(10**6), "km²": Fraction(10**6)},
    {"千瓦时": Fraction(1), "万千瓦时": Fraction(10**4), "亿千瓦时": Fraction(10**8)},
    {"人": Fraction(1), "万人": Fraction(10**4)},
    {"吨": Fraction(1), "万吨": Fraction(10**4)},
    {"秒": Fraction(1), "分钟": Fraction(60), "小时": Fraction(3600)},
)  # fmt: skip
_STATED = re.compile(r"(?:计量)?单位[:：]\s*([^\s:：()（）]+)")


def factor(given: str, wanted: str) -> Fraction | None:
    """What one of ``given`` is in ``wanted``; None where neither is the other's multiple."""
    given, wanted = spelled(given), spelled(wanted)
    if given == wanted:
        return Fraction(1)
    for family in _FAMILIES:
        known = {spelled(name): size for name, size in family.items()}
        if given in known and wanted in known:
            return known[given] / known[wanted]
    return None


def base_sizes() -> dict[str, Fraction]:
    """Every unit that is part of a family, in that family's smallest."""
    return {name: size for family in _FAMILIES for name, size in family.items()}


def spelled(unit: str) -> str:
    """One spelling: ㎡ is m2 whatever its width."""
    return "".join(unicodedata.normalize("NFKC", unit).split()).replace("ug/", "μg/")


def stated(titles: Sequence[str]) -> tuple[str, ...]:
    """The units that titles state: 单位：万元、人."""
    found = [unit for title in titles for listed in _STATED.findall(title) for unit in re.split("[、，,/]", listed)]
    return tuple(dict.fromkeys(unit for unit in found if unit))


def stated_for(unit: str, titles: Sequence[str]) -> str | None:
    """The one unit among the stated ones that can be told in ``unit``; None where there is none, or several."""
    fitting = [given for given in stated(titles) if factor(given, unit) is not None]
    return fitting[0] if len(fitting) == 1 else None
