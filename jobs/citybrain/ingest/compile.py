"""A bronze contract and the columns of a file, compiled to the SQL that judges a segment of rows.

looked   every row, few columns: hashes, whether it is plainly as agreed in every cell
others   the rows that are not data, and what they are
plain    rows that are so, with their values (plain.py)
waiting  rows that are not, as delivered
rest     the same with plain values ``x`` and text that was not plain ``o_x``
odd      the distinct texts that were not plain
readings their careful reading
careful  the rest, read: values, marks, text as delivered, names of broken rules
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from citybrain.contracts import Contract, Field
from citybrain.duck import literal
from citybrain.ingest.cells import (
    careful_value,
    cast_value,
    delivered,
    engine_type,
    help_value,
    is_plain,
    plain_value,
    stored,
)
from citybrain.ingest.checks import Check, checks_of
from citybrain.ingest.outcome import Column
from citybrain.ingest.rows import kind_sql, sparse_sql


class Compiled:
    """The SQL for files of one layout."""

    def __init__(self, contract: Contract, columns: Sequence[Column], received_at: datetime) -> None:
        self.contract, self.columns = contract, columns
        self._now = f"TIMESTAMP '{received_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}' AS _received_at"
        place = {c.field: c.position for c in columns if c.field}
        of = {c.field: c for c in columns}
        self.fields = [delivered(f, of[f.name], contract) for f in contract.fields if f.name in place]
        self.absent = [f for f in contract.fields if f.name not in place]
        self.raw = {f.name: f"c{place[f.name]}" for f in self.fields}
        self.checks = checks_of(contract, set(self.raw))

    def looked_sql(self, once: Collection[str], few: Collection[str]) -> str:
        """Every row: hashes of all its cells and of its key, and whether it is plainly as agreed; but for the columns
        whose texts are asked about once, by ``odd_texts_sql``. ``few``: columns that ``_few`` is a hash of."""
        every = ", ".join(["_few", *(c for c in (f"c{c.position}" for c in self.columns) if c not in few)])
        keys = ", ".join(self.raw[k] for k in self.contract.key if k in self.raw)
        # Each condition is a column of its own: within one AND DuckDB takes three times as long over the costly ones.
        asked = [(f, self.raw[f.name]) for f in self.fields if self.raw[f.name] not in once]
        named = [f"({raw} IS NULL OR {is_plain(f, raw)}) IS TRUE AS p_{f.name}" for f, raw in asked]
        helps = [help_value(f, raw) for f, raw in asked]
        plain = " AND ".join(["true", *(f"p_{f.name}" for f, _ in asked)])
        return f"""
            WITH judged AS (SELECT {", ".join(["_row", *named])}, hash({every}) AS h1, hash({keys}) AS h2
                            FROM (SELECT {", ".join(["*", *filter(None, helps)])} FROM segment))
            SELECT _row, h1, h2, {plain} AS plain FROM judged"""

    def others_sql(self) -> str:
        """Of ``unlike`` the rows that are not data, and what they are."""
        kind = kind_sql(self.contract, self.columns)
        return f"SELECT * FROM (SELECT _row, {kind} AS _kind FROM unlike) WHERE _kind <> 'data'"

    def below_sql(self, footer: int) -> str:
        """Rows below a footer that have no key and few cells, and so belong to it."""
        keyless = " AND ".join(f"{self._typed(k)} IS NULL" for k in self.contract.key)
        data = "_row NOT IN (SELECT _row FROM others)"
        return f"""SELECT _row, 'footer' FROM segment
            WHERE _row > {footer} AND {data} AND {keyless} AND {sparse_sql(self.columns)}"""

    def odd_texts_sql(self, columns: Collection[str]) -> str:
        """Of the texts (t) of some columns (c) in ``few``: those that are not plainly as agreed."""
        fields = [f for f in self.fields if self.raw[f.name] in columns]
        texts = [", ".join(filter(None, ["c", "t", help_value(f, "t")])) for f in fields]
        of = [f"(SELECT {t} FROM few WHERE c = '{self.raw[f.name]}')" for t, f in zip(texts, fields, strict=True)]
        odd = [f"SELECT c, t FROM {o} WHERE {is_plain(f, 't')} IS NOT TRUE" for o, f in zip(of, fields, strict=True)]
        return " UNION ALL ".join(odd) or "SELECT c, t FROM few WHERE false"

    def unsound_sql(self) -> str:
        """The numbers of the rows of ``plain`` that break a rule, whatever their cells look like."""
        nulls = [f"NULL::{engine_type(f)} AS {f.name}" for f in self.absent]
        broken = " OR ".join(f"{c.plain} IS TRUE" for c in self.checks if c.plain) or "false"
        return f"SELECT _row FROM (SELECT {', '.join(['*', self._now, *nulls])} FROM plain) WHERE {broken}"

    def rest_sql(self) -> str:
        values = [f"{plain_value(f, self.raw[f.name])} AS {f.name}" for f in self.fields]
        nulls = [f"NULL::{engine_type(f)} AS {f.name}" for f in self.absent]
        odd = [f"CASE WHEN {f.name} IS NULL THEN {self.raw[f.name]} END AS o_{f.name}" for f in self.fields]
        return f"""
            WITH helped AS (SELECT {", ".join(["*", *self._helps()])} FROM waiting)
            SELECT *, {", ".join(odd)} FROM (SELECT *, {", ".join([*values, *nulls])} FROM helped)"""

    def _typed(self, name: str) -> str:
        return next((cast_value(f, self.raw[name]) for f in self.fields if f.name == name), "NULL")

    def _helps(self) -> list[str]:
        return [help for f in self.fields if (help := help_value(f, self.raw[f.name]))]

    def odd_counts_sql(self) -> str:
        return f"SELECT {', '.join(f'count(o_{f.name})' for f in self.fields)} FROM rest"

    def odd_sql(self, fields: Sequence[Field]) -> str:
        """Distinct texts of the fields that have any."""
        texts = [f"SELECT DISTINCT {literal(f.name)} AS field, o_{f.name} AS t FROM rest" for f in fields]
        parts = [f"{t} WHERE o_{f.name} IS NOT NULL" for t, f in zip(texts, fields, strict=True)]
        return " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS field, NULL::VARCHAR AS t WHERE false"

    def careful_sql(self, odd: Sequence[Field]) -> str:
        """Rows whose plain reading is not the whole story; ``odd``: the fields that were read carefully."""
        has = {f.name for f in odd}
        joins = "\n".join(
            f"LEFT JOIN (FROM readings WHERE field = {literal(n)}) AS s_{n} ON s_{n}.delivered = rest.o_{n}"
            for n in sorted(has)
        )
        values = [f"coalesce(rest.{f.name}, {careful_value(f)}) AS {f.name}" for f in odd]
        plain = [f"rest.{n} AS {n}" for n in self.contract.names if n not in has]
        texts = [f"{raw} AS r_{n}" for n, raw in self.raw.items()]
        structs = [f"s_{f.name}" if f.name in has else _unread(f) for f in self.fields]
        blocking = ", ".join(literal(c.name) for c in self.checks if c.severity == "block")
        return f"""
            WITH joined AS (SELECT _row, {self._now}, {", ".join([*values, *plain, *texts, *structs])}
                            FROM rest {joins}),
            checked AS (SELECT *, {_names(self.checks)} AS _broken FROM joined)
            SELECT _row, {", ".join(self.contract.names)}, {_marks(odd)} AS _marks,
                   {self._delivered(has)} AS _delivered, _broken,
                   list_has_any(_broken, [{blocking}]::VARCHAR[]) AS _blocked FROM checked"""

    def careful_bronze_sql(self, system: str) -> str:
        """The rows of bronze that were read carefully."""
        columns = ", ".join(stored(f) for f in self.fields)
        return f"SELECT {columns}, {system}, _marks, _delivered FROM careful WHERE NOT _blocked"

    def _delivered(self, odd: set[str]) -> str:
        """Column → text as delivered, where reading changed it or a rule fired."""
        entries = []
        for field in self.fields:
            rules = [literal(c.name) for c in self.checks if c.column == field.name]
            kept = f"list_has_any(_broken, [{', '.join(rules)}]::VARCHAR[])"
            kept += f" OR s_{field.name}.changed" if field.name in odd else ""
            entries.append(f"CASE WHEN {kept} THEN {{'key': {literal(field.name)}, 'value': r_{field.name}}} END")
        return f"map_from_entries(list_filter([{', '.join(entries)}], lambda e: e.value IS NOT NULL))"


def _unread(field: Field) -> str:
    """A careful reading that was not needed."""
    return f"NULL::STRUCT(error VARCHAR, marks VARCHAR[], changed BOOLEAN, as_number DECIMAL(38, 10)) AS s_{field.name}"


def _names(checks: Sequence[Check]) -> str:
    names = ", ".join(f"CASE WHEN {c.broken} THEN {literal(c.name)} END" for c in checks)
    return f"list_filter([{names}]::VARCHAR[], lambda n: n IS NOT NULL)"


def _marks(odd: Sequence[Field]) -> str:
    return f"flatten([{', '.join(f's_{f.name}.marks' for f in odd)}]::VARCHAR[][])"
