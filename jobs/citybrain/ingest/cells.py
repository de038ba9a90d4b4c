"""How the text of a cell becomes a value: at once where it is plainly as agreed, else through reading.sql.

The plain cast runs on every cell and must be cheap. What it leaves (``o_x``) is read carefully, each text once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from citybrain.contracts import Contract, Field
from citybrain.duck import literal
from citybrain.ingest.outcome import Column

Kind = Literal["text", "name", "code", "phone", "path", "number", "boolean", "timestamp", "date"]
DITTO = "〃"  # before a text that was not delivered in its own cell but in one above
_CODE_NAME = re.compile(r"_(id|code|no|phone|card|cell|area|unit)$")

# Codes that need no second look: no scientific number, no mask, nothing but ASCII letters, digits and dashes.
_CODE = "([A-WYZa-wyz]|[0-9]{2})[0-9A-WYZa-wyz-]*[0-9xX]?|[0-9]"
_NARROW = re.compile(r"([A-Za-z0-9]|\\d|\{\d+(,\d+)?\})+")  # patterns that match nothing but ASCII
_BLANKS = (32, 9, 10, 13, 160, 8203, 12288, 65279)
# What a name that needs no second look does not have: masks, line breaks, blanks at its ends, the sign of an error.
_NO_NAME = r"[*＊●×\r\n\t]|[xX]{3}|^[ 〃\x{a0}\x{200b}\x{3000}\x{feff}#]|[ \x{a0}\x{200b}\x{3000}\x{feff}]$"
# Every spelling of "nothing" that reading.sql knows.
NOTHING = (
    *("", "—", "——", "－", "-", "--", "/", "／", "#N/A", "N/A", "n/a", "···", "…", "……", "...", "NULL", "null", "None"),
    *("NaN", "\\N", "无", "空", "暂无", "不详"),
)

READINGS_SCHEMA = """field VARCHAR, delivered VARCHAR, as_text VARCHAR, as_number DECIMAL(38, 10), as_double DOUBLE,
    as_boolean BOOLEAN, as_timestamp TIMESTAMP, as_date DATE, marks VARCHAR[], changed BOOLEAN, error VARCHAR"""

_MOMENT_LAYERS = (
    "moment_text(t) AS b",
    "moment_parts(b) AS p",
    "hour_of(p) AS h",
    "coalesce(serial_of(b, since_1904), wall_of(p, h)) AS w",
)
# Of each kind: the layers below the reading (see reading.sql), the reading, the column that takes its value.
_READINGS: dict[Kind, tuple[tuple[str, ...], str, str]] = {
    "text": (("bare(t) AS b",), "read_text(t, b, field)", "as_text"),
    "name": (("bare(t) AS b",), "read_name(t, b, field, nulls)", "as_text"),
    "code": (("code_text(t) AS b", "codes_in(b, shape) AS f"), "read_code(t, b, f, field, nulls, known)", "as_text"),
    "phone": (
        ("code_text(t) AS b", "phone_text(b) AS f", "phones_in(f) AS d"),
        "read_phone(t, b, f, d, field, nulls, known)",
        "as_text",
    ),
    "path": (("bare(t) AS b", "path_text(b) AS f"), "read_path(t, b, f, field, nulls)", "as_text"),
    "boolean": (("bare(t) AS b",), "read_boolean(t, b, field, nulls)", "as_boolean"),
    "number": (
        (
            "number_text(coalesce(known[half(bare(t))], t), unit) AS b",
            "number_form(b, unit) AS f",
            "CASE WHEN counted OR NOT regexp_matches(b, '[万亿]')"
            " THEN in_unit(number_digits(b), num, den, places) END AS d",
        ),
        "read_number(coalesce(known[half(bare(t))], t), b, f, d, field, nulls, places)",
        "as_number",
    ),
    "timestamp": (_MOMENT_LAYERS, "read_timestamp(t, b, p, w, field, nulls)", "as_timestamp"),
    "date": (_MOMENT_LAYERS, "read_date(t, b, p, w, field, nulls)", "as_date"),
}


class Delivered(Field):
    """A field as one file delivers it."""

    factor: Fraction = Fraction(1)  # from the unit that the file states to the field's own
    filled: bool = False  # a blank cell means the one above it
    stated: bool = False  # the text stands in the title, once for all rows
    since_1904: bool = False  # the workbook counts days from there

    @property
    def is_converted(self) -> bool:
        return self.factor != 1 or self.stated

    @property
    def is_never_plain(self) -> bool:
        """Its text is not the value, whatever it looks like."""
        return self.is_converted or self.since_1904


def delivered(field: Field, column: Column, contract: Contract) -> Field:
    """The field with what its column in the file says otherwise."""
    filled = bool(contract.delivery and field.name in contract.delivery.filled)
    stated = column.stated is not None
    if not (column.factor or filled or stated or column.since_1904):
        return field
    return Delivered(
        **field.model_dump(),
        factor=Fraction(column.factor or 1),
        filled=filled,
        stated=stated,
        since_1904=column.since_1904,
    )


def kind_of(field: Field) -> Kind:
    if field.type in ("timestamp", "date", "boolean", "text"):
        return field.type  # type: ignore[return-value]
    if field.type in ("bigint", "int", "double") or field.type.startswith("decimal"):
        return "number"
    if field.levels:
        return "path"
    if field.name.endswith("_phone"):
        return "phone"
    coded = field.pattern or field.enum or field.values or field.check or _CODE_NAME.search(field.name)
    return "code" if coded else "name"


def places_of(field: Field) -> int:
    """Decimal places that a number column keeps."""
    if field.type == "double":
        return 10
    return int(field.type.rstrip(")").split(",")[1]) if field.type.startswith("decimal") else 0


def digits_of(field: Field) -> int:
    """Digits before the point that every number column of the type can hold."""
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", field.type):
        return min(int(match[1]) - int(match[2]), 18)
    return 9 if field.type == "int" else 18


def engine_type(field: Field) -> str:
    return {"text": "VARCHAR", "string": "VARCHAR"}.get(field.type, field.sql_type.upper())


def cast_value(field: Field, raw: str) -> str:
    """SQL: the value of text that is plainly as agreed; instants in UTC. ``plain.typed`` is the same in Arrow."""
    kind = kind_of(field)
    if kind == "boolean":
        return f"({raw} = '是')"
    if kind == "timestamp":
        return f"(TRY_CAST({raw} AS TIMESTAMP) - INTERVAL 8 HOUR)"
    return raw if kind in ("text", "name", "code") else f"TRY_CAST({raw} AS {engine_type(field)})"


def is_plain(field: Field, raw: str) -> str:
    """SQL: is the text plainly as agreed? What is so cannot fail to be cast. Beside it stands ``help_value``."""
    kind, value = kind_of(field), f"v_{field.name}"
    if isinstance(field, Delivered) and field.is_never_plain:
        return "false"
    if kind == "timestamp":  # as DuckDB writes it; until 1991 Shanghai had summer time
        bounds = f"{value} >= TIMESTAMP '1991-09-16 08:00:00' AND {value} < TIMESTAMP '2100-12-31 08:00:00'"
        return f"({value}::VARCHAR = {raw} AND {bounds})"
    if kind == "date":
        return f"({value}::VARCHAR = {raw} AND plausible({value}))"
    if kind == "boolean":
        return f"{raw} IN ('是', '否')"
    if kind == "number":
        places, digits = places_of(field), digits_of(field)
        fraction = f"(\\.[0-9]{{1,{places}}})?" if places else ""
        special = (*field.nulls, *field.values)
        nothing = f" AND {raw} NOT IN ({', '.join(map(literal, special))})" if special else ""
        return f"(regexp_full_match({raw}, '-?(0|[1-9][0-9]{{0,{digits - 1}}}){fraction}'){nothing})"
    if field.enum:
        return f"{raw} IN ({', '.join(map(literal, field.enum))})"
    return _PLAIN_TEXTS[kind](field, raw)


def plain_value(field: Field, raw: str) -> str:
    """SQL: the value (an instant in UTC) of text that is plainly as agreed, else NULL."""
    return f"CASE WHEN {is_plain(field, raw)} THEN {cast_value(field, raw)} END"


def stored(field: Field) -> str:
    """SQL: instants leave as instants: Parquet and Delta then know them to be UTC."""
    return f"make_timestamptz(epoch_us({field.name})) AS {field.name}" if kind_of(field) == "timestamp" else field.name


def _plain_code(field: Field, raw: str) -> str:
    if field.check == "id_card":
        return f"coalesce(id_card_sound({raw}, v_{field.name}), false)"
    if field.pattern and not field.nulls and not field.values:
        whole = field.pattern.startswith("^") and field.pattern.endswith("$")
        bare = "" if whole else f" AND bare({raw}) = {raw}"
        narrow = "" if whole and _NARROW.fullmatch(field.pattern[1:-1]) else f" AND strlen({raw}) = length({raw})"
        return f"(regexp_matches({raw}, {literal(field.pattern)}){narrow}{bare})"
    special = [t for t in (*NOTHING, *field.nulls, *field.values) if re.fullmatch(_CODE, t)]
    return f"(regexp_full_match({raw}, {literal(_CODE)}) AND {raw} NOT IN ({', '.join(map(literal, special))}))"


def _plain_name(field: Field, raw: str) -> str:
    special = ", ".join(map(literal, (*NOTHING, *field.nulls)))
    return f"(NOT regexp_matches({raw}, {literal(_NO_NAME)}) AND {raw} NOT IN ({special}))"


def _plain_text(_field: Field, raw: str) -> str:
    ends = " AND ".join(f"NOT ends_with({raw}, chr({code}))" for code in _BLANKS)
    first = f"unicode({raw}) > 47 AND unicode({raw}) NOT IN ({', '.join(map(str, _BLANKS))})"
    other = f"{first} AND {raw} NOT IN ({', '.join(map(literal, NOTHING))})"
    return (
        f"({ends} AND CASE WHEN unicode({raw}) BETWEEN 13312 AND 40959 THEN true ELSE {other} END)"  # Chinese at once
    )


def _plain_phone(_field: Field, raw: str) -> str:
    return f"regexp_full_match({raw}, '1[3-9][0-9]{{9}}|0[0-9]{{2,3}}-[2-8][0-9]{{6,7}}')"


def _plain_path(field: Field, raw: str) -> str:
    level = r"[^\s>＞→》/／\\—－=-]+"
    return f"({_plain_name(field, raw)} AND regexp_full_match({raw}, {literal(f'{level}(->{level})*')}))"


_PLAIN_TEXTS = {
    "code": _plain_code,
    "phone": _plain_phone,
    "path": _plain_path,
    "name": _plain_name,
    "text": _plain_text,
}


def help_value(field: Field, raw: str) -> str | None:
    """SQL: what ``is_plain`` uses more than once, as ``v_x``: a moment, or an identity number but for its check digit.
    None of other fields."""
    if field.check == "id_card":
        return f"TRY_CAST(left({raw}, 17) AS BIGINT) AS v_{field.name}"
    return f"TRY_CAST({raw} AS {field.type}) AS v_{field.name}" if kind_of(field) in ("timestamp", "date") else None


def careful_value(field: Field) -> str:
    """SQL: the careful reading's value in the column's type; ``s_x`` is the row of ``readings``."""
    kind = kind_of(field)
    column = _READINGS[kind][2]
    column = "as_double" if field.type == "double" else column
    return f"TRY_CAST(s_{field.name}.{column} AS {engine_type(field)})"


FIELDS = {
    "field": "VARCHAR", "kind": "VARCHAR", "nulls": ["VARCHAR"], "known": "MAP(VARCHAR, VARCHAR)", "unit": "VARCHAR",
    "places": "INTEGER", "shape": "VARCHAR", "num": "BIGINT", "den": "BIGINT", "also": "VARCHAR", "filled": "BOOLEAN",
    "since_1904": "BOOLEAN", "counted": "BOOLEAN",
}  # fmt: skip


def fields_rows(fields: Sequence[Field]) -> list[dict[str, object]]:
    """What the careful readings need to know of each field, in the shape of ``FIELDS``."""
    return [
        {
            "field": f.name,
            "kind": kind_of(f),
            "nulls": f.nulls,
            "known": f.values,
            "unit": re.escape(f.unit or "") if is_counted(f) else "",
            "places": places_of(f),
            "shape": shape_of(f),
            "num": f.factor.numerator if isinstance(f, Delivered) else 1,
            "den": f.factor.denominator if isinstance(f, Delivered) else 1,
            "also": "X13" if isinstance(f, Delivered) and f.is_converted else None,
            "filled": isinstance(f, Delivered) and f.filled,
            "since_1904": isinstance(f, Delivered) and f.since_1904,
            "counted": is_counted(f),
        }
        for f in fields
    ]


def is_counted(field: Field) -> bool:
    """Is a number of the file one of the field's own units? Where header, title or another column states the unit, a
    万, 亿 or 人 in the cell states one again: it might be meant besides or instead."""
    return field.unit_in is None and not (isinstance(field, Delivered) and field.factor != 1)


def shape_of(field: Field) -> str | None:
    """What a code of the field looks like within a longer text; none where nothing tells it from other words."""
    if field.check:
        return {"uscc": "[0-9A-HJ-NPQRTUWXY]{18}", "id_card": "[0-9]{17}[0-9Xx]"}[field.check]
    whole = (field.pattern or "").removeprefix("^").removesuffix("$")
    narrow = field.pattern == f"^{whole}$" and _NARROW.fullmatch(whole)
    return whole if narrow and len(field.example or "") >= 6 else None


def reading_sql(kind: Kind) -> str:
    """Reads the distinct texts of ``odd`` (field, t) of one kind into the shape of ``readings``."""
    layers, reading, column = _READINGS[kind]
    ditto = f"(filled AND starts_with(t, '{DITTO}'))"
    source = f"""(SELECT fields.*, odd.t AS delivered, {ditto} AS ditto, CASE WHEN {ditto} THEN t[2:] ELSE t END AS t
        FROM odd JOIN fields USING (field) WHERE kind = '{kind}')"""
    for layer in layers:
        source = f"(SELECT *, {layer} FROM {source})"
    double = "approximate(b, f, d)" if kind == "number" else "NULL"
    rest = "b, f, d" if kind == "number" else "b"
    also = "CASE WHEN since_1904 AND is_time_of_workbook(delivered) THEN 'X12' ELSE also END"
    more = "[CASE WHEN ditto THEN field || ':X19' END, CASE WHEN v.value IS NOT NULL THEN field || ':' || also END]"
    marks = f"list_concat(v.marks, list_filter({more}, lambda m: m IS NOT NULL))"
    return f"""INSERT INTO readings BY NAME
        SELECT field, delivered, v.value AS {column}, CASE WHEN v.error IS NULL THEN {double} END AS as_double,
               {marks} AS marks, v.changed OR ditto OR (also IS NOT NULL AND v.value IS NOT NULL) AS changed,
               v.error AS error
        FROM (SELECT field, delivered, ditto, {also} AS also, {rest}, {reading} AS v FROM {source})"""
