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

from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.ingest import findings, plain
from citybrain.ingest.cells import FIELDS, READINGS_SCHEMA, fields_rows, kind_of, reading_sql
from citybrain.ingest.compile import Compiled
from citybrain.ingest.findings import Origin
from citybrain.ingest.outcome import Column, Counts, Issue, Refused, SetAside
from citybrain.ingest.rows import ragged_kind, sparse_sql
from citybrain.ingest.source import Ragged, Segment, names
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
        self._totals = Totals(contract, columns)
        self._db = database(stage)
        self._db.execute("CREATE TABLE seen (h1 UBIGINT, h2 UBIGINT, _row BIGINT)")
        self._db.execute("CREATE TABLE aside (_row BIGINT, kind VARCHAR, kept BIGINT)")
        cells = ", ".join(f"{name} VARCHAR" for name in names(len(columns)))
        self._db.execute(f"CREATE TABLE waiting ({cells}, _row BIGINT)")
        self._table("fields", FIELDS, fields_rows(self.compiled.fields))
        self._table("checks", findings.CHECKS, findings.checks_rows(self.compiled.checks, columns, contract))

    def take(self, segment: Segment) -> None:
        """One segment: rows that are plainly as agreed go to bronze at once, the others wait for a careful reading."""
        kinds = self._sort_out(segment.ragged)
        rows = plain.condensed(segment.rows)
        odd = self._look_at(rows)
        self._end_of_table()
        self._repeats()
        aside = self._rows("SELECT _row FROM quick WHERE _kind <> 'data'")
        unsound = self._take_plain(plain.without(rows, [aside, odd]))
        self._db.register("odd", plain.without(plain.only(rows, [odd, unsound]), [aside]))
        self._db.execute("INSERT INTO waiting FROM odd; DROP VIEW odd")
        self._count(kinds)
        self._totals.take(self._db)
        if self._one("SELECT count(*) FROM waiting") + len(self._ragged) > WAITING:
            self._read_waiting()

    def _look_at(self, rows: pa.Table) -> pa.Array:
        """Makes ``quick`` of the rows; gives the numbers of those in which a cell is not plainly as agreed."""
        texts = plain.texts_of_few(rows)
        few = texts["c"].unique().to_pylist()
        self._db.register("segment", rows)
        self._db.register("few", texts)
        self._create("quick", self.compiled.quick_sql(few))
        odd = self._db.execute(self.compiled.odd_texts_sql(few)).to_arrow_table()
        return pa.concat_arrays([self._rows("SELECT _row FROM quick WHERE NOT _plain"), plain.with_texts(rows, odd)])

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
        self._await_part()
        self._read_waiting()
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

    def _end_of_table(self) -> None:
        """After the first footer, a row without a key and with few cells belongs to the footer too."""
        if self._footer_at is None:
            self._footer_at = self._one("SELECT min(_row) FROM quick WHERE _kind = 'footer'")
        if self._footer_at is not None:
            self._db.execute(
                f"UPDATE quick SET _kind = 'footer' WHERE _kind = 'data' AND _row > {self._footer_at} AND _keyless "
                f"AND _row IN (SELECT _row FROM segment WHERE {sparse_sql(self.columns)})"
            )

    def _repeats(self) -> None:
        """Rows that are cell for cell the same as an earlier one."""
        self._create(
            "repeats",
            """
            WITH rows AS (SELECT _h1 AS h1, _h2 AS h2, _row FROM quick WHERE _kind = 'data'),
            firsts AS (SELECT h1, h2, min(_row) AS _row FROM rows GROUP BY ALL HAVING count(*) > 1)
            SELECT _row, min(kept) AS kept FROM (
                SELECT r._row, f._row AS kept FROM rows r JOIN firsts f USING (h1, h2) WHERE r._row > f._row
                UNION ALL SELECT r._row, s._row FROM seen s JOIN rows r USING (h1, h2)) GROUP BY ALL""",
        )
        self._db.execute("INSERT INTO seen SELECT _h1, _h2, _row FROM quick WHERE _kind = 'data'")
        if self._one("SELECT count(*) FROM repeats"):
            self._db.execute("UPDATE quick SET _kind = 'repeat' WHERE _row IN (SELECT _row FROM repeats)")
        self._db.execute(
            "INSERT INTO aside SELECT _row, _kind, kept FROM quick LEFT JOIN repeats USING (_row) "
            "WHERE _kind IN ('total', 'header', 'repeat')"
        )

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

    def _count(self, ragged: Counter[str]) -> None:
        n = Counter(ragged)
        for kind, rows in self._all("SELECT _kind, count(*) FROM quick GROUP BY ALL"):
            n[kind] += rows
        if n["footer"]:
            footers = self._all("SELECT _row FROM quick WHERE _kind = 'footer' ORDER BY 1 LIMIT 20")
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
    """DuckDB in memory, bounded, spilling to the stage; it knows no files and no network but those it is given."""
    db = duckdb.connect(config={"memory_limit": memory(), "temp_directory": str(stage / "spill")})
    db.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET autoinstall_known_extensions = false")
    # Of a segment DuckDB does not know how many rows it has: joins stay as they are written, the smaller side right.
    db.execute("SET disabled_optimizers = 'build_side_probe_side'")
    db.execute(resources.files("citybrain.ingest").joinpath("reading.sql").read_text(encoding="utf-8"))
    return db
