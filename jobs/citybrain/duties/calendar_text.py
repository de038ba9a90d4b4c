"""Duties and tickets as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from citybrain.duties.owed import WORDS, Duty
from citybrain.duties.tickets import Ticket


def table(found: Sequence[Duty]) -> str:
    lines = [
        f"{d.due}  {WORDS[d.status]}  {d.owner}  {d.title}  {d.period}" + (f"  回执 {d.receipt}" if d.receipt else "")
        for d in sorted(found, key=lambda d: (d.due, d.owner, d.table))
    ]
    return "\n".join(lines) or "没有应报未报的。"


def tickets(found: Sequence[Ticket]) -> str:
    lines = [
        f"{t.due}  {t.state}  {t.acts}  {t.title}  {t.name}  {t.left:,}/{t.rows:,} 行  回执 {t.receipt}  {t.example}"
        for t in found
    ]
    return "\n".join(lines) or "没有未了结的工单。"
