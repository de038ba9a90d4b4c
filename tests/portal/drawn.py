"""Small deliveries, each of its own content."""

from __future__ import annotations

import itertools

from tests.ingest.pictures import csv_bytes

_number = itertools.count(1)


def events(good: int = 2, bad: int = 1, encoding: str = "utf-8", first: int | None = None) -> bytes:
    """A flow of one work order that no other test has: good rows, then some with a day that there is not."""
    order = f"NH20260908{first or next(_number):06d}"
    lines = ["工单编号 | 序号 | 环节 | 到达时间"]
    lines += [f"{order} | {i} | 受理 | 2026-09-08 09:{i % 60:02d}:00" for i in range(1, good + 1)]
    lines += [f"{order} | {i} | 派遣 | 2026-02-30" for i in range(good + 1, good + bad + 1)]
    return csv_bytes("\n".join(lines), encoding)
