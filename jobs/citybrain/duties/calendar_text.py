"""Duties, tickets, receipts and scores as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from citybrain.clock import minute
from citybrain.duties.owed import WORDS, Duty
from citybrain.duties.score import Score
from citybrain.duties.tickets import Ticket
from citybrain.ingest.landing import Receipt


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


def receipts(found: Sequence[Receipt]) -> str:
    lines = []
    for r in found:
        taken = f"{r.counts.accepted:,}/{r.counts.delivered:,} 行" if r.detected else ""
        because = r.refused_because.message if r.refused_because else ""
        parts = (minute(r.received_at), r.receipt, r.status, r.table, taken, r.file)
        lines.append("  ".join(part for part in (*parts, r.sender or "", because) if part))
    return "\n".join(lines) or "还没有报送。"


def scores(found: Sequence[Score]) -> str:
    lines = [f"{_points(s.points)}  {s.owner}  {_parts(s)}" for s in found]
    return "\n".join(lines) or "还没有可以评分的报送。"


def _parts(score: Score) -> str:
    return "  ".join(f"{p.dimension} {_points(p.points).strip()}（{p.good:,}/{p.of:,}）" for p in score.parts if p.of)


def _points(points: float | None) -> str:
    return "    —" if points is None else f"{points:5.1f}"
