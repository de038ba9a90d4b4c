"""From a number back to what departments delivered: cells of cubes, facts, rows of bronze, receipts, cells of files.

Every step is asked of the versions that the answer stands on; where such a version has been cleaned away, of the
newest, and the trace says so. Names, numbers and addresses of people are masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from citybrain import contracts, duck, lake, serve
from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.indicators import bronze, computed, contributions
from citybrain.indicators.answer import IndicatorAnswer, Scope, plain
from citybrain.indicators.bronze import BronzeRow, ReceiptNote
from citybrain.indicators.compile import condition_sql
from citybrain.indicators.model import AREA_COLUMNS, AREA_LEVELS, Figure
from citybrain.indicators.registry import registry

Values = dict[str, Any]


@dataclass(frozen=True)
class FigureTrace:
    """One figure of the formula: the cells that it adds up and the facts behind them."""

    figure: str
    title: str
    table: str
    measure: str
    amount: Decimal
    cell_count: int
    cells: tuple[Values, ...]
    fact_table: str
    fact_count: int
    contributed: Decimal | None  # by the facts of a cube; a table that is no cube is computed, not added up
    facts: tuple[Values, ...]
    note: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether what the facts add is what the cube says."""
        return self.contributed is None or self.amount == self.contributed


@dataclass(frozen=True)
class Trace:
    figures: tuple[FigureTrace, ...]
    rows: tuple[BronzeRow, ...]
    receipts: tuple[ReceiptNote, ...]
    limit: int
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        return "\n".join(_lines(self))

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = plain(asdict(self))
        return document


@dataclass
class Walk:
    """The lake as it is asked: one in-memory DuckDB, and which version of which table."""

    db: duckdb.DuckDBPyConnection
    tables: dict[str, Contract]
    limit: int
    notes: list[str] = field(default_factory=list)

    def rows(self, sql: str) -> list[Values]:
        cursor = self.db.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def follows(self, contract: Contract, name: str) -> bool:
        """Whether rows of this input are found through the contract's ``per`` keys (other inputs are lookups)."""
        from deltalake import DeltaTable

        held = set(contract.per) <= set(self.tables[name].names)
        return held and DeltaTable.is_deltatable(lake.table_uri(name))

    def readable(self, table: str, version: int | None) -> int | None:
        """The version if it is still there, else None (the newest), with a note."""
        if version is not None:
            try:
                self.db.execute(f"SELECT * FROM {duck.scan(table, version)} LIMIT 0")
            except duckdb.Error:
                self.notes.append(f"{table} 第 {version} 版已清理，以下按最新版追溯")
                return None
        return version


def trace(answer: IndicatorAnswer, limit: int) -> Trace:
    """At most ``limit`` cells and facts of each figure, and the rows and receipts behind those facts."""
    declared, tables = registry(), contracts.load()
    variant = declared.variant(answer.indicator_id, answer.variant)
    with serve.connect(answer.file) as cubes, duck.open_lake() as db:
        walk = Walk(db, tables, limit)
        figures: list[FigureTrace] = []
        rows: list[BronzeRow] = []
        for name in variant.figures:
            found, behind = _figure(walk, cubes, declared.figures[name], answer)
            figures.append(found)
            rows += [row for row in behind if row not in rows]
    receipts = tuple(bronze.receipts(rows))
    unread = sorted({row.receipt for row in rows} - {note.receipt for note in receipts})
    walk.notes += [f"回执 {number} 读不出，报送单位和列的位置不明" for number in unread]
    wanted = declared.indicator(answer.indicator_id).source_columns
    located = tuple(bronze.with_cells(row, tables[row.table], receipts, wanted) for row in rows)
    return Trace(tuple(figures), located, receipts, limit, tuple(dict.fromkeys(walk.notes)))


@dataclass(frozen=True)
class _Facts:
    """The rows behind a figure: how many, the first of them, what they add to it (None where it is no sum)."""

    count: int
    rows: list[Values]
    contributed: Decimal | None
    note: str | None


