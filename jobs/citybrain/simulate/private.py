"""What people write of themselves into free text, and the same text as it may be kept.

Phones and identity numbers are those of `people`; plates end in 000, cards begin with 6200 0000: nobody has them.
"""

from __future__ import annotations

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import Texts
from citybrain.simulate.worktime import Bools, Ints

TOKENS = ("〔电话〕", "〔证件〕", "〔车牌〕", "〔卡号〕")
SAID = ("，电话{}", "，身份证{}", "，车牌{}", "，卡号{}")


def plates(rng: np.random.Generator, n: int) -> Texts:
    return np.array([f"粤E{number:02d}000" for number in rng.integers(0, 100, n).tolist()], dtype=object)


def cards(rng: np.random.Generator, n: int) -> Texts:
    return np.array([f"62000000{number:011d}" for number in rng.integers(0, 10**8, n).tolist()], dtype=object)


def confide(rng: np.random.Generator, text: Texts, who: Bools) -> tuple[Texts, Texts, Ints]:
    """The texts with one to four numbers said by those of ``who``; as they may be kept; how many places differ."""
    n = int(who.sum())
    numbers = (people.phones(rng, n), people.id_numbers(rng, n), plates(rng, n), cards(rng, n))
    first, said, kept = rng.integers(0, 4, n), text.copy(), text.copy()
    count = np.zeros(len(text), np.int64)
    count[who] = rng.integers(1, 5, n)
    rows = np.flatnonzero(who).tolist()
    for place, row in enumerate(rows):
        for kind in sorted((int(first[place]) + k) % 4 for k in range(int(count[row]))):
            said[row] += SAID[kind].format(numbers[kind][place])
            kept[row] += SAID[kind].format(TOKENS[kind])
    return said, kept, count
