"""What a contract may say. Pure pydantic: Airflow, Spark, Superset's renderer and the portal all read the same model.

A contract declares one table once. A field is a name of the vocabulary (``schemas/fields/*.yaml``) unless the table
says otherwise; ``name?`` is a field that may be null.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

LAYERS = ("bronze", "silver", "gold")
Severity = Literal["block", "warn", "note"]
Fixer = Literal["department", "bureau"]
_TYPE = re.compile(r"string|text|bigint|int|double|boolean|date|timestamp|decimal\(\d+,\d+\)|array<string>|intervals")
INTERVALS = "array<struct<begin:timestamp,end:timestamp>>"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = re.compile(  # words of SQL that DuckDB takes for no name; a test knows whether they still are these
    "all|analyse|analyze|and|any|array|as|asc|asymmetric|both|case|cast|check|collate|column|"
    "constraint|create|default|deferrable|desc|describe|distinct|do|else|end|except|false|fetch|"
    "for|foreign|from|group|having|in|initially|intersect|into|lambda|lateral|leading|limit|not|"
    "null|offset|on|only|or|order|pivot|pivot_longer|pivot_wider|placing|primary|qualify|"
    "references|returning|select|show|some|summarize|symmetric|table|then|to|trailing|true|union|"
    "unique|unpivot|using|variadic|when|where|window|with"
)
Unbuilt = pydantic.Field(exclude=True)  # says nothing of the rows: no part of the fingerprint, rebuilds nothing


class Strict(BaseModel):
    """Unknown keys are errors: a typo must not pass for a rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(Strict):
    """All that can be said of a column: meaning, type, unit, how deliveries name it, what is valid, who may see it."""

    type: str
    title: str
    unit: str | None = None
    aliases: tuple[str, ...] = ()  # further headers under which departments deliver it; the title always counts
    required: bool = True
    enum: tuple[str, ...] | None = None
    values: dict[str, str] = {}  # delivered spelling → standard value (status vocabularies drift)
    nulls: tuple[str, ...] = ()  # further spellings of "nothing" in this column
    pattern: str | None = None
    min: float | None = None
    max: float | None = None
    check: Literal["id_card", "uscc"] | None = None
    levels: bool = False  # a text of several levels, kept joined by ->
    semantics: Literal["month", "ytd"] | None = None  # a number of the month, or since January
    unit_in: str | None = None  # the column that states the unit, row by row
    severity: Severity = "block"  # of a broken rule of this field, except `required` and typing, which always block
    personal: Literal["none", "personal", "sensitive"] = "none"
    level: Literal["一般1", "一般2", "一般3", "一般4", "重要", "核心"] = "一般1"
    description: str | None = None
    example: str | None = None

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if not _TYPE.fullmatch(value):
            raise ValueError(f"unknown type {value!r}; one of {_TYPE.pattern}")
        return value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            re.compile(value)
        return value


class Field(FieldSpec):
    """A column of one table: the vocabulary's entry with what the table says otherwise."""

    name: str

    @property
    def sql_type(self) -> str:
        """The column's type in Spark, Delta and DuckDB SQL (``text`` is a string that is redacted before silver)."""
        return {"text": "string", "intervals": INTERVALS}.get(self.type, self.type)

    @property
    def headers(self) -> tuple[str, ...]:
        return (self.title, *self.aliases)


class Due(Strict):
    """By when a period's delivery is owed.

    Which period a row is of, `of`, `series` or `period` says; where none does, the first delivery after a period's end
    carries it.
    """

    workdays: Annotated[int, pydantic.Field(ge=0)] | None = None  # after the period's end
    days: Annotated[int, pydantic.Field(ge=0)] | None = None  # or natural days
    of: tuple[str, ...] = ()  # a column of days, or year and month
    except_months: tuple[Annotated[int, pydantic.Field(ge=1, le=12)], ...] = ()  # months that owe nothing
    mend: Annotated[int, pydantic.Field(ge=1)] = 5  # working days in which quarantined rows are to be mended

    @model_validator(mode="after")
    def _one_of(self) -> Due:
        if self.workdays is not None and self.days is not None:
            raise ValueError("due: give `workdays` or `days`")
        if len(self.of) > 2:
            raise ValueError("due.of: one column, or a year and a month")
        return self


