"""Gold tables drawn as text, in DuckDB or as Delta tables of a lake; random cubes; the value of a variant over them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from citybrain import lake
from citybrain.contracts import Contract
from citybrain.duck import literal
from citybrain.indicators import period as periods
from citybrain.indicators.compile import question_sql
from citybrain.indicators.registry import registry
from tests.tables import CONTRACTS, PARSE

Rows = list[dict[str, Any]]
FLOW, DUE = "gold.governance__work_order_flow_daily", "gold.governance__work_order_due_daily"
STATE, HOURS = "gold.governance__work_order_state_daily", "gold.governance__handling_hours_daily"
CASE, CASE_DUE = "gold.services__case_daily", "gold.services__case_due_daily"
ITEM, AREA = "gold.services__item_daily", "gold.reference__area"
MACRO, AIR = "gold.economy__macro_monthly", "gold.environment__air_daily"
ENTITY, PEOPLE = "gold.economy__entity_daily", "gold.economy__population_yearly"
CALLS = "gold.governance__hotline_daily"
JOURNAL = "gold.platform__indicator_value"
TOWNS = ("440605011", "440605124")
AREAS = """
    gold.reference__area
    area_code | area_name  | area_level | parent_code
    440605    | 南海区     | 区         |
    440605011 | 桂城街道   | 镇街       | 440605
    440605124 | 狮山镇     | 镇街       | 440605
"""
_ARROW = {"bigint": pa.int64(), "int": pa.int32(), "double": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(),
          "timestamp": pa.timestamp("us", tz="UTC"), "array<string>": pa.list_(pa.string())}  # fmt: skip
_INTERVAL = pa.struct([("begin", pa.timestamp("us", tz="UTC")), ("end", pa.timestamp("us", tz="UTC"))])


def drawn(drawing: str) -> tuple[Contract, Rows]:
    """The contract and the rows of a drawing; measures that are not drawn are 0."""
    name, *lines = drawing.strip().splitlines()
    contract = CONTRACTS[name.strip()]
    header, *body = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert set(header) <= set(contract.names), set(header) - set(contract.names)
    rows = []
    for line in body:
        texts = dict(zip(header, line, strict=True))
        rows.append({f.name: _value(f.type, texts.get(f.name, "")) for f in contract.fields})
    measures = {m.name for m in contract.measures} if contract.build == "cube" else set()
    return contract, [{n: 0 if v is None and n in measures else v for n, v in row.items()} for row in rows]


def _value(kind: str, text: str) -> Any:
    if not text:
        return None
    return Decimal(text) if kind.startswith("decimal") else PARSE[kind](text)


def arrow(contract: Contract, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    schema = pa.schema([(f.name, _arrow(f.type)) for f in contract.fields])
    return pa.Table.from_pylist([{n: row.get(n) for n in contract.names} for row in rows], schema=schema)


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("decimal"):
        precision, scale = kind[8:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    return pa.list_(_INTERVAL) if kind == "intervals" else _ARROW.get(kind, pa.string())


def put(table: str, rows: Iterable[Mapping[str, Any]], metadata: str | None = None) -> None:
    """Writes the whole Delta table into the lake of ``CITYBRAIN_HOME``."""
    properties = CommitProperties(custom_metadata={"userMetadata": metadata}) if metadata else None
    write_deltalake(
        lake.table_uri(table), arrow(CONTRACTS[table], rows), mode="overwrite", commit_properties=properties
    )


@contextmanager
def cubes(*drawings: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The drawn gold tables, and empty ones for the rest, in memory."""
    with memory(dict(_by_table(drawings))) as db:
        yield db


def _by_table(drawings: Iterable[str]) -> Iterator[tuple[str, Rows]]:
    for drawing in drawings:
        contract, rows = drawn(drawing)
        yield contract.table, rows


@contextmanager
def memory(tables: Mapping[str, Rows]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute("CREATE SCHEMA gold; SET TimeZone = 'Asia/Shanghai'")
        for contract in CONTRACTS.values():
            if contract.layer == "gold":
                db.register("given", arrow(contract, tables.get(contract.table, [])))
                db.execute(f"CREATE TABLE {contract.table} AS FROM given")
        yield db


def value(
    db: duckdb.DuckDBPyConnection, id: str, variant: str, period: str, as_of: str, area: str = "440605"
) -> tuple[float | None, float | None, float | None]:
    """Numerator, denominator and value, rounded to four places."""
    declared, when = registry(), periods.parse(period)
    chosen = declared.variant(id, variant)
    grain, scope, level = ("district", "all", "区") if area == "440605" else ("town", area, "镇街")
    end = min(when.end, date.fromisoformat(as_of))
    texts = ", ".join(map(literal, (area, level, scope, when.kind, when.name)))
    asked = f"""SELECT * FROM (VALUES ({texts}, DATE '{when.start}', DATE '{end}', DATE '{as_of}'))
        AS t(area_code, area_level, scope, period_kind, period, period_start, period_end, as_of)"""
    sql = question_sql(declared, chosen, asked, [grain])
    row = db.execute(f"SELECT numerator, denominator, value FROM ({sql})").fetchone()
    assert row is not None
    return tuple(None if x is None else round(float(x), 4) for x in row)  # type: ignore[return-value]


def random_cubes(seed: int, rows: int = 60, days: int = 90) -> dict[str, Rows]:
    """Small cubes with towns, rows without a town, and days in two years."""
    chance, first = random.Random(seed), date(2025, 11, 20)

    def day() -> date:
        return first + timedelta(days=chance.randrange(days))

    def n(top: int = 4) -> int:
        return chance.randrange(top)

    def made(table: str, **fixed: Any) -> Rows:
        contract, found = CONTRACTS[table], []
        for _ in range(rows):
            row: dict[str, Any] = {f.name: _random(chance, f.type, f.enum) for f in contract.fields}
            row |= {"town_code": chance.choice([*TOWNS, None])} | {k: make() for k, make in fixed.items()}
            found.append({name: row[name] for name in contract.names})
        return found

    cubes = {
        FLOW: made(FLOW, stat_date=day),
        STATE: made(STATE, change_date=day, order_change=lambda: chance.choice([1, 1, -1])),
        HOURS: made(HOURS, stat_date=day, hours_bin=lambda: n(30), handled_count=n),
        CASE: made(CASE, stat_date=day),
        CALLS: made(CALLS, stat_date=day),
        ITEM: made(ITEM, change_date=day),
        ENTITY: made(ENTITY, change_date=day, entity_change=lambda: chance.choice([1, 1, -1])),
        MACRO: made(MACRO, stat_date=day),
        AIR: made(AIR, stat_date=day),
        PEOPLE: made(PEOPLE, change_date=lambda: chance.choice([date(2024, 12, 31), date(2025, 12, 31)])),
    }
    for table in (DUE, CASE_DUE):
        cubes[table] = made(table, due_date=day)
        for row in cubes[table]:
            row["change_date"] = row["due_date"] + timedelta(days=n(20))
    return cubes | {AREA: drawn(AREAS)[1]}


def _random(chance: random.Random, kind: str, enum: tuple[str, ...] | None) -> Any:
    if enum:
        return chance.choice(enum)
    if kind == "bigint":
        return chance.randrange(5)
    if kind.startswith("decimal"):
        return Decimal(chance.randrange(1, 40_000)).scaleb(-int(kind[8:-1].split(",")[1]))
    return "x"
