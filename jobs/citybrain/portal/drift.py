"""How the form of a delivery differs from that of the last one of its table."""

from __future__ import annotations

from dataclasses import dataclass

from citybrain.contracts import Contract
from citybrain.ingest.header import simple
from citybrain.ingest.outcome import Column, Counts, Detected, Outcome

SWING = 0.3  # share by which the number of rows may differ before it is worth a look


@dataclass(frozen=True)
class Mapped:
    """A column of the file: what it became, and what is new about it."""

    column: Column
    title: str | None
    change: str | None


@dataclass(frozen=True)
class Drift:
    columns: tuple[Mapped, ...]
    gone: tuple[str, ...]  # headers of the last delivery that this one lacks
    moved: bool  # the same columns in another order
    form: tuple[str, ...]  # kind, encoding, sheet: was → is
    rows: str | None

    @property
    def changes(self) -> tuple[str, ...]:
        """All that is different, a sentence each."""
        gone = (f"少了列：{'、'.join(self.gone)}",) if self.gone else ()
        moved = ("列的顺序变了（不影响入库）",) if self.moved else ()
        columns = tuple(f"“{m.column.header}”{m.change}" for m in self.columns if m.change)
        return (*([self.rows] if self.rows else ()), *self.form, *gone, *moved, *columns)


def compare(contract: Contract, outcome: Outcome, last: Detected | None, counts: Counts | None) -> Drift:
    """``last``, ``counts``: of the delivery that was loaded before, if there was one."""
    new = outcome.detected
    assert new
    titles = {f.name: f.title for f in contract.fields}
    columns = tuple(Mapped(c, titles.get(c.field or ""), _change(c, last)) for c in new.columns)
    if last is None:
        return Drift(columns, (), False, (), None)
    here = {simple(c.header) for c in new.columns} | {c.field for c in new.columns if c.field}
    gone = tuple(c.header for c in last.columns if c.header and simple(c.header) not in here and c.field not in here)
    common = [[c.field for c in d.columns if c.field] for d in (last, new)]
    moved = common[0] != common[1] and sorted(common[0]) == sorted(common[1])
    return Drift(columns, gone, moved, tuple(_form(last, new)), _rows(outcome, counts))


def _change(column: Column, last: Detected | None) -> str | None:
    if last is None or not column.header:
        return None
    same = next((c for c in last.columns if simple(c.header) == simple(column.header)), None)
    if same is None:
        before = next((c.header for c in last.columns if c.field and c.field == column.field), None)
        return f"上次叫“{before}”" if before else "新增的列"
    return None if same.field == column.field else "对应的字段与上次不同"


def _form(last: Detected, new: Detected) -> list[str]:
    known = {"kind": "文件格式", "encoding": "编码", "delimiter": "分隔符", "sheet": "工作表", "unit_row": "单位行"}
    pairs = [(title, getattr(last, name), getattr(new, name)) for name, title in known.items()]
    return [f"{title}：上次 {was or '无'}，这次 {now or '无'}" for title, was, now in pairs if was != now]


def _rows(outcome: Outcome, counts: Counts | None) -> str | None:
    now, before = outcome.counts["delivered"], counts.delivered if counts else 0
    if not before or abs(now - before) <= SWING * before:
        return None
    return f"这次 {now:,} 行，上次 {before:,} 行，{'多' if now > before else '少'}了 {abs(now - before) / before:.0%}"
