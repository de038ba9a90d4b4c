"""A bronze contract and the columns of a file, compiled to the SQL that judges a segment of rows.

quick    every row: what it is, hashes, plain values ``x``, text that was not plain ``o_x``, whether a rule is broken
odd      the distinct texts that were not plain
readings their careful reading
careful  rows with such texts or a broken rule: values, marks, text as delivered, names of broken rules
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from citybrain.contracts import Contract, Field
from citybrain.ingest.cells import careful_value, engine_type, kind_of, plain_value, quoted
from citybrain.ingest.checks import Check, checks_of
from citybrain.ingest.outcome import Column
from citybrain.ingest.rows import kind_sql


class Compiled:
    """The SQL for files of one layout."""

    def __init__(self, contract: Contract, columns: Sequence[Column], received_at: datetime) -> None:
        self.contract, self.columns = contract, columns
        self._now = f"TIMESTAMP '{received_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}' AS _received_at"
        place = {c.field: c.position for c in columns if c.field}
        self.fields = [f for f in contract.fields if f.name in place]
        self.absent = [f for f in contract.fields if f.name not in place]
        self.raw = {f.name: f"c{place[f.name]}" for f in self.fields}
        self.checks = checks_of(contract, set(self.raw))

    def quick_sql(self) -> str:
        every = [f"c{c.position}" for c in self.columns]
        values = [f"{plain_value(f, self.raw[f.name])} AS {f.name}" for f in self.fields]
        nulls = [f"NULL::{engine_type(f)} AS {f.name}" for f in self.absent]
        odd = [f"CASE WHEN {f.name} IS NULL THEN {self.raw[f.name]} END AS o_{f.name}" for f in self.fields]
        anything = " OR ".join(f"o_{f.name} IS NOT NULL" for f in self.fields)
        kept = [*self.contract.names, *(f"o_{f.name}" for f in self.fields)]
        keys = ", ".join(self.raw[k] for k in self.contract.key if k in self.raw)
        keys = ", ".join(self.raw[k] for k in self.contract.key if k in self.raw)
        hashes = f"hash({', '.join(every)}) AS _h1, hash({keys}) AS _h2"
        # Each condition is a column of its own: within one OR DuckDB takes three times as long over the costly ones.
        broken = [f"{c.plain} AS b{i}" for i, c in enumerate(self.checks) if c.plain]
        suspect = " OR ".join(column.rpartition(" ")[2] for column in broken) or "false"
        return f"""
            WITH plain AS (SELECT *, {kind_sql(self.contract, self.columns)} AS _kind, {hashes},
                                  {", ".join([*values, *nulls])} FROM segment),
            odd AS (SELECT *, {self._now}, {", ".join(odd)} FROM plain),
            checked AS (SELECT {", ".join(["*", *broken])} FROM odd)
            SELECT _row, _kind, _h1, _h2, {", ".join(kept)}, {anything} AS _odd,
                   coalesce({suspect}, false) AS _suspect FROM checked"""

    def odd_counts_sql(self) -> str:
        counts = ", ".join(f"count(o_{f.name})" for f in self.fields)
        return f"SELECT {counts} FROM quick WHERE _kind = 'data' AND _odd"

    def odd_sql(self, fields: Sequence[Field]) -> str:
        """Distinct texts of the fields that have any."""
        texts = [f"SELECT DISTINCT {quoted(f.name)} AS field, o_{f.name} AS t FROM quick" for f in fields]
        parts = [f"{t} WHERE o_{f.name} IS NOT NULL AND _kind = 'data'" for t, f in zip(texts, fields, strict=True)]
        return " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS field, NULL::VARCHAR AS t WHERE false"

    def careful_sql(self, odd: Sequence[Field]) -> str:
        """Rows whose plain reading is not the whole story; ``odd``: the fields that were read carefully."""
        has = {f.name for f in odd}
        joins = "\n".join(
            f"LEFT JOIN (FROM readings WHERE field = {quoted(n)}) AS s_{n} ON s_{n}.delivered = quick.o_{n}"
            for n in sorted(has)
        )
        values = [f"coalesce(quick.{f.name}, {careful_value(f)}) AS {f.name}" for f in odd]
        plain = [f"quick.{n} AS {n}" for n in self.contract.names if n not in has]
        texts = [f"{raw} AS r_{n}" for n, raw in self.raw.items()]
        structs = [f"s_{f.name}" if f.name in has else _unread(f) for f in self.fields]
        blocking = ", ".join(quoted(c.name) for c in self.checks if c.severity == "block")
        return f"""
            WITH joined AS (SELECT _row, {self._now}, {", ".join([*values, *plain, *texts, *structs])}
                            FROM quick JOIN segment USING (_row) {joins} WHERE _kind = 'data' AND (_odd OR _suspect)),
            checked AS (SELECT *, {_names(self.checks)} AS _broken FROM joined)
            SELECT _row, {", ".join(self.contract.names)}, {_marks(odd)} AS _marks,
                   {self._delivered(has)} AS _delivered, _broken,
                   list_has_any(_broken, [{blocking}]::VARCHAR[]) AS _blocked FROM checked"""

    def accepted_sql(self, system: str) -> str:
        """The rows of bronze; ``system`` the columns that are the same in every row of the load."""
        columns = ", ".join(_stored(f) for f in self.contract.fields)
        return f"""SELECT {columns}, {system}, []::VARCHAR[] AS _marks, MAP {{}}::MAP(VARCHAR, VARCHAR) AS _delivered
            FROM quick WHERE _kind = 'data' AND NOT (_odd OR _suspect)
            UNION ALL SELECT {columns}, {system}, _marks, _delivered FROM careful WHERE NOT _blocked"""

    def _delivered(self, odd: set[str]) -> str:
        """Column → text as delivered, where reading changed it or a rule fired."""
        entries = []
        for field in self.fields:
            rules = [quoted(c.name) for c in self.checks if c.column == field.name]
            kept = f"list_has_any(_broken, [{', '.join(rules)}]::VARCHAR[])"
            kept += f" OR s_{field.name}.changed" if field.name in odd else ""
            entries.append(f"CASE WHEN {kept} THEN {{'key': {quoted(field.name)}, 'value': r_{field.name}}} END")
        return f"map_from_entries(list_filter([{', '.join(entries)}], lambda e: e.value IS NOT NULL))"


def _unread(field: Field) -> str:
    """A careful reading that was not needed."""
    return f"NULL::STRUCT(error VARCHAR, marks VARCHAR[], changed BOOLEAN, as_number DECIMAL(38, 10)) AS s_{field.name}"


def _names(checks: Sequence[Check]) -> str:
    names = ", ".join(f"CASE WHEN {c.broken} THEN {quoted(c.name)} END" for c in checks)
    return f"list_filter([{names}]::VARCHAR[], lambda n: n IS NOT NULL)"


def _marks(odd: Sequence[Field]) -> str:
    return f"flatten([{', '.join(f's_{f.name}.marks' for f in odd)}]::VARCHAR[][])"


def _stored(field: Field) -> str:
    """Instants leave as instants: Parquet and Delta then know them to be UTC."""
    return f"make_timestamptz(epoch_us({field.name})) AS {field.name}" if kind_of(field) == "timestamp" else field.name
