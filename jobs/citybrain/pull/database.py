"""A query against a database, read through one cursor and written as it was answered: a csv under the query's names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import IO, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Select, bindparam, column, create_engine, literal_column, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from citybrain.clock import SHANGHAI
from citybrain.pull import watermark
from citybrain.pull.declared import Database, PullError
from citybrain.pull.harvest import Harvest, digest_of
from citybrain.pull.steps import Recorder

BATCH = 5_000  # rows of a "page"
_READ_ONLY = {"postgresql": {"postgresql_readonly": True}}


def fetch(database: Database, kept: str | None, out: IO[bytes], recorder: Recorder, began: datetime) -> Harvest:
    """Writes the rows that are new since the watermark. Raises PullError."""
    harvest = Harvest(database.watermark, kept, began)
    try:
        with recorder.step("connect"):
            engine = _engine(database, recorder)
            connection = engine.connect()
        with connection:
            _read(database, kept, connection, out, recorder, harvest)
    except SQLAlchemyError as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        raise PullError(f"{type(said).__name__}: {said}".strip()) from error
    harvest.check()
    return harvest


def _engine(database: Database, recorder: Recorder) -> Engine:
    url = recorder.secrets.filled(database.url, lambda value: quote(value, safe=""))
    return create_engine(url, poolclass=NullPool, hide_parameters=True)


def _read(
    database: Database, kept: str | None, connection: Connection, out: IO[bytes], recorder: Recorder, harvest: Harvest
) -> None:
    options: dict[str, Any] = {"stream_results": True, **_READ_ONLY.get(connection.dialect.name, {})}
    connection = connection.execution_options(**options)
    query, parameters = _query(database, kept)
    lines = csv.writer(stream := io.TextIOWrapper(out, "utf-8", newline="", write_through=True))
    try:
        with recorder.step("fetch", page=0):
            result = connection.execute(query, parameters)
            names = list(result.keys())
            place = _place(names, database)
            lines.writerow(names)
        batches, page = iter(result.partitions(BATCH)), 0
        while True:
            page += 1
            with recorder.step("fetch", page=page) as facts:
                if (rows := next(batches, None)) is None:
                    facts.rows = 0
                    return
                cells = [[_cell(value) for value in row] for row in rows]
                lines.writerows(cells)
                harvest.add(map(digest_of, cells), _column(rows, place))
                facts.rows = len(rows)
    finally:
        stream.detach()


def _query(database: Database, kept: str | None) -> tuple[Select[Any], dict[str, Any]]:
    query: Select[Any] = select(literal_column("*")).select_from(text(f"({database.query}) pulled"))
    mark = database.watermark
    at = watermark.since(mark, kept) if mark else None
    if mark is None or at is None:
        return query, {}
    return query.where(column(mark.column) >= bindparam("since")), {"since": watermark.bound(mark, at)}


def _place(names: list[str], database: Database) -> int | None:
    if database.watermark is None:
        return None
    if database.watermark.column not in names:
        raise PullError(f"the query gives no column {database.watermark.column!r}, which is to tell what is new")
    return names.index(database.watermark.column)


def _column(rows: Iterable[Any], place: int | None) -> list[Any]:
    return [] if place is None else [row[place] for row in rows]


def _cell(value: Any) -> str:
    """The value as a csv says it; instants in Shanghai's wall clock, as all of ours."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return str(value.astimezone(SHANGHAI).replace(tzinfo=None) if value.tzinfo else value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
