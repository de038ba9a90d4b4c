"""The connections of a site: ``pulls/<table>.yaml`` in its folder (``CITYBRAIN_SCHEMAS``), beside its own contracts.

The contract says that a table comes by ``api`` or ``database``; from where is the site's affair. A secret is never
written there: ``${NAME}`` stands for the environment variable of that name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, RootModel, model_validator

from citybrain.contracts.load import ContractError, folders, found, read_yaml, validated
from citybrain.contracts.model import Contract, Strict

_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class PullError(RuntimeError):
    """The source did not give what was asked for; the message says what is wrong and holds no secret."""

    exit_code = 1


class Watermark(Strict):
    """What is new: rows whose column is at least as high as the highest that was loaded, less an overlap."""

    column: str
    kind: Literal["timestamp", "instant", "date", "number", "text"] = "timestamp"  # instant: the database keeps zones
    start: str | None = None  # before anything was pulled; by default everything is
    overlap: Annotated[int, Field(ge=0)] = 0  # seconds, days or units: what is committed late is not missed
    parameter: str | None = None  # of an API: how the request says it
    format: str = "%Y-%m-%d %H:%M:%S"  # of an API: how it writes times; epoch_ms and epoch_s are known


class Pages(Strict):
    """How an API cuts its answer into pages."""

    by: Literal["number", "offset", "cursor", "link", "keyset"]
    parameter: str | None = None  # that carries number, offset or cursor
    first: int = 1  # of numbers
    size: Annotated[int, Field(ge=1)] | None = None
    size_parameter: str | None = None
    next: str | None = None  # where in the answer the cursor or link to the next page stands
    total: str | None = None  # where it says how many rows there are in all

    @model_validator(mode="after")
    def _complete(self) -> Pages:
        if self.by in ("number", "offset", "cursor") and not self.parameter:
            raise ValueError(f"pages by {self.by} need `parameter`")
        if self.by in ("cursor", "link") and not self.next:
            raise ValueError(f"pages by {self.by} need `next`")
        if self.by == "offset" and not self.size:
            raise ValueError("pages by offset need `size`")
        if self.size and not self.size_parameter:
            raise ValueError("`size` needs `size_parameter`")
        return self


class Api(Strict):
    """JSON over HTTP."""

    how: Literal["api"]
    url: str
    method: Literal["GET", "POST"] = "GET"  # POST: the parameters are a JSON object in the body
    headers: dict[str, str] = Field(default_factory=dict)
    params: dict[str, str | int] = Field(default_factory=dict)
    rows: str = ""  # where in an answer the list of rows stands: data.records
    success: dict[str, str | int | bool] = Field(default_factory=dict)  # what a good answer says, e.g. {code: 0}
    columns: dict[str, str] = Field(default_factory=dict)  # key of the answer → header that the contract knows
    pages: Pages | None = None
    watermark: Watermark | None = None
    timeout: Annotated[float, Field(gt=0)] = 30

    @model_validator(mode="after")
    def _complete(self) -> Api:
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError("url is http(s)://…")
        if self.watermark and not self.watermark.parameter:
            raise ValueError("the watermark of an API needs `parameter`")
        if self.pages and self.pages.by == "keyset" and not self.watermark:
            raise ValueError("pages by keyset need a watermark")
        return self


class Database(Strict):
    """A query against any database that SQLAlchemy speaks to."""

    how: Literal["database"]
    url: str  # postgresql+psycopg2://reader:${NAME}@host/database
    query: str
    watermark: Watermark | None = None

    @model_validator(mode="after")
    def _complete(self) -> Database:
        if self.query.rstrip().endswith(";"):
            raise ValueError("query is one SELECT without a semicolon")
        return self


class _Connection(RootModel[Annotated[Api | Database, Field(discriminator="how")]]):
    pass


Connection = Api | Database


def load(contracts: Mapping[str, Contract], where: tuple[Path, ...] | None = None) -> dict[str, Connection]:
    """The connection of each table that is pulled. Raises ContractError with file and line of what is wrong."""
    connections: dict[str, Connection] = {}
    for path in found(where or folders(), "pulls/*.yaml"):
        node, document = read_yaml(path)
        connection = validated(_Connection, document, path, node).root
        table = f"bronze.{path.stem}"
        contract = contracts.get(table)
        if contract is None or contract.delivery is None:
            raise ContractError(f"{path}:1: there is no bronze table {path.stem}")
        if connection.how not in contract.delivery.how:
            raise ContractError(f"{path}:1: the contract of {path.stem} does not say that it comes by {connection.how}")
        connections[table] = connection
    return connections


class Secrets:
    """The values of ``${NAME}`` that a connection asked for, and how to keep them out of what is said."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def filled(self, text: str, written: Callable[[str], str] = str) -> str:
        """The text with the values in place of their names, each as ``written`` (e.g. quoted for a URL)."""
        return _SECRET.sub(lambda name: self._value(name[1], written), text)

    def hidden(self, text: str) -> str:
        for value in sorted(self._known, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def _value(self, name: str, written: Callable[[str], str]) -> str:
        value = os.environ.get(name)
        if not value:
            raise PullError(f"the environment variable {name} is not set; the connection asks for it")
        self._known |= {value, written(value)}
        return written(value)