def _figure(
    walk: Walk, cubes: duckdb.DuckDBPyConnection, figure: Figure, answer: IndicatorAnswer
) -> tuple[FigureTrace, list[BronzeRow]]:
    table = walk.tables[figure.table]
    fact = walk.tables[table.inputs[0]]
    version = next((s.version for s in answer.sources if s.table == figure.table), None)
    cell_count, amount, cells = _cells(cubes, figure, answer, walk.limit)
    pinned = walk.readable(fact.table, input_versions(figure.table, version).get(fact.table))
    if table.build == "cube":
        found = _added(walk, figure, answer, pinned)
    else:
        found = _computed(walk, cubes, figure, answer, pinned)
    trace = FigureTrace(
        figure=figure.id,
        title=figure.title,
        table=figure.table,
        measure=figure.sum,
        amount=amount,
        cell_count=cell_count,
        cells=tuple(cells),
        fact_table=fact.table,
        fact_count=found.count,
        contributed=found.contributed,
        facts=tuple(found.rows),
        note=found.note,
    )
    keys = sorted({tuple(row[k] for k in fact.key) for row in found.rows})
    return trace, list(origins(walk, fact.table, pinned, fact.key, keys)) if keys else []


def _added(walk: Walk, figure: Figure, answer: IndicatorAnswer, version: int | None) -> _Facts:
    """Of a cube: the facts that add to its cells."""
    cube, note = walk.tables[figure.table], None
    fact = walk.tables[cube.inputs[0]]
    try:
        contributions.view(walk.db, cube, version)
    except contributions.UntranslatableError as error:
        note = f"由 Spark 计算贡献：{error}"
        newest = version if version is not None else input_versions(figure.table, None).get(fact.table, 0)
        contributions.by_spark(walk.db, cube, newest, within_sql(figure, answer, spark=True))
    within = f"FROM contributions WHERE {within_sql(figure, answer)} AND {figure.sum} <> 0"
    (total,) = walk.rows(f"SELECT COUNT(*) AS n, COALESCE(SUM({figure.sum}), 0) AS amount {within}")
    rows = walk.rows(f"SELECT * {within} ORDER BY {', '.join((figure.date, *fact.key))} LIMIT {walk.limit}")
    return _Facts(total["n"], rows, Decimal(total["amount"]), note)


def _computed(
    walk: Walk, cubes: duckdb.DuckDBPyConnection, figure: Figure, answer: IndicatorAnswer, version: int | None
) -> _Facts:
    """Of a table that is no cube: the rows of its input that the cells are computed from."""
    table = walk.tables[figure.table]
    fact = walk.tables[table.inputs[0]]
    facts, within = duck.scan(fact.table, version), within_sql(figure, answer)
    if computed.is_told(table, figure.sum):
        read, how = computed.told(table, figure.sum, facts, within), ""
    else:
        keys = ", ".join(dict.fromkeys((*table.key, *table.per)))
        found = cubes.execute(f"SELECT DISTINCT {keys} FROM {figure.table} WHERE {within} AND {figure.sum} <> 0")
        walk.db.register("cells", found.to_arrow_table())
        columns = computed.shared(walk.db, table, facts, "cells")
        read = computed.sharing(columns, table, facts, "cells", ())
        how = f"按{'、'.join(table.field(name).title for name in columns)}对应的行；"
    chosen = f"FROM {facts} SEMI JOIN ({read}) USING ({', '.join(fact.key)})"
    (counted,) = walk.rows(f"SELECT COUNT(*) AS n {chosen}")
    rows = walk.rows(
        f"SELECT {duck.fetched(fact, fact.names)} {chosen} ORDER BY {', '.join(fact.key)} LIMIT {walk.limit}"
    )
    return _Facts(counted["n"], rows, None, f"{how}{table.title}由它们算出，不是相加")


