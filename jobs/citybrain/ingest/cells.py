"""How the text of a cell becomes a value: at once where it is plainly as agreed, else through reading.sql.

The plain cast runs on every cell and must be cheap. What it leaves (``o_x``) is read carefully, each text once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from citybrain.contracts import Field

Kind = Literal["text", "name", "code", "number", "boolean", "timestamp", "date"]
_CODE_NAME = re.compile(r"_(id|code|no|phone|card|cell|area|unit)$")

READINGS_SCHEMA = """field VARCHAR, delivered VARCHAR, as_text VARCHAR, as_number DECIMAL(38, 10), as_double DOUBLE,
    as_boolean BOOLEAN, as_timestamp TIMESTAMP, as_date DATE, marks VARCHAR[], changed BOOLEAN, error VARCHAR"""

_MOMENT_LAYERS = (
    "moment_text(t) AS b",
    "moment_parts(b) AS p",
    "hour_of(p) AS h",
    "coalesce(serial_of(b), wall_of(p, h)) AS w",
)
# Of each kind: the layers below the reading (see reading.sql), the reading, the column that takes its value.
_READINGS: dict[Kind, tuple[tuple[str, ...], str, str]] = {
    "text": (("bare(t) AS b",), "read_text(t, b, field)", "as_text"),
    "name": (("bare(t) AS b",), "read_name(t, b, field, nulls)", "as_text"),
    "code": (("code_text(t) AS b",), "read_code(t, b, field, nulls, known)", "as_text"),
    "boolean": (("bare(t) AS b",), "read_boolean(t, b, field, nulls)", "as_boolean"),
    "number": (
        ("number_text(t, unit) AS b", "number_form(b) AS f", "number_digits(b) AS d"),
        "read_number(t, b, f, d, field, nulls, places)",
        "as_number",
    ),
    "timestamp": (_MOMENT_LAYERS, "read_timestamp(t, b, p, w, field, nulls)", "as_timestamp"),
    "date": (_MOMENT_LAYERS, "read_date(t, b, p, w, field, nulls)", "as_date"),
}


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def kind_of(field: Field) -> Kind:
    if field.type in ("timestamp", "date", "boolean", "text"):
        return field.type  # type: ignore[return-value]
    if field.type in ("bigint", "int", "double") or field.type.startswith("decimal"):
        return "number"
    coded = field.pattern or field.enum or field.values or field.check or _CODE_NAME.search(field.name)
    return "code" if coded else "name"


def places_of(field: Field) -> int:
    """Decimal places that a number column keeps."""
    if field.type == "double":
        return 10
    return int(field.type.rstrip(")").split(",")[1]) if field.type.startswith("decimal") else 0


def engine_type(field: Field) -> str:
    return {"text": "VARCHAR", "string": "VARCHAR"}.get(field.type, field.sql_type.upper())


def plain_value(field: Field, raw: str) -> str:
    """SQL: the value of text that is plainly as agreed, else NULL."""
    kind = kind_of(field)
    if kind == "timestamp":
        cast = f"TRY_CAST({raw} AS TIMESTAMP)"
        return f"CASE WHEN {cast}::VARCHAR = {raw} AND plausible({cast}) THEN shanghai({cast}) END"
    if kind == "date":
        cast = f"TRY_CAST({raw} AS DATE)"
        return f"CASE WHEN {cast}::VARCHAR = {raw} AND plausible({cast}) THEN {cast} END"
    if kind == "boolean":
        return f"CASE {raw} WHEN '是' THEN true WHEN '否' THEN false END"
    if kind == "number":
        cast = f"TRY_CAST({raw} AS {field.sql_type})"
        whole = f"TRY_CAST({raw} AS BIGINT)::VARCHAR = {raw}"
        return f"CASE WHEN {whole} OR {cast}::VARCHAR = {raw} THEN {cast} END"
    return f"CASE WHEN {_is_plain(field, kind, raw)} THEN {raw} END"


def _is_plain(field: Field, kind: Kind, raw: str) -> str:
    if field.enum:
        return f"{raw} IN ({', '.join(map(quoted, field.enum))})"
    if field.pattern:
        bare = "" if field.pattern.startswith("^") and field.pattern.endswith("$") else f" AND bare({raw}) = {raw}"
        return f"regexp_matches({raw}, {quoted(field.pattern)}) AND strlen({raw}) = length({raw}){bare}"
    first = f"unicode({raw})"
    ends = f"length({raw}) > 4 AND {first} > 47 AND {first} NOT IN (160, 8203, 12288, 65279)"
    ends += "".join(f" AND NOT ends_with({raw}, chr({code}))" for code in (32, 9, 10, 13))
    if kind == "code":
        return (
            f"{ends} AND strlen({raw}) = length({raw}) AND NOT contains({raw}, '*') AND NOT contains({raw}, 'xx') "
            f"AND NOT contains({raw}, 'E+') AND NOT contains({raw}, 'e+') AND NOT contains({raw}, chr(10))"
        )
    ends += "".join(f" AND NOT ends_with({raw}, chr({code}))" for code in (160, 8203, 12288, 65279))
    return ends if kind == "text" else f"{ends} AND NOT contains({raw}, '*') AND NOT contains({raw}, chr(10))"


def careful_value(field: Field) -> str:
    """SQL: the careful reading's value in the column's type; ``s_x`` is the row of ``readings``."""
    kind = kind_of(field)
    column = {"text": "as_text", "name": "as_text", "code": "as_text", "number": "as_number"}.get(kind, f"as_{kind}")
    column = "as_double" if field.type == "double" else column
    return f"TRY_CAST(s_{field.name}.{column} AS {engine_type(field)})"


def fields_table(fields: Sequence[Field]) -> pa.Table:
    """What the careful readings need to know of each field."""
    return pa.table(
        {
            "field": [f.name for f in fields],
            "kind": [kind_of(f) for f in fields],
            "nulls": pa.array([list(f.nulls) for f in fields], pa.list_(pa.string())),
            "known": pa.array([list(f.values.items()) for f in fields], pa.map_(pa.string(), pa.string())),
            "unit": [re.escape(f.unit or "") for f in fields],
            "places": [places_of(f) for f in fields],
        }
    )


def reading_sql(kind: Kind) -> str:
    """Reads the distinct texts of ``odd`` (field, t) of one kind into the shape of ``readings``."""
    layers, reading, column = _READINGS[kind]
    source = f"(SELECT odd.*, nulls, known, unit, places FROM odd JOIN fields USING (field) WHERE kind = '{kind}')"
    for layer in layers:
        source = f"(SELECT *, {layer} FROM {source})"
    double = "approximate(b, f, d)" if kind == "number" else "NULL"
    rest = "b, f, d" if kind == "number" else "b"
    return f"""INSERT INTO readings BY NAME
        SELECT field, t AS delivered, v.value AS {column}, CASE WHEN v.error IS NULL THEN {double} END AS as_double,
               v.marks AS marks, v.changed AS changed, v.error AS error
        FROM (SELECT field, t, {rest}, {reading} AS v FROM {source})"""
