"""A template that somebody fills in is a delivery without a fault."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import openpyxl
import pytest

from citybrain import contracts
from citybrain.contracts import Field
from citybrain.ingest import flow, ingest, trial
from citybrain.template import write_template

BRONZE = [c for c in contracts.load().values() if c.layer == "bronze"]


def an_entry(field: Field, number: int, key: Sequence[str]) -> object:
    """What a careful clerk types: dates as dates, numbers as numbers, codes as text; each row with a key of its own."""
    kinds = {
        "timestamp": datetime(2026, 3, 4, 9, 5, number),  # noqa: DTZ001  (a workbook knows no zones)
        "date": date(2026, 3, number),
        "boolean": "是",
        "bigint": number + 2000,
    }
    if field.enum:
        return field.example or field.enum[0]
    if field.example and field.type == "string" and field.name in key and not field.check:
        return field.example[:-1] + chr(ord(field.example[-1]) + number)
    if field.type in ("double", "bigint") or field.type.startswith("decimal"):
        return float(field.example or number + 2000)
    return kinds.get(field.type, field.example or (f"{field.title}{number}" if field.required else None))


@pytest.mark.parametrize("contract", BRONZE, ids=lambda c: c.name)
def test_a_filled_template_is_taken_without_a_finding(tmp_path, contract):
    path = write_template(contract, tmp_path / "模板.xlsx")
    book = openpyxl.load_workbook(path)
    assert [(s.title, s.sheet_state) for s in book.worksheets] == [
        ("填报", "visible"),
        ("示例", "visible"),
        ("填报说明", "visible"),
        ("取值", "hidden"),
    ]
    assert book.custom_doc_props["citybrain_contract"].value == contract.table
    assert book.custom_doc_props["citybrain_fingerprint"].value == flow.fingerprint(contract)
    for number in (1, 2):
        for column, field in enumerate(contract.fields, 1):
            book["填报"].cell(number + 1, column, an_entry(field, number, contract.key))
    book.save(path)
    outcome = ingest(contract.table, path)
    assert (outcome.counts, outcome.issues, outcome.marks) == (
        {"delivered": 2, "accepted": 2, "quarantined": 0, "set_aside": 0},
        (),
        {},
    )


@pytest.mark.parametrize("contract", BRONZE, ids=lambda c: c.name)
def test_the_example_that_a_clerk_copies_is_taken_without_a_finding(tmp_path, contract):
    book = openpyxl.load_workbook(write_template(contract, tmp_path / "模板.xlsx"))
    for row in book["示例"].iter_rows(min_row=2):
        for cell in row:
            book["填报"].cell(cell.row, cell.column, cell.value)
    book.save(tmp_path / "照抄.xlsx")
    outcome = trial(contract.table, tmp_path / "照抄.xlsx")
    assert (outcome.status, outcome.issues, outcome.marks) == ("tried", (), {})
    assert outcome.counts == {"delivered": 1, "accepted": 1, "quarantined": 0, "set_aside": 0}
