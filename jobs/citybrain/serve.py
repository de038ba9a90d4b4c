"""The serving file: gold copied into one DuckDB file, one consistent set, swapped in without a stale read or an error.

Boards, notebooks and the command line read ``serving/current.duckdb``, a link to the newest file. Bronze, quarantine
and personal columns are never in it; silver is there as views over the lake, for analysts.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from citybrain import contracts, duck, lake
from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.indicators import catalogue
from citybrain.indicators.registry import JOURNAL, Registry
from citybrain.indicators.registry import load as load_registry

KEEP = 3
_NAME = re.compile(r"citybrain-(\d{6})\.duckdb")


@dataclass(frozen=True)
class Source:
    """One pinned version of a gold table."""

    table: str
    version: int
    committed_at: datetime


class QueryError(ValueError):
    """A query that is not answered; the message says why."""

    exit_code = 2


def publish() -> Path:
    """Builds the file of the newest gold and makes it the current one; returns its path.

    Does nothing where the current file already holds these versions. Readers never see a half-built file: they follow
    the link, which is replaced in one step.
    """
    with _alone():
        tables = contracts.load()
        declared, sources = load_registry(tables=tables), _sources(tables)
        mark = _mark(declared, tables, sources)
        link = _link()
        if link.exists() and _mark_of(link.resolve()) == mark:
            return link.resolve()
        path = _next(link.parent)
        building = link.parent / f".building-{os.getpid()}.duckdb"
        for stray in link.parent.glob(".building-*"):
            stray.unlink(missing_ok=True)
        with duckdb.connect(str(building), config=duck.extensions()) as db:
            db.begin()  # one commit, not one for each comment
            _build(db, declared, tables, sources, mark)
            db.commit()
        lake.sync(building)
        building.rename(path)
        _swap(link, path)
        _sweep(link.parent)
        return path


def lags() -> bool:
    """Whether gold (or the registry) is newer than the current serving file."""
    link, tables = _link(), contracts.load()
    sources = _sources(tables)
    if not link.exists():
        return bool(sources)
    return _mark_of(link.resolve()) != _mark(load_registry(tables=tables), tables, sources)


def is_there() -> bool:
    """Whether anything has been served yet."""
    return _link().exists()


def current() -> Path:
    """The newest serving file itself (not the link). Raises FileNotFoundError with what to do."""
    link = _link()
    if not link.exists():
        raise FileNotFoundError(2, "there is no serving file yet; run `citybrain serve`", str(link))
    return link.resolve()


def connect(path: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the newest file that can read no other file but silver's, and cannot be reset."""
    db = duckdb.connect(str(path or current()), read_only=True, config=duck.extensions())
    if not _one(db, "SELECT current_setting('lock_configuration')"):  # else: this process has it open, locked already
        _load_delta(db)
        db.execute("SET GLOBAL TimeZone = 'Asia/Shanghai'")
        db.execute(f"SET allowed_directories = [{literal(lake.lake_uri() + '/silver/')}]")
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
    return db


