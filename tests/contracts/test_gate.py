"""The gate: what breaks a promise is refused unless it is said aloud; what does not is free."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from citybrain.contracts import ContractError, gate, load
from citybrain.contracts.load import ROOT

VOCABULARY = """
number: {type: string, title: 编号, aliases: [号], pattern: '^A\\d+$'}
kind: {type: string, title: 类别, enum: [甲, 乙], values: {旧甲: 甲}, severity: warn}
amount: {type: 'decimal(9,2)', title: 金额, unit: 元, min: 0, max: 100, nulls: [无]}
noted_at: {type: timestamp, title: 时间}
remark: {type: string, title: 备注}
"""
DELIVERED = """
title: 表
owner: 局
grain: 一行一件
delivery: {every: day, mode: upsert, version: noted_at, format: [xlsx, csv]}
key: [number]
fields:
  - number
  - kind?
  - amount?
  - noted_at
"""
BUILT = """
title: 表
owner: 局
grain: 一行一件
build: replace
inputs: [bronze.test__thing]
key: [number]
fields:
  - number
  - kind
  - amount
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of contracts whose promises are published."""
    for name, text in {"fields/f": VOCABULARY, "bronze/test__thing": DELIVERED, "silver/thing": BUILT}.items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    gate.publish((tmp_path,))
    return tmp_path


def change(site: Path, file: str, old: str, new: str) -> None:
    path = site / f"{file}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


BREAKS = [
    ("bronze/test__thing", "  - amount?\n", "", "the column amount is gone"),
    ("bronze/test__thing", "  - noted_at\n", "  - noted_at\n  - remark\n", "a new column is required"),
    ("bronze/test__thing", "key: [number]", "key: [number, noted_at]", r"the key was \[number\] and is \[number, "),
    ("bronze/test__thing", "  - kind?", "  - kind", "kind: it is required and was not"),
    ("bronze/test__thing", "mode: upsert", "mode: snapshot", r"delivery\.mode was upsert and is snapshot"),
    ("bronze/test__thing", ", version: noted_at", "", r"delivery\.version was noted_at and is None"),
    ("bronze/test__thing", "[xlsx, csv]", "[xlsx]", r"delivery\.format has no csv"),
    ("fields/f", "title: 编号, aliases: [号]", "title: 编号", "no longer found under the headers 号"),
    ("fields/f", "enum: [甲, 乙]", "enum: [甲]", "the values 乙 are gone"),
    ("fields/f", "values: {旧甲: 甲}, ", "", "the spellings 旧甲 are no longer read"),
    ("fields/f", ", severity: warn", "", r"sent back \(block\) and was taken \(warn\)"),
    ("fields/f", "decimal(9,2)", "decimal(7,2)", r"the type was decimal\(9,2\) and is decimal\(7,2\)"),
    ("fields/f", "unit: 元", "unit: 万元", "the unit was 元 and is 万元"),
    ("fields/f", "min: 0", "min: 1", "the least value is 1 and was 0"),
    ("fields/f", "max: 100", "max: 99", "the greatest value is 99 and was 100"),
    ("fields/f", r"^A\d+$", r"^A\d{4}$", "the pattern is"),
    ("fields/f", "nulls: [无]", "nulls: []", "无 no longer means empty"),
    ("silver/thing", "  - amount\n", "", "the column amount is gone"),
    ("silver/thing", "  - amount\n", "  - amount?\n", "it may be null and could not"),
    ("silver/thing", "key: [number]", "key: [number, kind]", "the key was"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "said"), BREAKS)
def test_a_break_is_refused_with_file_line_what_and_the_way_out(site, file, old, new, said):
    change(site, file, old, new)
    with pytest.raises(ContractError, match=said) as refusal:
        gate.check((site,))
    for line in str(refusal.value).splitlines():
        assert re.match(rf"{re.escape(str(site))}/(bronze/test__thing|silver/thing)\.yaml:\d+: ", line)
    assert "say `version: 2` and `changes: {2: " in str(refusal.value)


@pytest.mark.parametrize(("file", "old", "new", "said"), BREAKS)
def test_a_break_that_is_said_aloud_is_accepted_and_then_is_the_promise(site, file, old, new, said):
    change(site, file, old, new)
    for contract in ("bronze/test__thing", "silver/thing"):
        change(site, contract, "title: 表", "title: 表\nversion: 2\nchanges: {2: 局方已于六月通知各部门}")
    assert gate.check((site,)) == 2
    gate.publish((site,))
    assert gate.read(site)["bronze.test__thing"].version == 2
    assert gate.check((site,)) == 2


def test_additions_are_free(site):
    change(site, "bronze/test__thing", "  - noted_at\n", "  - noted_at\n  - remark?\n")
    change(site, "silver/thing", "  - amount\n", "  - amount\n  - noted_at\n")
    change(site, "fields/f", "enum: [甲, 乙]", "enum: [甲, 乙, 丙]")
    change(site, "fields/f", "aliases: [号]", "aliases: [号, 序号]")
    change(site, "fields/f", "max: 100", "max: 1000")
    assert gate.check((site,)) == 2


def test_the_line_is_the_field_s(site):
    change(site, "bronze/test__thing", "  - kind?", "  - kind")
    with pytest.raises(ContractError, match=r"test__thing\.yaml:9: kind"):
        gate.check((site,))


def test_a_table_goes_only_when_it_is_retired(site):
    (site / "silver/thing.yaml").unlink()
    with pytest.raises(ContractError, match=r"published\.yaml:\d+: silver\.thing was published and has no contract"):
        gate.check((site,))
    change(site, "published", "silver.thing:\n", "silver.thing:\n  retired: 并入他表\n")
    gate.check((site,))
    gate.publish((site,))
    assert gate.read(site)["silver.thing"].retired == "并入他表"


def test_a_version_needs_its_reason_and_does_not_go_back(site):
    change(site, "silver/thing", "title: 表", "title: 表\nversion: 2")
    with pytest.raises(ContractError, match="needs `changes` to say why"):
        load((site,))
    change(site, "silver/thing", "version: 2", "version: 2\nchanges: {2: 因为}")
    gate.publish((site,))
    change(site, "silver/thing", "version: 2\nchanges: {2: 因为}", "version: 1")
    with pytest.raises(ContractError, match="was published as version 2, not 1"):
        gate.check((site,))


def test_an_unsaid_break_cannot_be_published_over(site):
    before = (site / "published.yaml").read_bytes()
    change(site, "silver/thing", "  - amount\n", "")
    with pytest.raises(ContractError):
        gate.publish((site,))
    assert (site / "published.yaml").read_bytes() == before


def test_a_site_s_folder_has_promises_of_its_own(site):
    """The project's promises are not a site's, and publishing a site's leaves the project's file alone."""
    chain = (ROOT / "schemas", site)
    text = (ROOT / "schemas/published.yaml").read_bytes()
    gate.publish(chain)
    assert set(gate.read(site)) == {"bronze.test__thing", "silver.thing"}
    assert (ROOT / "schemas/published.yaml").read_bytes() == text


def test_a_reason_rebuilds_nothing():
    contract = load()["silver.work_order"]
    changed = contract.model_copy(update={"version": 2, "changes": {2: "因为"}})
    assert contract.model_dump_json() == changed.model_dump_json()


def test_the_project_keeps_its_promises():
    assert gate.check((ROOT / "schemas",)) >= 35
