"""Judges the rows of a delivery, segment by segment; writes what goes to bronze, quarantine and issues as Parquet."""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.ingest import findings, plain
from citybrain.ingest.cells import FIELDS, READINGS_SCHEMA, fields_rows, kind_of, reading_sql
from citybrain.ingest.compile import Compiled
from citybrain.ingest.findings import Origin
from citybrain.ingest.first_look import Glance, texts_of, with_texts
from citybrain.ingest.outcome import Column, Counts, Issue, Refused, SetAside
from citybrain.ingest.repeats import Seen
from citybrain.ingest.rows import plainly_data, ragged_kind
from citybrain.ingest.source import Ragged, names
from citybrain.ingest.totals import Totals
from citybrain.ingest.write import ROWS_A_GROUP, Part, part_of

Name = Literal["bronze", "quarantine", "issue"]
WAITING = 100_000  # rows that wait at most to be read carefully
SHOWN = 20  # findings of each rule and column that the outcome carries; all are in ops.issue
LISTED = 200  # rows set aside that the outcome lists


@dataclass
class Judged:
    """The result of one delivery before it is committed."""

    counts: Counts = field(default_factory=Counts)
    bronze: list[Part] = field(default_factory=list)
    quarantine: list[Part] = field(default_factory=list)
    issue: list[Part] = field(default_factory=list)
    groups: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    issues: list[Issue] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    footers: list[int] = field(default_factory=list)


