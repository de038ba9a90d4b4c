"""Every time a number was published, and why it was published again.

Two publications stand on versions of cubes, these on versions of facts, these on versions of bronze. The facts that
count differently for the number, followed to bronze on both sides, name the deliveries that came or were taken back.
What was found of a restatement (a number told anew as of the same day) is written down by ``keep`` before upkeep lets
go of those versions; from then on it is read, not found again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError

from citybrain import contracts, duck, lake, ops, serve
from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.indicators import computed, contributions, restated
from citybrain.indicators.answer import IndicatorAnswer
from citybrain.indicators.bronze import BronzeRow
from citybrain.indicators.model import Figure, QuestionError
from citybrain.indicators.registry import JOURNAL, registry
from citybrain.indicators.restated import Cause, Number, Revision
from citybrain.indicators.trace import Walk, input_versions, origins, within_sql
from citybrain.runner import state
from citybrain.runner.state import State

CLEANED = "所依据的旧版已清理，不能逐行比较"
FACTS_AT_MOST = 100  # changed facts of a figure that are followed to their deliveries
AT_ONCE = 100  # explanations that are written down in one commit


def revisions(answer: IndicatorAnswer) -> tuple[Revision, ...]:
    """All publications of the answer's number, oldest first; none where it was never published."""
    number = Number.of(answer)
    with serve.connect(answer.file) as served:
        said = restated.published(served, number)
    kept = restated.kept(number, said)
    with duck.open_lake() as db:
        why = _Why(db)
        later = [kept.get(new.revision) or why.explained(number, old, new) for old, new in pairwise(said)]
    return tuple([*said[:1], *later])


def keep(seconds: float) -> tuple[int, int]:
    """Writes down why numbers were published again as of the same day, the oldest first.

    Begins no further number after ``seconds``. Gives how many publications were explained, and how many numbers wait.
    """
    began, rows, written = time.monotonic(), list[dict[str, Any]](), 0
    with serve.connect() as served, duck.open_lake() as db:
        waiting, why = restated.waiting(served), _Why(db)
        while waiting and time.monotonic() - began < seconds:
            number, wanted = waiting.pop(0)
            with suppress(QuestionError):  # no longer declared: nobody can ask for it, and upkeep must not stop at it
                for old, new in pairwise(restated.published(served, number)):
                    rows += [restated.row(number, why.explained(number, old, new))] if new.revision in wanted else []
            if len(rows) >= AT_ONCE:
                ops.append_restatements(rows)
                written, rows = written + len(rows), []
    ops.append_restatements(rows)
    return written + len(rows), len(waiting)


@dataclass(frozen=True)
class _Side:
    """What a figure stood on in one publication: versions of its table and of its facts, None where there were none."""

    cells: int | None
    facts: int | None
    within: str  # which rows of the table, or of what facts add to a cube


@dataclass(frozen=True)
class _Scope:
    """Of a number in one publication: where and when."""

    area_level: str
    area_code: str
    period_start: date
    period_end: date
    as_of: date


