"""Names made comparable, for matching alone: what is stored and shown is the name as it was delivered."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "〔〕［］【】"
_NARROW = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)) + "()()()"


def match_name(name: Column) -> Column:
    """The name without blanks and dots, in half width, with one kind of bracket, in lower case."""
    return F.lower(F.regexp_replace(F.translate(name, _WIDE, _NARROW), r"[\s\x{3000}\x{A0}·•・]+", ""))
