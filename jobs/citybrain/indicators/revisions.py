"""Every time a number was published, and why it was published again.

Two publications stand on versions of cubes, these on versions of facts, these on versions of bronze. The facts that
count differently for the number, followed to bronze on both sides, name the deliveries that came or were taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from citybrain import contracts, duck, serve
from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.indicators import contributions
from citybrain.indicators.answer import IndicatorAnswer, number, plain
from citybrain.indicators.bronze import BronzeRow
from citybrain.indicators.model import Figure
from citybrain.indicators.registry import JOURNAL, registry
from citybrain.indicators.trace import Walk, input_versions, origins, period_sql, within_sql
from citybrain.runner import state
from citybrain.runner.state import State

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLEANED = "所依据的旧版已清理，不能逐行比较"
FACTS_AT_MOST = 100  # changed facts of a figure that are followed to their deliveries


@dataclass(frozen=True)
class Cause:
    """A delivery that came (新到) or was taken back (撤回) between two publications and moved the number."""

    kind: str
    title: str
    receipt: str
    file: str
    received_at: str


@dataclass(frozen=True)
class Revision:
    """One publication of a number; the first one needs no reason."""

    revision: int
    published_at: datetime
    period_end: date
    as_of: date
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    reasons: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = plain(asdict(self))
        return document

    def lines(self, show: Callable[[float | None], str]) -> Iterator[str]:
        """For people; ``show`` writes the value as the indicator is printed."""
        parts = f"分子 {number(self.numerator)} · 分母 {number(self.denominator)} · 截至 {self.as_of}"
        yield f"· 第 {self.revision} 次，{self.published_at:%Y-%m-%d %H:%M:%S}：{show(self.value)}（{parts}）"
        yield from (f"    {reason}" for reason in self.reasons)
        yield from (f"    {c.kind} {c.title} {c.file}（回执 {c.receipt}，{c.received_at} 收到）" for c in self.causes)


def revisions(answer: IndicatorAnswer) -> tuple[Revision, ...]:
    """All publications of the answer's number, oldest first; none where it was never published."""
    said = list(_published(answer))
    stands = _states()
    with duck.open_lake() as db:
        walk = Walk(db, contracts.load(), FACTS_AT_MOST)
        stood = [(one, _at(stands, one)) for one in said]
        later = [_explained(walk, answer, old, new) for old, new in pairwise(stood)]
    return tuple([*said[:1], *later])


def _published(answer: IndicatorAnswer) -> Iterator[Revision]:
    cell = {name: getattr(answer, name) for name in ("indicator_id", "variant", "area_code", "period_kind", "period")}
    with serve.connect(answer.file) as db:
        found = db.execute(
            "SELECT revision, epoch_us(published_at), period_end, as_of, numerator, denominator, value "
            f"FROM {JOURNAL} WHERE {' AND '.join(f'{k} = {literal(v)}' for k, v in cell.items())} ORDER BY revision"
        ).fetchall()
    for revision, published, *rest in found:
        yield Revision(revision, datetime.fromtimestamp(published / 1e6, SHANGHAI), *rest)


def _states() -> list[tuple[datetime, State]]:
    """When the journal was committed and what it stood on then, oldest first."""
    newest = state.pin(JOURNAL).version
    kept = state.commits(JOURNAL, newest, newest + 1) if newest >= 0 else []
    return [
        (datetime.fromtimestamp(entry["timestamp"] / 1e3, SHANGHAI), said)
        for entry in reversed(kept)
        if (said := State.from_json(entry.get("userMetadata")))
    ]


def _at(stands: list[tuple[datetime, State]], revision: Revision) -> State | None:
    """A revision is computed just before the commit that holds it."""
    return next((said for committed, said in stands if committed >= revision.published_at), None)