class _Why:
    """Explains publications. What two versions of a table differ in is found once, however many numbers ask."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self.walk = Walk(db, contracts.load(), FACTS_AT_MOST)
        self._stands = _states()
        self._versions: dict[tuple[str, int], dict[str, int]] = {}
        self._differences: dict[tuple[str, int | None, int | None, bool], str | None] = {}
        self._delivered: dict[tuple[str, int, tuple[Any, ...]], dict[BronzeRow, None]] = {}

    def explained(self, number: Number, old: Revision, new: Revision) -> Revision:
        """The publication ``new`` with what moved it since ``old``."""
        reasons = [f"数据时间由 {old.as_of} 到 {new.as_of}"] if old.as_of != new.as_of else []
        stood, stands = self._at(old), self._at(new)
        if stood is None or stands is None:
            return replace(new, reasons=(*reasons, CLEANED))
        if stood.fingerprint != stands.fingerprint:
            reasons.append("指标的定义或算法有变")
        causes: dict[Cause, None] = {}
        named = registry().indicator(number.indicator_id).source_columns
        for name in registry().variant(number.indicator_id, number.variant).figures:
            figure = registry().figures[name]
            sides = self._side(number, old, stood, figure), self._side(number, new, stands, figure)
            reason, found = self._moved(figure, named, *sides)
            reasons += [reason] if reason and reason not in reasons else []
            causes |= dict.fromkeys(found)
        return replace(new, reasons=tuple(reasons) or ("上游表重算",), causes=tuple(causes))

    def _at(self, revision: Revision) -> State | None:
        """A revision is computed just before the commit that holds it."""
        return next((said for committed, said in self._stands if committed >= revision.published_at), None)

    def _side(self, number: Number, said: Revision, stands: State, figure: Figure) -> _Side:
        cube = stands.inputs.get(figure.table)
        fact = contracts.load()[figure.table].inputs[0]
        version = self._inputs(figure.table, cube.version).get(fact) if cube and cube.id else None
        then = _Scope(number.area_level, number.area_code, number.period_start, said.period_end, said.as_of)
        return _Side(cube.version if cube and cube.id else None, version, within_sql(figure, then))

    def _inputs(self, table: str, version: int) -> dict[str, int]:
        at = (table, version)
        if at not in self._versions:
            self._versions[at] = input_versions(table, version)
        return self._versions[at]

    def _moved(self, figure: Figure, named: tuple[str, ...], old: _Side, new: _Side) -> tuple[str, list[Cause]]:
        """Why this figure differs, and by which deliveries; nothing where its facts are the same.

        ``named``: the source columns of the indicator.
        """
        cube = self.walk.tables[figure.table]
        fact = self.walk.tables[cube.inputs[0]]
        if old.facts == new.facts:
            return "", []
        differing = self._differing(cube, fact, old.facts, new.facts, computed.is_told(cube, figure.sum))
        if differing is None:
            return CLEANED, []
        try:
            before = self._counted(figure, named, old, f"{differing}_before")
            after = self._counted(figure, named, new, f"{differing}_after")
        except duckdb.Error:
            return CLEANED, []
        keys = self.walk.db.execute(
            f"SELECT DISTINCT {duck.fetched(fact, fact.key)} FROM (({before} EXCEPT ALL {after}) UNION ALL "
            f"({after} EXCEPT ALL {before})) ORDER BY ALL"
        ).fetchall()
        if not keys:
            return "", []
        then, now = (self._origins(fact, side.facts, keys) for side in (old, new))
        causes = [_cause("新到", row) for row in now if row not in then]
        causes += [_cause("撤回", row) for row in then if row not in now]
        return f"{fact.title}有 {len(keys):,} 行变动", list(dict.fromkeys(causes))

    def _differing(self, cube: Contract, fact: Contract, old: int | None, new: int | None, whole: bool) -> str | None:
        """Before and after, what those facts add that were changed in between (or all, where the table's SQL is to be
        asked): two tables of this name with ``_before`` and ``_after``. None where a version has been cleaned away."""
        at = (cube.table, old, new, whole)
        if at not in self._differences:
            name = f"differing_{len(self._differences)}"
            try:
                self.walk.db.register("changed", _changed(fact, old, new))
                for version, when in ((old, "before"), (new, "after")):
                    facts = self._facts(cube, fact, version, whole)
                    self.walk.db.execute(f"CREATE TABLE {name}_{when} AS {facts}")
                self._differences[at] = name
            except (duckdb.Error, DeltaError, OSError):
                self._differences[at] = None
        return self._differences[at]

    def _facts(self, cube: Contract, fact: Contract, version: int | None, whole: bool) -> str:
        """SQL: what the changed facts add to a cube; of a table that is no cube, these facts as they are."""
        only = "" if whole else f"SEMI JOIN changed USING ({', '.join(fact.key)})"
        if cube.build == "cube":
            contributions.view(self.walk.db, cube, version, only)
        rows = "FROM contributions" if cube.build == "cube" else f"FROM {duck.scan(fact.table, version)} {only}"
        return rows if version is not None else f"{rows} LIMIT 0"

    def _counted(self, figure: Figure, named: tuple[str, ...], side: _Side, facts: str) -> str:
        """SQL: what each of ``facts`` adds to the figure; of a table that is no cube, what its cells read of them."""
        cube = self.walk.tables[figure.table]
        fact = self.walk.tables[cube.inputs[0]]
        if cube.build == "cube":
            names = ", ".join(dict.fromkeys((*fact.key, figure.date, figure.sum)))
            return f"SELECT {names} FROM {facts} WHERE {side.within} AND {figure.sum} <> 0"
        if computed.is_told(cube, figure.sum):
            return computed.told(cube, figure.sum, facts, side.within)
        if side.cells is None or side.facts is None:
            return f"SELECT {', '.join(fact.key)}, '' AS what, '' AS said FROM {facts} LIMIT 0"
        cells = f"(FROM {duck.scan(cube.table, side.cells)} WHERE {side.within}) AS cells"
        columns = computed.shared(self.walk.db, cube, duck.scan(fact.table, side.facts), cells)
        return computed.sharing(columns, cube, facts, cells, named)

    def _origins(self, fact: Contract, version: int | None, keys: list[tuple[Any, ...]]) -> dict[BronzeRow, None]:
        """The rows of bronze behind facts."""
        if version is None:
            return {}
        at = (fact.table, version, tuple(keys[:FACTS_AT_MOST]))
        if at not in self._delivered:
            self._delivered[at] = dict.fromkeys(origins(self.walk, fact.table, version, fact.key, list(at[2])))
        return self._delivered[at]


def _changed(fact: Contract, old: int | None, new: int | None) -> pa.Table:
    """The keys of the facts that differ between two versions; all of them where there were none before."""
    table = DeltaTable(lake.table_uri(fact.table))
    if old is None or new is None:
        query = QueryBuilder().register("facts", DeltaTable(table.table_uri, version=new if old is None else old))
        return pa.table(query.execute(f"SELECT DISTINCT {', '.join(fact.key)} FROM facts").read_all())
    feed = table.load_cdf(starting_version=min(old, new) + 1, ending_version=max(old, new), columns=list(fact.key))
    return pa.table(feed).group_by(list(fact.key)).aggregate([])


def _states() -> list[tuple[datetime, State]]:
    """When the journal was committed and what it stood on then, oldest first."""
    newest = state.pin(JOURNAL).version
    kept = state.commits(JOURNAL, newest, newest + 1) if newest >= 0 else []
    return [
        (datetime.fromtimestamp(entry["timestamp"] / 1e3, SHANGHAI), said)
        for entry in reversed(kept)
        if (said := State.from_json(entry.get("userMetadata")))
    ]


def _cause(kind: str, row: BronzeRow) -> Cause:
    return Cause(kind, row.title, row.receipt, row.file, row.received_at)
