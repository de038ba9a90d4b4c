"""Ingest: a department's file becomes rows of bronze, or reasons why not. DuckDB and delta-rs, no JVM."""

from citybrain.ingest.again import correct, quarantined, reingest, repair, withdraw
from citybrain.ingest.flow import ingest
from citybrain.ingest.outcome import IngestError, Issue, Outcome, UsageError
from citybrain.ingest.report import report_text
from citybrain.ingest.schema import bronze_schema
from citybrain.ingest.trial import trial, trial_repair

__all__ = [
    "IngestError",
    "Issue",
    "Outcome",
    "UsageError",
    "bronze_schema",
    "correct",
    "ingest",
    "quarantined",
    "reingest",
    "repair",
    "report_text",
    "trial",
    "trial_repair",
    "withdraw",
]