def _cells(
    cubes: duckdb.DuckDBPyConnection, figure: Figure, answer: IndicatorAnswer, limit: int
) -> tuple[int, Decimal, list[Values]]:
    within = f"FROM {figure.table} WHERE {within_sql(figure, answer)} AND {figure.sum} <> 0"
    count, amount = cubes.execute(f"SELECT COUNT(*), COALESCE(SUM({figure.sum}), 0) {within}").fetchone() or (0, 0)
    cursor = cubes.execute(f"SELECT * {within} ORDER BY ALL LIMIT {limit}")
    names = [column[0] for column in cursor.description or ()]
    return count, Decimal(amount), [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def within_sql(figure: Figure, answer: Scope, spark: bool = False) -> str:
    """The rows of the cube, or of its contributions, that the figure adds up for this answer."""
    conditions = [period_sql(figure, answer)]
    if figure.where:
        conditions.append(f"({figure.where if spark else condition_sql(figure.where)})")
    if figure.known:
        conditions.append(f"{figure.known} <= DATE '{answer.as_of}'")
    grain = next(g for g, level in AREA_LEVELS.items() if level == answer.area_level)
    if grain in AREA_COLUMNS:
        conditions.append(f"{AREA_COLUMNS[grain]} = {literal(answer.area_code)}")
    return " AND ".join(conditions)


def period_sql(figure: Figure, answer: Scope) -> str:
    """The days that the figure adds up."""
    start, end = f"DATE '{answer.period_start}'", f"DATE '{answer.period_end}'"
    dates = {
        "flow": f"{figure.date} BETWEEN {start} AND {end}",
        "level": f"{figure.date} <= {end}",
        "opening": f"{figure.date} < {start}",
    }
    return dates[figure.form]


def input_versions(table: str, version: int | None) -> dict[str, int]:
    """The input versions that a version of a built table holds."""
    from citybrain.runner.state import State, commits, pin

    newest = pin(table).version
    for entry in commits(table, newest if version is None else version, 20) if newest >= 0 else []:
        text = entry.get("userMetadata")
        if isinstance(text, str) and (state := State.from_json(text)):
            return {name: consumed.version for name, consumed in state.inputs.items() if consumed.id is not None}
    return {}


def origins(
    walk: Walk, table: str, version: int | None, columns: tuple[str, ...], keys: list[tuple[Any, ...]]
) -> Iterator[BronzeRow]:
    """The bronze rows behind rows of a table, found through the keys by which its build follows its inputs."""
    contract = walk.tables[table]
    if contract.layer == "bronze":
        yield from bronze.rows(walk.db, contract, version, columns, keys, walk.limit)
        return
    per, values = _followed(walk, contract, version, columns, keys)
    inputs = input_versions(table, version)
    for name in contract.inputs:
        if values and walk.follows(contract, name):
            yield from origins(walk, name, walk.readable(name, inputs.get(name)), per, values)


def _followed(
    walk: Walk, contract: Contract, version: int | None, columns: tuple[str, ...], keys: list[tuple[Any, ...]]
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The ``per`` values of the rows with these keys."""
    per = contract.per
    if not per:
        walk.notes.append(f"{contract.table} 每次整表重算，不能逐行追到上游")
        return (), []
    if set(per) <= set(columns):
        at = [columns.index(name) for name in per]
        return per, sorted({tuple(key[i] for i in at) for key in keys})
    listed = ", ".join(literal(key) for key in keys)
    source = duck.scan(contract.table, version)
    chosen = ", ".join(per)
    found = walk.db.execute(
        f"SELECT DISTINCT {chosen} FROM {source} WHERE ({', '.join(columns)}) IN ({listed}) ORDER BY ALL "
        f"LIMIT {walk.limit}"
    ).fetchall()
    return per, found


def _first_of_each_table(steps: Trace) -> Iterator[BronzeRow]:
    for table in dict.fromkeys(row.table for row in steps.rows):
        yield from [row for row in steps.rows if row.table == table][: steps.limit]


def _lines(steps: Trace) -> Iterator[str]:
    yield f"追溯（每步最多列 {steps.limit} 行）"
    for f in steps.figures:
        agrees = "与立方体一致" if f.agrees else "与立方体不一致"
        yield f"· {f.title} = {f.amount:,}：{f.table} {f.cell_count} 格"
        if f.contributed is None:
            yield f"  由 {f.fact_table} {f.fact_count} 行算出"
        else:
            yield f"  由 {f.fact_table} {f.fact_count} 条贡献相加，合计 {f.contributed:,}（{agrees}）"
        if f.note:
            yield f"  {f.note}"
        for fact in f.facts:
            yield "    " + "  ".join(f"{k}={v}" for k, v in fact.items() if v is not None and v != 0)
    yield f"· 来自 {len(steps.rows)} 行报送数据"
    for row in _first_of_each_table(steps):
        yield f"    {row.place}（回执 {row.receipt}）"
        yield from (f"      {c.address} {c.header}：{c.text}" for c in row.cells)
    yield f"· 回执 {len(steps.receipts)} 份"
    for r in steps.receipts:
        came = datetime.fromisoformat(r.received_at).astimezone(SHANGHAI)
        yield f"    {r.receipt}  {r.file}  {r.sender or '未署名'}  {came:%Y-%m-%d %H:%M:%S}  sha256 {r.sha256}"
    yield from (f"注意：{note}" for note in steps.notes)