class Delivery(Strict):
    """How a source hands over its data."""

    how: tuple[Literal["upload", "folder", "api", "database", "project"], ...] = ("upload", "folder")
    format: tuple[Literal["xlsx", "csv", "json"], ...] = ("xlsx", "csv")
    every: Literal["hour", "day", "week", "month", "quarter", "once"]
    mode: Literal["events", "upsert", "snapshot"]
    version: str | None = None  # of two rows with one key the higher wins, then the later receipt
    period: str | None = None  # of a snapshot: the column that says of which time it is; the latest of each stands
    crs: str | None = None  # of the coordinates, where a row does not say its own; planes are of crs.yaml
    filled: tuple[str, ...] = ()  # columns in which a blank cell (of a merged one) means the one above
    series: tuple[str, ...] = ()  # year, or year and month: rows are compared with those of a month and a year before
    due: Annotated[Due, Unbuilt] = Due()


class Rule(Strict):
    """What a field cannot say: a relation between columns (``where``: the rows that break it), how many rows of a table
    may be of a kind (``share``: a condition; broken if true of more than ``above`` of all rows, or of those ``of`` is
    true of) or any other rule of a table (``query`` over ``{batch}``: the rows it returns break it). Rows that differ
    in a column of ``within`` have nothing to do with each other in a query, so that a refresh judges only some."""

    rule: str
    message: str
    severity: Severity
    fix: Fixer
    where: str | None = None
    query: str | None = None
    within: tuple[str, ...] = ()
    share: str | None = None
    of: str | None = None
    above: float | None = None
    dirt: str | None = None  # code of the dirt catalogue

    @model_validator(mode="after")
    def _one_form(self) -> Rule:
        if sum(form is not None for form in (self.where, self.query, self.share)) != 1:
            raise ValueError(f"rule {self.rule}: give either `where`, `query` or `share`")
        if (self.share is None) != (self.above is None) or (self.of and not self.share):
            raise ValueError(f"rule {self.rule}: `above` belongs to a `share`, which needs it; `of` to nothing else")
        if self.within and not self.query:
            raise ValueError(f"rule {self.rule}: `within` belongs to a `query`")
        return self

    @property
    def sql(self) -> str:
        """The rows that break the rule among those of ``{batch}``; of a share one row that tells it."""
        if self.where:
            return f"SELECT * FROM {{batch}} WHERE {self.where}"
        if self.share:
            rows = f"{{batch}} WHERE {self.of}" if self.of else "{batch}"
            return f"SELECT avg(IF({self.share}, 1, 0)) AS share FROM {rows} HAVING share > {self.above}"
        return self.query or ""


