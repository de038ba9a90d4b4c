"""What would become of a delivery: read and judged like a real one, and nothing of it enters landing or lake."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from citybrain.contracts import Contract
from citybrain.ingest import again, flow, landing
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.landing import Receipt
from citybrain.ingest.layout import Layout, read_layout
from citybrain.ingest.outcome import Issue, Outcome, Refused
from citybrain.ingest.repair import Patches
from citybrain.ingest.schema import ISSUE_SCHEMA
from citybrain.ingest.sniff import secrecy
from citybrain.ingest.write import Part
from citybrain.lake import folder


def trial(table: str, file: Path, findings: Path | None = None) -> Outcome:
    """The answer that ``ingest`` would give. ``findings``: where all of them go, as ops.issue has them."""
    contract = flow.contract_of(table)
    flow.must_be_there(file)
    with flow.surroundings():
        receipt = landing.expected(contract.table, file)
        if receipt.status == "loaded":
            return flow.outcome_of(contract, receipt, already=True)
        if receipt.status == "destroyed":
            return _refused(contract, receipt, receipt.refused_because or file_issue("secret_file"))
        with ThreadPoolExecutor(1) as pool:  # the whole file is looked through while its form is found
            is_secret = pool.submit(secrecy, file, file.name)
            return _tried(contract, receipt, file, {}, findings, is_secret.result)


def trial_repair(number: str, file: Path, findings: Path | None = None) -> Outcome:
    """The answer that ``repair`` would give. Raises UsageError and DamageError like that."""
    receipt = landing.holder(number)
    contract = flow.contract_of(receipt.table)
    with flow.surroundings():
        patches = again.corrections(contract, receipt, file)
        landing.verify(receipt)
        assert receipt.detected
        kept = flow.patches_of(receipt, receipt.detected.columns)
        return _tried(contract, receipt, receipt.original, {**kept, **patches}, findings)


def _tried(
    contract: Contract,
    receipt: Receipt,
    file: Path,
    patches: Patches,
    findings: Path | None,
    is_secret: Callable[[], bool] = lambda: False,
) -> Outcome:
    try:
        layout = _layout(contract, file, is_secret)
        with tempfile.TemporaryDirectory(prefix="trial-", dir=folder("stage")) as stage:
            result = flow.judged(contract, receipt, layout, Path(stage), patches)
            if findings:
                _keep(result.issue, findings)
    except Refused as refusal:
        return _refused(contract, receipt, file_issue(refusal.rule, **refusal.facts))
    outcome = flow.outcome_of(contract, flow.done(contract, receipt, layout, result))
    return outcome.model_copy(update={"status": "tried"})


def _layout(contract: Contract, file: Path, is_secret: Callable[[], bool]) -> Layout:
    """Raises Refused; for a mark of secrecy whatever else is wrong with the file."""
    try:
        return read_layout(contract, file)
    finally:
        if is_secret():
            raise Refused("secret_file")


def _refused(contract: Contract, receipt: Receipt, because: Issue) -> Outcome:
    return flow.outcome_of(contract, receipt.changed(status="refused", refused_because=because))


def _keep(parts: Sequence[Part], path: Path) -> None:
    with pq.ParquetWriter(path, ISSUE_SCHEMA) as writer:
        for part in parts:
            for batch in pq.ParquetFile(part.path).iter_batches():
                writer.write_table(pa.Table.from_batches([batch]).select(ISSUE_SCHEMA.names).cast(ISSUE_SCHEMA))