def sql(text: str, as_json: bool = False) -> str:
    """The answer to a query of the serving file, as an aligned table or one JSON object a line. Raises QueryError."""
    with connect() as db:
        try:
            kinds = {statement.type for statement in db.extract_statements(text)}
            if not kinds <= {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}:
                raise QueryError("只能查询（SELECT），不能改动或导出")
            answer = db.execute(text).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(f"查询不成立：{error}") from error
    names, records = answer.column_names, answer.to_pylist()
    if as_json:
        return "\n".join(json.dumps(record, ensure_ascii=False, default=str) for record in records)
    rows = [record.values() for record in records]
    return aligned([names, *([_cell(value) for value in row] for row in rows)])


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def aligned(table: list[list[str]]) -> str:
    """Columns of equal width, where a Chinese character is two wide."""

    def width(text: str) -> int:
        return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)

    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(t + " " * (w - width(t)) for t, w in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join(lines)


def _link() -> Path:
    return lake.folder("serving") / "current.duckdb"


@contextmanager
def _alone() -> Iterator[None]:
    with (lake.folder("locks") / "serving.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sources(tables: dict[str, Contract]) -> list[Source]:
    """The newest version of each gold table, taken once, so that the file is one consistent set."""
    from deltalake import DeltaTable

    from citybrain.runner.state import UPKEEP, UPKEEP_AT_MOST

    found = []
    for table in (c.table for c in tables.values() if c.layer == "gold"):
        uri = lake.table_uri(table)
        if DeltaTable.is_deltatable(uri):
            delta = DeltaTable(uri)
            history = delta.history(UPKEEP_AT_MOST)
            commit = next((c for c in history if c.get("operation") not in UPKEEP), history[0])
            found.append(Source(table, delta.version(), datetime.fromtimestamp(commit["timestamp"] / 1000, SHANGHAI)))
    return found


def _silver(tables: dict[str, Contract]) -> list[Contract]:
    """Silver tables of a lake on local disk; over object storage analysts ask Spark."""
    silver = [c for c in tables.values() if c.layer == "silver"]
    return [c for c in silver if (Path(lake.table_uri(c.table)) / "_delta_log").is_dir()]


def _mark(declared: Registry, tables: dict[str, Contract], sources: list[Source]) -> str:
    """Changes with anything that the file is made of."""
    said = [sorted(map(repr, sources)), repr(declared), repr(tables), [c.table for c in _silver(tables)]]
    code = [Path(module).read_text("utf-8") for module in (__file__, catalogue.__file__)]
    return hashlib.sha256(json.dumps([said, code]).encode()).hexdigest()


def _mark_of(path: Path) -> str:
    try:
        with duckdb.connect(str(path), read_only=True, config=duck.extensions()) as db:
            return str(_one(db, "SELECT mark FROM meta.publication"))
    except duckdb.Error:
        return ""  # unreadable or of an older shape: made anew


def _next(folder: Path) -> Path:
    numbers = [int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    return folder / f"citybrain-{max(numbers, default=0) + 1:06}.duckdb"


def _build(
    db: duckdb.DuckDBPyConnection, declared: Registry, tables: dict[str, Contract], sources: list[Source], mark: str
) -> None:
    _load_delta(db)
    db.execute("SET TimeZone = 'Asia/Shanghai'")
    db.execute("CREATE SCHEMA gold; CREATE SCHEMA silver; CREATE SCHEMA meta")
    versions = {source.table: source for source in sources}
    for contract in tables.values():
        if contract.layer == "gold":
            _copy(db, contract, versions.get(contract.table))
    for contract in _silver(tables):
        _view(db, contract)
    catalogue.write(db, declared, tables)
    _write_versions(db, declared, tables, versions)
    if JOURNAL in tables:
        db.execute(CURRENT)
        catalogue.comment(db, "TABLE gold.indicator_current", "指标值（每个口径、区划、统计期的最新一次发布）")
    db.execute(f"CREATE TABLE meta.publication AS SELECT {literal(mark)} AS mark, now() AS published_at")


def _copy(db: duckdb.DuckDBPyConnection, contract: Contract, source: Source | None) -> None:
    """A native table with the contract's columns and comments; empty while the lake has none."""
    columns = [(f.name, duck.type_of(f), f"{f.title}（{f.unit}）" if f.unit else f.title)
               for f in contract.fields]  # fmt: skip
    catalogue.create(db, contract.table, contract.title, columns)
    if source is None:
        return
    scan = duck.scan(contract.table, source.version)
    there = {row[0] for row in db.execute(f"DESCRIBE FROM {scan}").fetchall()}
    shared = ", ".join(f'"{name}"' for name, _, _ in columns if name in there)
    order = ", ".join(f'"{name}"' for name in contract.key if name in there)
    db.execute(f'INSERT INTO gold."{contract.name}" ({shared}) SELECT {shared} FROM {scan} ORDER BY {order}')


def _view(db: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """What no contract calls personal, read from the lake when asked."""
    scan = duck.scan(contract.table)
    there = {row[0] for row in db.execute(f"DESCRIBE FROM {scan}").fetchall()}
    fields = [f for f in contract.fields if f.personal == "none" and f.name in there]
    columns = ", ".join(f'"{f.name}"' for f in fields)
    db.execute(f'CREATE VIEW silver."{contract.name}" AS SELECT {columns} FROM {scan}')
    catalogue.comment(db, f'VIEW silver."{contract.name}"', contract.title)


def _write_versions(
    db: duckdb.DuckDBPyConnection, declared: Registry, tables: dict[str, Contract], versions: dict[str, Source]
) -> None:
    columns = (
        ("table_name", "varchar", "表"),
        ("version", "bigint", "版本"),
        ("committed_at", "timestamp", "提交时间（北京时间）"),
        ("row_count", "bigint", "行数"),
        ("data_time", "date", "数据时间"),
    )
    catalogue.create(db, "meta.source_version", "本文件所用的各表版本", columns)
    times = _data_times(db, declared, tables)
    rows = [(s.table, s.version, f"{s.committed_at:%Y-%m-%d %H:%M:%S}", _one(db, f"SELECT COUNT(*) FROM {s.table}"),
             times.get(s.table, times.get(tables[s.table].group))) for s in versions.values()]  # fmt: skip
    catalogue.insert(db, "meta.source_version", rows)


def _data_times(db: duckdb.DuckDBPyConnection, declared: Registry, tables: dict[str, Contract]) -> dict[str, Any]:
    """The time of each table that figures read, by their clock; of a theme (its other tables), by its first clock."""
    latest = {
        name: _one(db, f"SELECT MAX({clock.date}) FROM {clock.table} WHERE {clock.where}")
        for name, clock in declared.clocks.items()
    }
    themes = {tables[clock.table].group: latest[name] for name, clock in reversed(declared.clocks.items())}
    return themes | {figure.table: latest[figure.clock] for figure in declared.figures.values()}


CURRENT = """
CREATE TABLE gold.indicator_current AS
WITH latest AS (
  SELECT * FROM gold.platform__indicator_value
  QUALIFY ROW_NUMBER() OVER (PARTITION BY indicator_id, variant, area_code, period_kind, period
                             ORDER BY revision DESC) = 1
)
SELECT l.indicator_id, i.indicator_name, l.variant, v.variant_title, v.is_default, v.unit, v.direction, v.rounding,
  i.theme, t.theme_title, t.panel_title, l.area_code, a.area_name, a.area_level,
  l.period_kind, l.period, l.period_start, l.period_end, l.as_of, l.numerator, l.denominator, l.value,
  l.denominator IS NULL OR l.denominator >= i.min_denominator AS is_ranked,
  l.published_at AT TIME ZONE 'Asia/Shanghai' AS published_at, l.revision
FROM latest AS l
JOIN meta.variant AS v USING (indicator_id, variant)
JOIN meta.indicator AS i USING (indicator_id)
JOIN meta.theme AS t ON t.theme = i.theme
JOIN gold.reference__area AS a USING (area_code)
ORDER BY l.indicator_id, l.variant, l.period_kind, l.period, l.area_code
"""


def _swap(link: Path, path: Path) -> None:
    fresh = link.with_name(f".current-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(path.name)
    fresh.replace(link)
    lake.sync(link.parent)


def _sweep(folder: Path) -> None:
    """Keeps the last few files. Whoever still reads an older one goes on reading it: its name goes, not its content."""
    for path in sorted(p for p in folder.iterdir() if _NAME.fullmatch(p.name))[:-KEEP]:
        path.unlink(missing_ok=True)


def _load_delta(db: duckdb.DuckDBPyConnection) -> None:
    db.execute("LOAD delta")


def _one(db: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = db.execute(query).fetchone()
    return row[0] if row else None