class Contract(Strict):
    """One table: what it is, what one row is, where it comes from, how it is built."""

    table: str
    title: str
    owner: str
    grain: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    description: str | None = None
    warnings: tuple[str, ...] = ()  # what a user of the table must know
    source: str | None = None  # number of the data set in the bureau's list (S01 …)
    delivery: Delivery | None = None
    inputs: tuple[str, ...] = ()
    build: Literal["replace", "merge", "cube", "journal"] | None = None
    per: tuple[str, ...] = ()
    via: dict[str, str] = {}  # lookup table → the column of this table through which its changes are followed
    partition: tuple[str, ...] = ()
    parameters: dict[str, str | int | float] = {}
    version: Annotated[int, Unbuilt] = 1  # raised by whoever breaks what the table promised (contracts/gate.py)
    changes: Annotated[dict[int, str], Unbuilt] = {}  # version → what it broke and why, for each after the first
    rules: tuple[Rule, ...] = ()

    @property
    def layer(self) -> str:
        return self.table.split(".")[0]

    @property
    def name(self) -> str:
        return self.table.split(".")[1]

    @property
    def group(self) -> str:
        """Source of a bronze table, theme of a gold one: the part of the name before the double underscore."""
        return self.name.split("__")[0]

    @property
    def shares(self) -> tuple[Rule, ...]:
        """The rules that limit how many rows are of a kind."""
        return tuple(rule for rule in self.rules if rule.share)

    @property
    def measures(self) -> tuple[Field, ...]:
        """Of a cube: what is summed, i.e. every field that is not in the key."""
        return tuple(f for f in self.fields if f.name not in self.key)

    @property
    def looked_up_by(self) -> str | None:
        """The column by which a refresh finds the rows that it may change: of a cube the first day. None: it asks for
        all rows."""
        if self.build == "cube":
            return next((name for name in self.key if self.field(name).type == "date"), None)
        return self.per[0] if self.per else None

    def follows(self, source: Contract) -> bool:
        """Whether an input is followed row by row: a cube's facts; in a merge, what holds all ``per`` columns."""
        return self.build == "cube" or (self.build == "merge" and set(self.per) <= set(source.names))

    def field(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    @model_validator(mode="after")
    def _holds_together(self) -> Contract:
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _problems(c: Contract) -> Any:
    names = [f.name for f in c.fields]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        yield f"fields named twice: {twice}"
    if bad := [n for n in names if not _NAME.fullmatch(n)]:
        yield f"field names are snake_case: {bad}"
    if words := [n for n in names if _RESERVED.fullmatch(n)]:
        yield f"field names are no words of SQL: {words}"
    optional_keys_allowed = c.build in ("cube", "journal")  # a cube may count what has no town under null
    for label, columns in (("key", c.key), ("per", c.per), ("partition", c.partition), ("via", c.via.values())):
        if missing := [n for n in columns if n not in names]:
            yield f"{label} names columns that are not fields: {missing}"
    if not optional_keys_allowed and (open_keys := [n for n in c.key if n in names and not c.field(n).required]):
        yield f"key columns must be required: {open_keys}"
    if (c.layer == "bronze") != (c.delivery is not None):
        yield "a bronze table, and only a bronze table, has a delivery"
    if (c.layer == "bronze") == (c.build is not None):
        yield "a silver or gold table, and only those, has a build"
    if c.layer != "bronze" and not c.inputs:
        yield "a built table names its inputs"
    if (c.build == "merge") != bool(c.per):
        yield "`per` belongs to build: merge, which needs it"
    if c.delivery and c.delivery.version and c.delivery.version not in names:
        yield f"delivery.version {c.delivery.version} is not a field"
    if c.delivery and c.delivery.period and c.delivery.period not in names:
        yield f"delivery.period {c.delivery.period} is not a field"
    if c.delivery and (odd := [n for n in (*c.delivery.filled, *c.delivery.series) if n not in names]):
        yield f"delivery names columns that are not fields: {odd}"
    if c.delivery and (texts := [n for n in c.delivery.filled if n in names and c.field(n).type == "text"]):
        yield f"free text is never filled from the row above: {texts}"
    if odd := [f.unit_in for f in c.fields if f.unit_in and f.unit_in not in names]:
        yield f"unit_in names columns that are not fields: {odd}"
    if c.delivery and (missing := [n for n in c.delivery.due.of if n not in names]):
        yield f"delivery.due.of names columns that are not fields: {missing}"
    if sorted(c.changes) != list(range(2, c.version + 1)):
        yield f"version {c.version} needs `changes` to say why for each version from 2 on"
    if c.build == "cube":
        yield from _cube_problems(c)
    for r in c.rules:
        yield from _rule_problems(c, r)
    if c.build == "journal" and names[-2:] != ["published_at", "revision"]:
        yield "a journal ends in published_at and revision, which the runner fills"


def _rule_problems(c: Contract, r: Rule) -> Any:
    if odd := [n for n in r.within if n not in c.key]:
        yield f"rule {r.rule}: within names columns that are not in the key: {odd}"
    if c.build and (r.where or r.within) and r.severity != "block":
        yield f"rule {r.rule}: what judges only changed rows (`where`, `within`) blocks, or the others would go untold"
    if c.delivery and not r.where:
        yield f"rule {r.rule}: rows are delivered one by one, so a rule of a bronze table is a `where`"


def _cube_problems(c: Contract) -> Any:
    if wrong := [f.name for f in c.measures if not (f.type == "bigint" or f.type.startswith("decimal"))]:
        yield f"measures of a cube are bigint or decimal: {wrong}"
    if "row_count" not in c.names:
        yield "a cube has the measure row_count, so that a cell nobody contributes to any more goes away"
    if len(c.inputs) != 1:
        yield "a cube has one input, its facts"
