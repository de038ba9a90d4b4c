"""Finds the header of a table among its first rows and matches columns to fields by name, never by order."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from citybrain.contracts import Contract, Field
from citybrain.ingest import units
from citybrain.ingest.cells import kind_of
from citybrain.ingest.outcome import Column, Refused

PREVIEW = 40  # rows among which the header must stand
_SHARE = 0.6
_BRACKETS = re.compile(r"[(\[【{<《](.{0,99}?)[)\]】}>》]")  # bounded: a cell of open brackets is no work
_NOISE = re.compile(r"[\s*:_\-—/、,.'\"()\[\]【】{}<>《》]+")
_UNITS = "|".join(map(units.spelled, units.base_sizes())) + (
    "|件|宗|个|户|家|次|项|%|‰|天|日|工作日|度|米|公里|mg/m3|[uμ]g/m3"  # as NFKC writes mg/m³ and µg/m³
)
_UNIT_CELL = re.compile(rf"[(\[]?(?:单位:?)?({_UNITS})[)\]]?")

Rows = Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Header:
    """Where the header stands (0-based rows of the preview) and what its columns are."""

    rows: tuple[int, ...]
    columns: tuple[Column, ...]
    matched: int


def simple(name: str) -> str:
    """Two headers are the same when only blanks, brackets, punctuation, width or case differ."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", name)).casefold()


def unit_in(header: str) -> str | None:
    """The unit that a header states: 面积（亩）, 金额(单位:万元)."""
    for inner in _BRACKETS.findall(unicodedata.normalize("NFKC", header)):
        if found := _UNIT_CELL.fullmatch(inner.strip()):
            return found[1]
    return None


def find_header(rows: Rows, contract: Contract) -> Header:
    """The one to three rows that match most fields; of equals the highest and the fewest. Raises Refused.

    A row is a header when 60 % of its cells are known, or when all required fields are among them: a system's export
    may have many columns that we do not take.
    """
    names = names_of(contract)
    required = {f.name for f in contract.fields if f.required}
    best: tuple[tuple[int, int, int], Header] | None = None
    nearest: tuple[int, int] = (0, 0)
    for start in range(min(len(rows), PREVIEW)):
        for depth in (1, 2, 3):
            if start + depth > len(rows):
                break
            header = _matched(rows[start : start + depth], start, names)
            filled = sum(1 for c in header.columns if c.header)
            nearest = max(nearest, (header.matched, -start))
            share = header.matched / min(len(contract.fields), filled or 1)
            rank = (header.matched, -depth, -start)
            recognised = share >= _SHARE or (header.matched > 2 and required <= {c.field for c in header.columns})
            if header.matched and recognised and (best is None or rank > best[0]):
                best = (rank, header)
    if best is None:
        _refuse(rows, contract, -nearest[1])
    assert best is not None
    _require(best[1], contract)
    return best[1]


def names_of(contract: Contract) -> dict[str, str]:
    """What a field may be headed, simplified → the field."""
    return {simple(header): field.name for field in contract.fields for header in (*field.headers, field.name)}


def _matched(rows: Rows, start: int, names: dict[str, str]) -> Header:
    columns, taken = [], set()
    for position, spellings in enumerate(_spellings(rows)):
        field = next((names[s] for s in map(simple, spellings) if s in names), None)
        field = None if field in taken else field
        if field:
            taken.add(field)
        columns.append(Column(position=position, letter=letter(position), header=spellings[0], field=field))
    return Header(tuple(range(start, start + len(rows))), tuple(columns), len(taken))


def _spellings(rows: Rows) -> Iterator[list[str]]:
    """Of each column the ways in which its header may be read: all levels joined, the lower ones, each level alone,
    without its bracket."""
    width = max(map(len, rows))
    filled = [*(_forward(row, width) for row in rows[:-1]), [*rows[-1], *[None] * (width - len(rows[-1]))]]
    for position in range(width):
        levels = [(row[position] or "").strip() for row in filled]
        levels = [level for i, level in enumerate(levels) if level and level not in levels[:i]]
        whole = "_".join(levels)
        lower = ["_".join(levels[start:]) for start in range(1, len(levels) - 1)]
        yield [whole, *lower, *reversed(levels), _BRACKETS.sub("", unicodedata.normalize("NFKC", whole))]


