"""What is sure at a glance is plain by the query that would be asked otherwise, and the usual forms are sure."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain import contracts
from citybrain.contracts import Field
from citybrain.ingest import glance
from citybrain.ingest.cells import help_value, is_plain
from citybrain.ingest.judge import database

PERSON = "440605199003071232"
FIELDS = {
    "timestamp": Field(name="x", title="列", type="timestamp"),
    "date": Field(name="x", title="列", type="date"),
    "int": Field(name="x", title="列", type="int"),
    "bigint": Field(name="x", title="列", type="bigint"),
    "decimal": Field(name="x", title="列", type="decimal(9,2)"),
    "double": Field(name="x", title="列", type="double"),
    "phone": Field(name="reporter_phone", title="列", type="string"),
    "identity": Field(name="x", title="列", type="string", check="id_card"),
    "code": Field(name="unit_code", title="列", type="string", nulls=["UNKNOWN"]),
    "form": Field(name="work_order_id", title="列", type="string", pattern=r"^NH\d{4}A\d$"),
    "text": Field(name="x", title="列", type="text"),
}
SURE = {
    "timestamp": ["2026-09-08 09:05:00", "1992-01-01 00:00:00", "2099-12-31 23:59:59"],
    "date": ["2026-09-08", "1950-01-01", "2099-12-31"],
    "int": ["0", "7", "999999999"],
    "bigint": ["999999999999999999"],
    "decimal": ["0.5", "1234567.89", "12"],
    "double": ["113.145576", "0.1234567890"],
    "phone": ["13800138000", "19912345678"],
    "identity": [PERSON],
    "code": ["D0371000", "NH-2026-1", "440605011"],
    "form": ["NH2026A1"],
    "text": ["桂澜路12号", "无名路"],
}
NOT = {
    "timestamp": ["2026-02-30 09:05:00", "2026-09-08T09:05:00", "1991-09-15 00:00:00", "2026-09-08 24:00:00"],
    "date": ["2026-9-8", "2026-02-30", "1949-01-01", "2026/09/08"],
    "int": ["007", "1.0", "", "+1", "9999999999", "１２"],
    "bigint": ["9999999999999999999", " 1"],
    "decimal": ["1.", ".5", "1.2.3", "1,5", "1.234", "00.5", "12345678.9"],
    "double": ["1e3", "NaN", "1.", "0.12345678901"],
    "phone": ["12800138000", "1380013800", "1380013800x"],
    "identity": ["440605199003071233", PERSON[:10] + "0230" + PERSON[14:], PERSON[:17] + "５"],
    "code": ["UNKNOWN", "NULL", "D0371", "x1234567", "138xxxx8000", "1A234567", "D03 71", "-D0371", "138****8000"],
    "form": ["NH2026B1", "NH202６A1", "NH2026A12"],
    "text": ["桂澜路 ", " 桂澜路", "—", "桂澜路\u3000", "桂澜路\u200b", "桂澜路\xa0", "桂澜路\ufeff", "12号"],
}  # fmt: skip
NEAR = "0123456789-:. TNHAXx桂\u3000－"
OF_CONTRACTS = {
    f"{contract.name}.{field.name}": field
    for contract in contracts.load().values()
    if contract.layer == "bronze"
    for field in contract.fields
    if field.example and glance.sure(pa.chunked_array([[""]]), field) is not None
}


def _sure(field: Field, texts: list[str | None]) -> list[bool]:
    """Of texts in two chunks, neither of which begins where its bytes begin."""
    cells = pa.array(["先", *texts, "后"])
    middle = len(texts) // 2
    column = pa.chunked_array([cells[1 : 1 + middle], cells[1 + middle : 1 + len(texts)]], pa.string())
    return glance.sure(column, field).tolist()


@pytest.mark.parametrize("kind", FIELDS)
def test_usual_forms_are_sure(kind):
    texts = [*SURE[kind], None, *NOT[kind]]
    assert dict(zip(texts, _sure(FIELDS[kind], texts), strict=True)) == {
        **dict.fromkeys([*SURE[kind], None], True),
        **dict.fromkeys(NOT[kind], False),
    }


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return database(tmp_path_factory.mktemp("stage"))


@st.composite
def _near(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Texts of a kind in which a few signs are changed, left out or put in."""
    kind = draw(st.sampled_from([*FIELDS]) | st.sampled_from([*OF_CONTRACTS]))
    usual = [*SURE[kind], *NOT[kind]] if kind in FIELDS else [str(OF_CONTRACTS[kind].example)]
    texts = []
    for text in draw(st.lists(st.sampled_from(usual), min_size=1, max_size=20)):
        signs = list(text)
        for _ in range(draw(st.integers(0, 2))):
            at = draw(st.integers(0, len(signs)))
            signs[at : at + draw(st.integers(0, 2))] = draw(st.text(NEAR, max_size=2))
        texts.append("".join(signs))
    return kind, texts


@given(_near())
def test_what_is_sure_is_plain(db, near):
    kind, texts = near
    field = {**FIELDS, **OF_CONTRACTS}[kind]
    sure = [text for text, is_so in zip(texts, _sure(field, texts), strict=True) if is_so]
    db.register("given", pa.table({"t": pa.array(sure, pa.string())}))
    helped = ", ".join(filter(None, ["*", help_value(field, "t")]))
    unplain = db.execute(f"SELECT t FROM (SELECT {helped} FROM given) WHERE ({is_plain(field, 't')}) IS NOT TRUE")
    assert unplain.fetchall() == []


def test_most_examples_of_the_contracts_are_sure():
    """Else a glance would look at whole columns for nothing."""
    unsure = {name for name, field in OF_CONTRACTS.items() if not _sure(field, [str(field.example)])[0]}
    assert len(OF_CONTRACTS) > 80
    assert len(unsure) * 10 < len(OF_CONTRACTS), unsure


def test_a_field_that_has_words_of_its_own_is_not_looked_at():
    assert glance.sure(pa.chunked_array([["1"]]), Field(name="x", title="列", type="int", nulls=["9999"])) is None
    assert glance.sure(pa.chunked_array([["一般"]]), Field(name="x", title="列", type="string", enum=["一般"])) is None


def test_the_first_byte_of_cells_with_and_without_a_dictionary():
    cells = pa.array(["先", "NH1", None, "", "桂城", "NH1"])[1:]
    expected = [ord("N"), 0, 0, "桂".encode()[0], ord("N")]
    assert glance.first_bytes(pa.chunked_array([cells])).tolist() == expected
    assert glance.first_bytes(pa.chunked_array([cells.dictionary_encode()])).tolist() == expected