def _explained(
    walk: Walk, answer: IndicatorAnswer, old: tuple[Revision, State | None], new: tuple[Revision, State | None]
) -> Revision:
    (before, stood), (after, stands) = old, new
    reasons = [f"数据时间由 {before.as_of} 到 {after.as_of}"] if before.as_of != after.as_of else []
    if stood is None or stands is None:
        return replace(after, reasons=(*reasons, CLEANED))
    if stood.fingerprint != stands.fingerprint:
        reasons.append("指标的定义或算法有变")
    causes: dict[Cause, None] = {}
    for name in registry().variant(answer.indicator_id, answer.variant).figures:
        figure = registry().figures[name]
        reason, found = _moved(walk, figure, _side(answer, before, stood, figure), _side(answer, after, stands, figure))
        reasons += [reason] if reason and reason not in reasons else []
        causes |= dict.fromkeys(found)
    return replace(after, reasons=tuple(reasons) or ("上游表重算",), causes=tuple(causes))


@dataclass(frozen=True)
class _Side:
    """What a figure stood on in one publication: the version of its facts, None where there were none yet."""

    facts: int | None
    within: str  # which rows of the cube, or of what facts add to it
    days: str  # the days of these alone


def _side(answer: IndicatorAnswer, said: Revision, stands: State, figure: Figure) -> _Side:
    cube = stands.inputs.get(figure.table)
    fact = contracts.load()[figure.table].inputs[0]
    version = input_versions(figure.table, cube.version).get(fact) if cube and cube.id else None
    then = replace(answer, period_end=said.period_end, as_of=said.as_of)
    return _Side(version, within_sql(figure, then), period_sql(figure, then))


def _moved(walk: Walk, figure: Figure, old: _Side, new: _Side) -> tuple[str, list[Cause]]:
    """Why this figure differs, and by which deliveries; nothing where its facts are the same."""
    cube = walk.tables[figure.table]
    fact = walk.tables[cube.inputs[0]]
    if old.facts == new.facts:
        return "", []
    if any(side.facts is not None and walk.readable(fact.table, side.facts) is None for side in (old, new)):
        return CLEANED, []
    for name, side in (("_before", old), ("_after", new)):
        walk.db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {_counted(walk, figure, cube, fact, side)}")
    key = ", ".join(fact.key)
    keys = walk.db.execute(
        f"SELECT DISTINCT {key} FROM ((FROM _before EXCEPT ALL FROM _after) UNION ALL "
        "(FROM _after EXCEPT ALL FROM _before)) ORDER BY ALL"
    ).fetchall()
    if not keys:
        return "", []
    then, now = (_delivered(walk, fact, side.facts, keys) for side in (old, new))
    causes = [_cause("新到", row) for row in now if row not in then]
    causes += [_cause("撤回", row) for row in then if row not in now]
    return f"{fact.title}有 {len(keys):,} 行变动", list(dict.fromkeys(causes))


def _counted(walk: Walk, figure: Figure, cube: Contract, fact: Contract, side: _Side) -> str:
    """SQL: what each fact adds to the figure; of a table that is no cube, the facts of the period as they are."""
    if cube.build == "cube":
        names = ", ".join(dict.fromkeys((*fact.key, figure.date, figure.sum)))
        contributions.view(walk.db, cube, side.facts)
        rows = f"SELECT {names} FROM contributions WHERE {side.within} AND {figure.sum} <> 0"
    else:
        days = side.days if figure.date in fact.names else "TRUE"
        rows = f"SELECT * FROM {duck.scan(fact.table, side.facts)} WHERE {days}"
    return rows if side.facts is not None else f"{rows} LIMIT 0"


def _delivered(walk: Walk, fact: Contract, version: int | None, keys: list[tuple[Any, ...]]) -> dict[BronzeRow, None]:
    if version is None:
        return {}
    return dict.fromkeys(origins(walk, fact.table, version, fact.key, keys[:FACTS_AT_MOST]))


def _cause(kind: str, row: BronzeRow) -> Cause:
    return Cause(kind, row.title, row.receipt, row.file, row.received_at)
