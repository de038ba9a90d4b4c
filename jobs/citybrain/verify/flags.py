"""What silver says of rows in which no single cell is wrong and what the simulator knows of them, in the same words."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from citybrain import duck, lake
from citybrain.ingest.dirt import dirt_flags
from citybrain.verify.findings import Finding

# The flags of silver that are judged: the table, its key, the flags that the truth tells of; None: it tells of all.
FLAGGED: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "work_order": (
        "work_order_id",
        ("swapped_coordinates", "zero_coordinates", "converted_coordinates", "village_from_point",
         "time_order_violation", "town_from_address", "unmatched_town"),
    ),
    "work_order_event": ("work_order_id || '|' || event_no", ("repeated_event", "unfinished_step")),
    "market_entity": ("uscc", ("name_variant", "town_from_address", "unmatched_town")),
    "hotline_order": ("source_no", None),
    "urban_case": ("rec_id", None),
    "urban_component": ("component_code", None),
    "service_rating": ("rating_id", None),
    "fire_incident": ("incident_no", None),
    "hotline_day": ("stat_date", None),
    "service_case": ("case_id", None),
    "air_hour": ("station_code || '|' || observed_at", None),  # the simulator plants nothing that it flags,
    "macro_month": ("macro_indicator || '|' || stat_date", None),  # nor here
}  # fmt: skip
# What has to stand in the queue of rows without a place, and is looked for there alone; cases tell no place but a town.
QUEUED, UNQUEUED = ("unmatched_town", "unmatched_village"), ("service_case",)
QUEUE = "SELECT record_no, unnest(quality_flags) FROM {{place_unmatched}} WHERE source_table = '{table}'"
# What is told by a column or a table of its own: the flag, the table that the truth names, the query for its keys.
LISTED = (
    ("personal_numbers", "work_order", "SELECT work_order_id FROM {work_order} WHERE redaction_count > 0"),
    ("personal_numbers", "work_order_event",
     "SELECT work_order_id || '|' || event_no FROM {work_order_event} WHERE redaction_count > 0"),
    ("personal_numbers", "hotline_order", "SELECT source_no FROM {hotline_order} WHERE redaction_count > 0"),
    ("personal_numbers", "urban_case", "SELECT rec_id FROM {urban_case} WHERE redaction_count > 0"),
    ("personal_numbers", "service_rating", "SELECT rating_id FROM {service_rating} WHERE redaction_count > 0"),
    ("same_event", "work_order", "SELECT work_order_id FROM {work_order_same_event}"),
    ("reregistered", "market_entity", "SELECT uscc FROM {market_reregistered}"),
)  # fmt: skip


def planted_flags(truth: Path) -> Iterator[Finding]:
    """What silver has to say of rows, by their keys."""
    with (truth / "flags.csv").open(encoding="utf-8", newline="") as stream:
        for d in csv.DictReader(stream):
            yield Finding(d["table"], d["key"], None, "", d["rule"], d["flag"])


def found_flags() -> Iterator[Finding]:
    """What silver says: the flags of its rows, and the tables that list what no flag can."""
    with duck.open_lake() as db:
        for table, (key, judged) in FLAGGED.items():
            flagged = _rows(db, f"SELECT CAST({key} AS VARCHAR), unnest(quality_flags) FROM {{{table}}}")
            queued = _rows(db, QUEUE.format(table=table))
            told = [(row, flag) for row, flag in flagged if flag not in QUEUED or table in UNQUEUED]
            for row, flag in told + [(row, flag) for row, flag in queued if flag in QUEUED]:
                if judged is None or flag in judged:
                    yield Finding(table, row, None, "", kind_of(flag), flag)
        for flag, table, query in LISTED:
            for (found_key,) in _rows(db, query):
                yield Finding(table, found_key, None, "", kind_of(flag), flag)


def kind_of(flag: str) -> str:
    """The kind of dirt; a flag of none is a kind of its own."""
    return dirt_flags()[flag].dirt or flag


def _rows(db: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, ...]]:
    """Of a query over silver tables in braces; nothing where one is not built."""
    tables = re.findall(r"{(\w+)}", query)
    if any(lake.state_of(f"silver.{name}") is None for name in tables):
        return []
    return db.execute(query.format(**{name: duck.scan(f"silver.{name}") for name in tables})).fetchall()
