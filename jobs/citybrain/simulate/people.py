"""Persons and firms that do not exist, with numbers that pass their checks.

Identity numbers follow GB 11643 (check digit MOD 11-2) with the serial 000, which is given to nobody; unified credit
codes follow GB 32100. Phones are 199 0000 xxxx. Names end in a celestial stem: 陈某甲.
"""

from __future__ import annotations

import numpy as np

from citybrain.simulate.city import Texts
from citybrain.simulate.worktime import Bools, Ints

SURNAMES = "陈李黄何梁吴关麦潘冯罗霍区邓刘杨张林谭叶"
STEMS = "甲乙丙丁戊己庚辛壬癸"
REGIONS = ("440605", "440604", "440606", "440607", "440608", "441802", "450403")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
BIRTHS = np.datetime_as_string(np.arange("1945-01-01", "2006-01-01", dtype="datetime64[D]"))


def names(rng: np.random.Generator, n: int) -> Texts:
    table = np.array([f"{surname}某{stem}" for surname in SURNAMES for stem in STEMS], dtype=object)
    return np.asarray(table[rng.integers(0, len(table), n)])


def phones(rng: np.random.Generator, n: int) -> Texts:
    return np.array([f"1990000{number:04d}" for number in rng.integers(0, 10_000, n).tolist()], dtype=object)


def id_numbers(rng: np.random.Generator, n: int) -> Texts:
    """Valid numbers: region, birthday, serial 000, check digit."""
    regions = rng.integers(0, len(REGIONS), n).tolist()
    births = BIRTHS[rng.integers(0, len(BIRTHS), n)].tolist()
    return np.array(
        [_identity(REGIONS[r] + b.replace("-", "") + "000") for r, b in zip(regions, births, strict=True)], dtype=object
    )


def _identity(body: str) -> str:
    return body + ID_CHECKS[sum(int(c) * w for c, w in zip(body, ID_WEIGHTS, strict=True)) % 11]


def credit_codes(rng: np.random.Generator, n: int) -> Texts:
    """Valid codes of firms (91) whose organisation part begins with MA0000."""
    return np.array(
        [credit_code(f"91440605MA0000{number:03d}") for number in rng.integers(0, 1000, n).tolist()], dtype=object
    )


def credit_code(body: str) -> str:
    """The seventeen characters with their check character (GB 32100)."""
    total = sum(CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + CREDIT_ALPHABET[(31 - total % 31) % 31]


def some(values: Texts, mask: Bools) -> Texts:
    """The values where `mask` holds, else null."""
    result = values.copy()
    result[~mask] = None
    return result


def either(mask: Bools, yes: str, no: str) -> Texts:
    result = np.full(len(mask), no, dtype=object)
    result[mask] = yes
    return result


def stamps(t: Ints) -> Texts:
    """Instants as departments write them, 2026-03-01 09:05:00; null where negative."""
    if not len(t):
        return np.empty(0, dtype=object)
    chars = np.datetime_as_string(np.maximum(t, 0).astype("datetime64[s]")).view(np.uint32).reshape(len(t), -1)
    chars[:, 10] = ord(" ")
    text = chars.view(f"U{chars.shape[1]}").ravel().astype(object)
    text[t < 0] = None
    return np.asarray(text, dtype=object)
