"""What was fetched: how many rows, a digest of them, and how far the source has been read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from citybrain.pull import watermark
from citybrain.pull.declared import PullError, Watermark

_MODULUS = 1 << 128


def digest_of(row: Any) -> int:
    """Of one row."""
    said = json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)
    return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=16).digest(), "big")


@dataclass
class Harvest:
    """Grows as rows come; in which order they come makes no difference."""

    mark: Watermark | None
    kept: str | None
    began: datetime
    rows: int = 0
    watermark: str | None = None
    _sum: int = field(default=0, repr=False)

    def add(self, digests: Iterable[int], marks: Iterable[Any] = ()) -> None:
        digests = list(digests)
        self.rows += len(digests)
        self._sum = (self._sum + sum(digests)) % _MODULUS
        if self.mark:
            self.watermark = watermark.highest(self.mark, marks, self.watermark or self.kept, self.began)

    @property
    def digest(self) -> str:
        return f"{self._sum:032x}"

    def check(self) -> None:
        """A watermark that no row bears would never move, silently."""
        if self.mark and self.rows and self.watermark is None:
            raise PullError(f"no row has a {self.mark.kind} in {self.mark.column!r}, which is to tell what is new")


def marks_of(mark: Watermark | None, rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    return [row.get(mark.column) for row in rows] if mark else []
