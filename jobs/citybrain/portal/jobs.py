"""What a worker process does with a file: try it, load it, withdraw it. Nothing here knows of accounts or pages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from citybrain import hints, ingest
from citybrain.ingest import Outcome
from citybrain.ingest.outcome import SecretFileError


@dataclass(frozen=True)
class Job:
    """A delivery, as far as ingest is concerned."""

    table: str
    purpose: str
    of_receipt: str
    file: Path
    findings: Path
    sender: str


def warm() -> None:
    """What a worker imports is there before the first file comes."""
    time.sleep(0.2)  # so that each of the workers gets one of these


def check(job: Job) -> Outcome:
    """What would become of it."""
    if job.purpose == "repair":
        try:
            return ingest.trial_repair(job.of_receipt, job.file, job.findings)
        except SecretFileError:  # does not wait for its sender's word: what repairs notes it on the receipt
            return ingest.repair(job.of_receipt, job.file, job.sender)
    outcome = ingest.trial(job.table, job.file, job.findings)
    if job.purpose == "correct" and outcome.receipt == job.of_receipt:
        raise ingest.UsageError(f"这个文件与回执 {job.of_receipt} 的原件相同，没有可以更正的")
    return outcome


def load(job: Job) -> Outcome:
    """Into the lake, and word of it to the readers. May be repeated: what is done is not done again."""
    if job.purpose == "repair":
        outcome = ingest.repair(job.of_receipt, job.file, job.sender)
    elif job.purpose == "correct":
        outcome, _ = ingest.correct(job.of_receipt, job.file, job.sender)
    else:
        outcome = ingest.ingest(job.table, job.file, sender=job.sender)
    if outcome.status in ("loaded", "already"):
        hints.published([outcome.table])
    return outcome


def withdraw(receipt: str) -> Outcome:
    outcome = ingest.withdraw(receipt)
    hints.published([outcome.table])
    return outcome