class Judge:
    """Takes segments in order; ``finish`` gives the result."""

    def __init__(self, contract: Contract, columns: Sequence[Column], origin: Origin, stage: Path) -> None:
        self.contract, self.columns, self.origin, self.stage = contract, columns, origin, stage
        self.compiled = Compiled(contract, columns, origin.received_at)
        self.result = Judged()
        self._footer_at: int | None = None
        self._ragged: list[Ragged] = []
        self._pool = ThreadPoolExecutor(1)
        self._part: Future[Part] | None = None  # of bronze, that is being written
        self._files = itertools.count()
        self._totals = Totals(contract, columns, self.compiled.fields)
        self._seen = Seen(stage)
        self._asked: dict[str, pa.Array] = {}  # column → texts of which DuckDB has said whether they are plain
        self._odd = texts_of({})  # those that are not
        self._db = database(stage)
        self._db.execute("CREATE TABLE aside (_row BIGINT, kind VARCHAR, kept BIGINT)")
        cells = ", ".join(f"{name} VARCHAR" for name in names(len(columns)))
        self._db.execute(f"CREATE TABLE waiting ({cells}, _row BIGINT)")
        self._table("fields", FIELDS, fields_rows(self.compiled.fields))
        self._table("checks", findings.CHECKS, findings.checks_rows(self.compiled.checks, columns, contract))

    def take(self, segment: Glance) -> None:
        """One segment: rows that are plainly as agreed go to bronze at once, the others wait for a careful reading."""
        kinds = self._sort_out(segment.ragged)
        rows = segment.rows
        self._db.register("segment", rows.append_column("_few", pa.array(segment.hashes)))
        looked, odd = self._look_at(segment)
        aside = self._set_aside(rows, looked)
        unsound = self._take_plain(plain.without(rows, [aside, odd]))
        self._db.register("odd", plain.without(plain.only(rows, [odd, unsound]), [aside]))
        self._db.execute("INSERT INTO waiting FROM odd; DROP VIEW odd")
        self._count(kinds, rows.num_rows)
        self._totals.take(self._db)
        if self._one("SELECT count(*) FROM waiting") + len(self._ragged) > WAITING:
            self._read_waiting()

    def _look_at(self, segment: Glance) -> tuple[pa.Table, pa.Array]:
        """The hashes of all rows; the numbers of those in which a cell is not plainly as agreed."""
        looked = self._db.execute(self.compiled.looked_sql(segment.doubts, segment.few)).to_arrow_table()
        unplain = looked["_row"].filter(pc.invert(looked["plain"])).combine_chunks()
        odd = with_texts(segment.rows, segment.doubts, self._odd_texts(segment.doubts))
        return looked.drop_columns("plain"), pa.concat_arrays([unplain, odd])

    def _odd_texts(self, doubts: Mapping[str, pa.Table]) -> pa.Table:
        """The texts (c, t) that are not plainly as agreed: of what is in doubt and not asked about yet, and before."""
        texts = {name: table["t"].unique() for name, table in doubts.items()}
        asked = {name: self._asked.get(name, pa.array([], pa.string())) for name in texts}
        new = {name: its.filter(pc.invert(pc.is_in(its, asked[name]))) for name, its in texts.items()}
        if new := {name: its for name, its in new.items() if len(its)}:
            self._asked |= {name: pa.concat_arrays([asked[name], its]) for name, its in new.items()}
            self._db.register("few", texts_of(new))
            found = self._db.execute(self.compiled.odd_texts_sql(new)).to_arrow_table()
            self._odd = pa.concat_tables([self._odd, found])
        return self._odd

    def _set_aside(self, rows: pa.Table, looked: pa.Table) -> pa.Array:
        """Makes ``others`` of the rows that are not data, or that came before; gives their numbers."""
        unlike = rows.filter(pa.array(~plainly_data(rows, self.contract, self.columns)))
        self._db.register("unlike", unlike)
        self._create("others", self.compiled.others_sql())
        if self._footer_at is None:
            self._footer_at = self._one("SELECT min(_row) FROM others WHERE _kind = 'footer'")
        if self._footer_at is not None:
            self._db.execute(f"INSERT INTO others {self.compiled.below_sql(self._footer_at)}")
        self._db.register("repeats", self._seen.take(plain.without(looked, [self._rows("SELECT _row FROM others")])))
        self._db.execute("INSERT INTO others SELECT _row, 'repeat' FROM repeats")
        self._db.execute(
            "INSERT INTO aside SELECT _row, _kind, kept FROM others LEFT JOIN repeats USING (_row) "
            "WHERE _kind IN ('total', 'header', 'repeat')"
        )
        return self._rows("SELECT _row FROM others")

    def _take_plain(self, rows: pa.Table) -> pa.Array:
        """Rows whose cells are plainly as agreed go to bronze, but for those that break a rule: gives their numbers."""
        values = plain.typed(rows, self.compiled.fields, self.compiled.raw)
        self._db.register("plain", values)
        unsound = self._rows(self.compiled.unsound_sql())
        self._db.unregister("plain")
        self._await_part()
        self._part = self._pool.submit(plain.write, values, unsound, self.origin, self._next("bronze"))
        return unsound

    def _await_part(self) -> None:
        """One part is written while the next segment is judged, so that no more than two are in memory."""
        part, self._part = self._part.result() if self._part else None, None
        self.result.bronze += [part] if part and part.rows else []

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._db.close()

    def note(self, issues: Sequence[Issue]) -> None:
        """Findings about the file and its totals, beside those about its rows."""
        for issue in issues:
            self.result.groups[(issue.rule, issue.header)] += 1
        self.result.issues[:0] = issues
        if issues:
            self._table("findings", findings.FOUND, findings.issue_rows(issues))
            self._write("issue", findings.issue_sql(self.contract.table, self.origin))

    def finish(self) -> Judged:
        self._read_waiting()
        self._await_part()
        self.note(list(self._totals.issues()))
        r = self.result
        r.set_aside = sorted(r.set_aside, key=lambda one: one.row)[:LISTED]
        accepted, quarantined = (sum(part.rows for part in parts) for parts in (r.bronze, r.quarantine))
        r.counts = r.counts.model_copy(update={"accepted": accepted, "quarantined": quarantined})
        if not r.counts.adds_up:
            raise Refused("counts_differ")
        return r

    def _read_waiting(self) -> None:
        """The rows that wait: read carefully, judged, written; then what was found in them and in those set aside."""
        self._read_carefully()
        self._create("findings", findings.SQL)
        self._table("ragged", findings.RAGGED, findings.ragged_rows(self._ragged, self.columns))
        self._db.execute(f"INSERT INTO findings {findings.RAGGED_SQL}")
        self._write("bronze", self.compiled.careful_bronze_sql(findings.system_sql(self.origin)))
        self._write("quarantine", findings.quarantine_sql(self.contract, self.columns, self.origin))
        self._write("issue", findings.issue_sql(self.contract.table, self.origin))
        self._report()
        self._ragged = []
        self._db.execute("DELETE FROM waiting; DELETE FROM aside")

    def _table(self, table: str, types: Mapping[str, object], rows: Sequence[Mapping[str, object]]) -> None:
        """A few rows as a table of the given types."""
        shape, text = (literal(json.dumps(value)) for value in ([types], rows))
        self._db.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT unnest(from_json({text}, {shape}), max_depth := 2)"
        )

    def _create(self, table: str, select: str) -> None:
        self._db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {select}")

    def _read_carefully(self) -> None:
        """Texts that are not plainly as agreed, each distinct one once; then the rows that have any."""
        self._create("rest", self.compiled.rest_sql())
        counts = self._db.execute(self.compiled.odd_counts_sql()).fetchone() or ()
        odd = [f for f, count in zip(self.compiled.fields, counts, strict=True) if count]
        self._create("odd", self.compiled.odd_sql(odd))
        self._db.execute(f"CREATE OR REPLACE TEMP TABLE readings ({READINGS_SCHEMA})")
        for kind in sorted({kind_of(f) for f in odd}):
            self._db.execute(reading_sql(kind))
        self._create("careful", self.compiled.careful_sql(odd))

    def _sort_out(self, rows: Sequence[Ragged]) -> Counter[str]:
        """Rows of a wrong width, by their first cell: how many of each kind; the data among them wait."""
        kinds = Counter[str]()
        for row in rows:
            kind = ragged_kind(row.cells)
            if kind == "data" and self._footer_at is not None and row.row > self._footer_at and len(row.cells) < 4:
                kind = "footer"
            if kind == "footer":
                self._footer_at = min(self._footer_at or row.row, row.row)
                self.result.footers.append(row.row)
            kinds[kind] += 1
            self._ragged += [row] if kind == "data" else []
            self._aside(kind, row.row)
        return kinds

    def _aside(self, kind: str, row: int, of: int | None = None) -> None:
        if kind in ("total", "header", "repeat"):
            self.result.set_aside.append(SetAside.model_validate({"row": row, "why": kind, "of": of}))

    def _write(self, name: Name, select: str) -> None:
        path = self._next(name)
        written = self._one(
            f"COPY ({select}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_A_GROUP})"
        )
        if written:
            getattr(self.result, name).append(part_of(path))

    def _next(self, name: Name) -> Path:
        return self.stage / f"{name}-{next(self._files)}.parquet"

    def _count(self, ragged: Counter[str], rows: int) -> None:
        n = Counter(ragged)
        others = Counter[str](dict(self._all("SELECT _kind, count(*) FROM others GROUP BY ALL")))
        n += others + Counter(data=rows - others.total())
        if n["footer"]:
            footers = self._all("SELECT _row FROM others WHERE _kind = 'footer' ORDER BY 1 LIMIT 20")
            self.result.footers += [row for (row,) in footers]
        c = self.result.counts
        delivered = c.delivered + sum(n.values()) - n["blank"] - n["footer"]
        set_aside = c.set_aside + n["total"] + n["header"] + n["repeat"]
        self.result.counts = c.model_copy(update={"delivered": delivered, "set_aside": set_aside})

    def _report(self) -> None:
        marks = "SELECT unnest(_marks) AS m FROM careful WHERE NOT _blocked"
        for mark, rows in self._all(f"SELECT m, count(*) FROM ({marks}) GROUP BY m"):
            self.result.marks[mark] += rows
        for row, kind, kept in self._all(f"FROM aside ORDER BY _row LIMIT {LISTED}"):
            self._aside(kind, row, kept)
        for rule, header, rows in self._all("SELECT rule, header, count(*) FROM findings GROUP BY ALL"):
            self.result.groups[(rule, header)] += rows
        known = Counter((i.rule, i.header) for i in self.result.issues)
        for issue in findings.first(self._db, SHOWN):
            if known[(issue.rule, issue.header)] < SHOWN:
                known[(issue.rule, issue.header)] += 1
                self.result.issues.append(issue.model_copy(update={"sheet": self.origin.sheet}))

    def _all(self, query: str) -> list[Any]:
        return self._db.execute(query).fetchall()

    def _rows(self, query: str) -> pa.Array:
        return self._db.execute(query).to_arrow_table()["_row"].combine_chunks()

    def _one(self, query: str) -> Any:
        row = self._db.execute(query).fetchone()
        return row[0] if row else None


def memory() -> str:
    """How much of it DuckDB may use for a file; what is more spills to the disk, as far as DuckDB can spill."""
    return os.environ.get("CITYBRAIN_INGEST_MEMORY") or "1GB"


def database(stage: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory, bounded, spilling to the stage; it knows no files and no network but those it is given. It has
    one thread: others parse, look and write meanwhile."""
    db = duckdb.connect(config={"threads": 1, "memory_limit": memory(), "temp_directory": str(stage / "spill")})
    db.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET autoinstall_known_extensions = false")
    # Of a segment DuckDB does not know how many rows it has: joins stay as they are written, the smaller side right.
    db.execute("SET disabled_optimizers = 'build_side_probe_side'")
    db.execute(resources.files("citybrain.ingest").joinpath("reading.sql").read_text(encoding="utf-8"))
    return db
