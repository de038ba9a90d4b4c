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
delivery: {every: day, mode: upsert, version: noted_at, format: [xlsx, csv], filled: [kind]}
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
RULES = """
rules:
  - {rule: too_much, where: amount > 90, message: 多, severity: block, fix: department}
  - {rule: odd, where: amount < 1, message: 怪, severity: warn, fix: department}
"""
RULES_OF_BUILT = """
rules:
  - {rule: none_there, query: 'SELECT 1 FROM {batch} HAVING count(*) = 0', message: 空, severity: block, fix: bureau}
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


@pytest.fixture
def ruled(site: Path) -> tuple[Path, Path]:
    """The chain of folders of a site whose tables have rules; the rules of the project stand beside its folder."""
    for name, text in {"bronze/test__thing": RULES, "silver/thing": RULES_OF_BUILT}.items():
        path = site / f"expectations/{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    (site / "published.yaml").unlink()
    gate.publish((ROOT / "schemas", site))
    return ROOT / "schemas", site


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
    ("bronze/test__thing", ", filled: [kind]", "", r"in kind a blank cell no longer means the one above"),
    ("bronze/test__thing", "[xlsx, csv]", "[xlsx, csv], series: [amount]", "compared as a series by amount"),
    ("fields/f", "title: 编号, aliases: [号]", "title: 编号", "no longer found under the headers 号"),
    ("fields/f", "enum: [甲, 乙]", "enum: [甲]", "the values 乙 are gone"),
    ("fields/f", "values: {旧甲: 甲}, ", "", "the spellings 旧甲 are no longer read"),
    ("fields/f", "title: 时间", "title: 时间, enum: [今]", "takes only listed values"),
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


RULES_BROKEN = [
    ("bronze/test__thing", "message: 怪, severity: warn", "message: 怪, severity: block",
     "bronze/test__thing", 4, r"the rule odd sends back \(block\) rows that were taken: amount < 1"),
    ("bronze/test__thing", "amount > 90", "amount > 80",
     "bronze/test__thing", 3, "the rule too_much sends back rows with amount > 80, and did with amount > 90"),
    ("silver/thing", "severity: block", "severity: warn", "silver/thing", 3, "the rule none_there no longer blocks"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "contract", "line", "said"), RULES_BROKEN)
def test_a_rule_that_takes_less_or_keeps_less_is_a_break_like_any(ruled, file, old, new, contract, line, said):
    site = ruled[-1]
    change(site, f"expectations/{file}", old, new)
    with pytest.raises(ContractError, match=rf"expectations/{file}\.yaml:{line}: {said}.*say `version: 2`"):
        gate.check(ruled)
    change(site, contract, "title: 表", "title: 表\nversion: 2\nchanges: {2: 局方已于六月通知各部门}")
    gate.check(ruled)
    gate.publish(ruled)
    gate.check(ruled)


def test_a_first_rule_that_blocks_is_a_break_too(ruled):
    """No rule was promised of this table: one that sends rows back is new all the same."""
    site = ruled[-1]
    (site / "expectations/bronze/test__thing.yaml").unlink()
    (site / "published.yaml").unlink()
    gate.publish(ruled)
    (site / "expectations/bronze/test__thing.yaml").write_text(RULES, encoding="utf-8")
    with pytest.raises(ContractError, match="the rule too_much sends back"):
        gate.check(ruled)


def test_a_rule_that_takes_more_is_free_and_so_are_its_words(ruled):
    site = ruled[-1]
    change(site, "expectations/bronze/test__thing", "message: 多, severity: block", "message: 太多, severity: warn")
    change(site, "expectations/silver/thing", "HAVING count(*) = 0", "HAVING count(*) < 1")
    gate.check(ruled)


def test_a_rule_of_a_site_over_a_table_of_the_project_is_the_site_s_to_promise(ruled):
    path = ruled[-1] / "expectations/bronze/hotline__order.yaml"
    path.write_text(RULES.replace("amount > 90", "source_no IS NULL").replace("amount", "lead_role"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"bronze\.hotline__order promises nothing yet"):
        gate.check(ruled)
    gate.publish(ruled)
    assert gate.read(ruled[-1])["bronze.hotline__order"].rules == {"too_much": "source_no IS NULL"}


def test_a_table_that_promises_nothing_is_refused_unless_it_is_a_draft(site):
    (site / "silver/other.yaml").write_text(BUILT, encoding="utf-8")
    with pytest.raises(ContractError, match=r"silver/other\.yaml:1: silver\.other promises nothing yet.*draft: <why>"):
        gate.check((site,))
    with (site / "published.yaml").open("a", encoding="utf-8") as promised:
        promised.write("silver.other: {draft: 试算中}\n")
    assert gate.check((site,)) == 2
    change(site, "silver/other", "  - amount\n", "")
    assert gate.check((site,)) == 2, "a draft changes freely"
    gate.publish((site,))
    assert gate.check((site,)) == 3, "and is a promise once it is published"
    assert gate.read(site)["silver.other"].draft is None


def test_a_folder_that_never_promised_anything_is_free(site):
    (site / "published.yaml").unlink()
    assert gate.check((site,)) == 0


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
    folder = ROOT / "schemas"
    given_up = sum(bool(was.retired or was.draft) for was in gate.read(folder).values())
    assert gate.check((folder,)) == len(gate.read(folder)) - given_up == len(load((folder,)))
