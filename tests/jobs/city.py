"""The project's code lists as silver tables, for tests of what looks things up in them."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from citybrain import identity
from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, PARSE, SYSTEM, frame

CODES = Path(__file__).parents[2] / "schemas" / "codes"
YES_NO = {"是": True, "否": False}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home with a key for pseudonyms; imported by the tests of tables that hold some."""
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    identity.ensure_key()


@cache
def code_table(spark: SparkSession, name: str) -> DataFrame:
    """silver.<name> from schemas/codes/<name>.csv."""
    bronze = CONTRACTS[f"bronze.reference__{name}"]
    with (CODES / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        delivered = list(csv.DictReader(lines))
    data = [tuple(_cell(f.type, row[f.title]) for f in bronze.fields) + (None,) * len(SYSTEM) for row in delivered]
    types = {**{f.name: f.sql_type for f in bronze.fields}, **SYSTEM}
    rows = frame(spark, data, ", ".join(f"{n} {t}" for n, t in types.items()))
    return transform(CONTRACTS[f"silver.{name}"], {bronze.table: rows})


def _cell(kind: str, text: str) -> Any:
    if not text:
        return None
    if kind == "boolean":
        return YES_NO[text]
    return date.fromisoformat(text) if kind == "date" else PARSE[kind](text)


def built_orders(spark: SparkSession, delivered: DataFrame, events: DataFrame) -> DataFrame:
    """silver.work_order of delivered orders and events (both as in bronze)."""
    steps = transform(CONTRACTS["silver.work_order_event"], {"bronze.centre__work_order_event": events})
    lookups = ("town", "village", "category", "deadline_rule", "calendar_day", "boundary", "place_name")
    inputs = {"bronze.centre__work_order": delivered, "silver.work_order_event": steps}
    inputs |= {f"silver.{name}": code_table(spark, name) for name in lookups}
    return transform(CONTRACTS["silver.work_order"], inputs)


def counted(table: str, facts: DataFrame) -> DataFrame:
    """A cube from scratch, without what only the runner reads."""
    contract = CONTRACTS[table]
    return transform(contract, {contract.inputs[0]: facts}).drop("row_count")
