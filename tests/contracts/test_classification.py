"""Whoever adds a column says whether it tells of a person; nothing that does is left at the default."""

from __future__ import annotations

import re

import pytest

from citybrain import contracts
from citybrain.contracts.load import folders, load_vocabulary

CONTRACTS = contracts.load()
VOCABULARY = load_vocabulary(folders())
BRONZE = [c for c in CONTRACTS.values() if c.layer == "bronze"]
BUILT = [c for c in CONTRACTS.values() if c.layer != "bronze"]
# Headers under which departments deliver names, numbers and whereabouts of persons, and what citizens write.
TELLS_OF_PERSONS = re.compile(
    "姓名|法定代表人|负责人|经营者|经办人|操作人|来电人|上报人|诉求人|联系人|电话|手机|身份证|证件号|车牌|银行卡|卡号|账号"
    "|住址|地址|住所|描述|意见|标题|评价内容|主要内容|回复内容"
)
PUBLIC = {  # tells of a firm, which the register publishes anyway; above the default all the same
    "business_address": "一般2",
    "entity_name": "一般2",
    "uscc": "一般2",
}
NO_CITIZEN_WRITES_IT = {"business_scope"}  # free text of the register


def tells_of_persons(field) -> bool:
    texts = field.type in ("string", "text")
    return texts and (field.type == "text" or any(TELLS_OF_PERSONS.search(h) for h in (field.title, *field.aliases)))


@pytest.mark.parametrize("contract", BRONZE, ids=lambda c: c.name)
def test_what_tells_of_a_person_is_classified(contract):
    left = [
        f.name
        for f in contract.fields
        if tells_of_persons(f)
        and f.name not in NO_CITIZEN_WRITES_IT
        and (f.level != PUBLIC[f.name] if f.name in PUBLIC else f.personal == "none" or f.level < "一般3")
    ]
    assert left == [], f"{contract.table}: say `personal` and `level` of these"


def test_the_vocabulary_itself_leaves_nothing_out():
    """What no contract uses today will be used tomorrow."""
    raw = {n for n, f in VOCABULARY.items() if tells_of_persons(f) and "pseudonym" not in n}
    raw -= NO_CITIZEN_WRITES_IT | set(PUBLIC)
    assert len(raw) > 10
    assert {n for n in raw if VOCABULARY[n].personal == "none"} == set()


def test_numbers_of_identity_are_sensitive():
    numbers = {n for n, f in VOCABULARY.items() if f.check == "id_card" or re.search("身份证|证件号", f.title)}
    assert numbers == {"reporter_id_card", "applicant_id"}
    assert {(VOCABULARY[n].personal, VOCABULARY[n].level) for n in numbers} == {("sensitive", "一般4")}


@pytest.mark.parametrize("contract", BUILT, ids=lambda c: c.table)
def test_what_is_built_holds_pseudonyms_and_redacted_text_only(contract):
    for field in contract.fields:
        origin = VOCABULARY[field.name]
        assert field.personal == "none", field.name
        assert field.type != "text", f"{field.name}: text is what may still hold numbers"
        assert origin.personal == "none" or origin.type == "text", f"{field.name} is a person's own"
        assert origin.personal == "none" or field.level >= "一般2", f"{field.name} may still name somebody"
        assert "pseudonym" not in field.name or field.level >= "一般3", field.name


def test_what_is_redacted_is_counted():
    for contract in BUILT:
        texts = [f.name for f in contract.fields if VOCABULARY[f.name].personal != "none"]
        if texts:
            assert "redaction_count" in contract.names, contract.table