def _forward(row: Sequence[str | None], width: int) -> list[str | None]:
    """A merged cell holds its text in its first column only."""
    out: list[str | None] = []
    for cell in [*row, *[None] * (width - len(row))]:
        out.append(cell if cell and cell.strip() else (out[-1] if out else None))
    return out


def letter(position: int) -> str:
    """0 → A, 26 → AA."""
    name, n = "", position + 1
    while n:
        n, rest = divmod(n - 1, 26)
        name = chr(65 + rest) + name
    return name


def _refuse(rows: Rows, contract: Contract, nearest: int) -> None:
    shown = [c.strip() for c in (rows[nearest] if rows else []) if c and c.strip()][:12]
    headers = "、".join(shown) or "（空）"
    raise Refused("no_header", rows=min(len(rows), PREVIEW), table=contract.title, row=nearest + 1, headers=headers)


def _require(header: Header, contract: Contract) -> None:
    have = {c.field for c in header.columns}
    missing = [f for f in contract.fields if f.required and f.name not in have]
    if missing:
        free = [c.header for c in header.columns if c.header and not c.field]
        nearest = "、".join(_near(missing, free)) or "无"
        raise Refused("missing_column", columns="、".join(f.title for f in missing), nearest=nearest)


def _near(missing: Sequence[Field], free: Sequence[str]) -> list[str]:
    found = [h for f in missing for name in f.headers for h in difflib.get_close_matches(name, free, 3, 0.3)]
    return list(dict.fromkeys(found)) or list(free[:8])


def is_unit_row(below: Sequence[str | None]) -> bool:
    """Does the row below the header hold nothing but units?"""
    return bool(any(below)) and all(_UNIT_CELL.fullmatch(units.spelled(c)) for c in below if c and c.strip())


def with_units(
    header: Header, below: Sequence[str | None], titles: Sequence[str], contract: Contract
) -> tuple[Column, ...]:
    """The columns, each with the factor to the agreed unit from the one that header, unit row or title states; and a
    column for a unit that only the title states. Refuses a unit that cannot be told in the agreed one."""
    columns = []
    for column in header.columns:
        unit = contract.field(column.field).unit if column.field else None
        given = unit and (unit_in(column.header) or _unit_below(column, below) or units.stated_for(unit, titles))
        if not unit or not given:
            columns.append(column)
            continue
        times = units.factor(given, unit)
        is_number = column.field and kind_of(contract.field(column.field)) == "number"
        if times is None or (times != 1 and not is_number):  # a text that tells an amount is not converted
            raise Refused("unit_differs", title=column.header, text=given, expected=unit)
        columns.append(column.model_copy(update={"factor": None if times == 1 else str(times)}))
    return (*columns, *_stated(header, titles, contract))


def _unit_below(column: Column, below: Sequence[str | None]) -> str | None:
    cell = below[column.position] if column.position < len(below) and is_unit_row(below) else None
    match = _UNIT_CELL.fullmatch(units.spelled(cell)) if cell else None
    return match[1] if match else None


def _stated(header: Header, titles: Sequence[str], contract: Contract) -> Iterator[Column]:
    """A column of units that the file does not have, when its title says the one unit of all rows."""
    have = {c.field for c in header.columns}
    for name in dict.fromkeys(f.unit_in for f in contract.fields if f.unit_in and f.name in have):
        field = contract.field(name)
        fitting = [unit for unit in units.stated(titles) if unit in (field.enum or ())]
        if name not in have and len(fitting) == 1:
            position = len(header.columns)
            yield Column(position=position, letter="", header=field.title, field=name, stated=fitting[0])
