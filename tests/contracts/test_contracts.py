"""One test per rule, over every contract of the project; and what is refused, with file and line."""

import re
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp, parse_one

from citybrain import contracts
from citybrain.contracts import ContractError, load, model
from citybrain.contracts.load import ROOT
from citybrain.runner.sources import PACKAGE, source_of

CONTRACTS = contracts.load()
BUILT = [c for c in CONTRACTS.values() if c.build]
every_built = pytest.mark.parametrize("contract", BUILT, ids=[c.table for c in BUILT])


def test_there_are_contracts_in_every_layer():
    assert {c.layer for c in CONTRACTS.values()} == {"bronze", "silver", "gold"}


@every_built
def test_a_built_table_has_exactly_one_transform(contract):
    assert source_of(contract).stem == contract.name


@every_built
def test_a_python_transform_is_one_function_of_the_table_s_name_over_its_inputs(contract):
    source = source_of(contract)
    if source.suffix == ".sql":
        assert source.read_text("utf-8").startswith(f"-- {contract.table}"), "the header says which table it is"
        return
    text = source.read_text("utf-8")
    signature = re.search(rf"^def {contract.name}\((.*?)\)", text, re.M | re.S)
    assert signature, f"{source} has no function {contract.name}"
    inputs = [] if contract.build == "journal" else [table.split(".")[1] for table in contract.inputs]
    assert re.findall(r"\b(\w+):", signature[1]) == inputs


def test_every_transform_belongs_to_a_contract():
    named = {(c.layer, c.name) for c in BUILT}
    for layer in ("silver", "gold"):
        files = [p for p in (PACKAGE / layer).iterdir() if p.suffix in (".sql", ".py") and not p.name.startswith("_")]
        assert {(layer, p.stem) for p in files} <= named


def test_every_rule_file_belongs_to_a_contract():
    for path in (ROOT / "expectations").glob("*/*.yaml"):
        assert f"{path.parent.name}.{path.stem}" in CONTRACTS, path


def test_what_a_rule_computes_has_a_name_that_the_quality_page_can_show():
    """Columns of tables are shown by their titles."""
    queries = [(c, rule.query) for c in CONTRACTS.values() for rule in c.rules if rule.query]
    named = [
        (c, a.alias) for c, query in queries for a in parse_one(query.format(batch="t"), "spark").find_all(exp.Alias)
    ]
    assert len(named) > 20
    for contract, name in named:
        assert name in contract.names or re.fullmatch("[\u4e00-\u9fff]+", name), (contract.table, name)


def test_no_gold_table_holds_a_pseudonym():
    for contract in CONTRACTS.values():
        if contract.layer == "gold":
            assert not [f.name for f in contract.fields if "pseudonym" in f.name]


# -- what is refused ---------------------------------------------------------------------------------------------------

GOOD = """title: 表
owner: 局
grain: 一行一件
delivery: {every: day, mode: upsert}
key: [work_order_id]
fields:
  - work_order_id
  - reported_at
"""


def site(tmp_path: Path, text: str, name: str = "bronze/test__thing.yaml") -> tuple[Path, ...]:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return (ROOT / "schemas", tmp_path)


def test_a_site_adds_a_source_by_one_file(tmp_path):
    assert load(site(tmp_path, GOOD))["bronze.test__thing"].names == ("work_order_id", "reported_at")


def test_a_contract_or_a_rule_that_has_changed_is_read_again(tmp_path):
    where = site(tmp_path, GOOD)
    assert load(where)["bronze.test__thing"].rules == ()
    rule = "{rule: untold, where: reported_at IS NULL, message: 没有时间。, severity: warn, fix: bureau, dirt: null}"
    site(tmp_path, f"rules: [{rule}]", "expectations/bronze/test__thing.yaml")
    assert [rule.rule for rule in load(where)["bronze.test__thing"].rules] == ["untold"]
    site(tmp_path, GOOD.replace("  - reported_at\n", ""))
    assert load(where)["bronze.test__thing"].names == ("work_order_id",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("owner:", "ower:"), r"test__thing\.yaml:2: ower: unknown key"),
        (
            GOOD.replace("  - reported_at", "  - repoted_at"),
            r"test__thing\.yaml:8: repoted_at is not in schemas/",
        ),
        (GOOD.replace("  - reported_at", "  - reported_at: {mn: 1}"), r"test__thing\.yaml:8: .*unknown key"),
        (GOOD.replace("mode: upsert", "mode: merge"), r"test__thing\.yaml:4: delivery\.mode"),
        (
            GOOD.replace("key: [work_order_id]", "key: [nothing]"),
            r"key names .* not fields: \['nothing'\]",
        ),
        (GOOD.replace("  - work_order_id", "  - work_order_id?"), r"key columns must be required"),
        (GOOD + "title: 再来\n", r"test__thing\.yaml:9: title is given twice"),
        (GOOD.replace("[work_order_id]", "[work_order_id"), r"test__thing\.yaml:\d+: "),
        ("", r"test__thing\.yaml:1: the file is empty"),
    ],
)
def test_a_wrong_contract_is_refused_with_file_and_line(tmp_path, text, said):
    with pytest.raises(ContractError, match=said):
        load(site(tmp_path, text))


def test_a_field_is_not_named_by_a_word_of_sql(tmp_path):
    reserved = duckdb.sql("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'").fetchall()
    assert {word for (word,) in reserved} == set(model._RESERVED.pattern.split("|"))
    named = GOOD.replace("  - reported_at", "  - group: {title: 组, type: string}")
    with pytest.raises(ContractError, match=r"words of SQL: \['group'\]"):
        load(site(tmp_path, named))


def test_an_input_without_contract_and_a_circle_are_refused(tmp_path):
    derived = (
        "title: 表\nowner: 局\ngrain: 一行\nbuild: replace\ninputs: [{0}]\nkey: [town_code]\nfields: [town_code]\n"
    )
    with pytest.raises(ContractError, match=r"input silver\.nowhere has no contract"):
        load(site(tmp_path, derived.format("silver.nowhere"), "silver/thing.yaml"))
    site(tmp_path, derived.format("silver.other"), "silver/thing.yaml")
    with pytest.raises(ContractError, match="in a circle"):
        load(site(tmp_path, derived.format("silver.thing"), "silver/other.yaml"))


def test_what_follows_snapshots_row_by_row_must_read_which_receipt_stands(tmp_path):
    """What a later snapshot no longer holds is superseded, not deleted: no change of a row says so."""
    site(tmp_path, GOOD.replace("mode: upsert", "mode: snapshot"))
    head = "title: 表\nowner: 局\ngrain: 一行\n"
    merge = head + "build: merge\nper: [work_order_id]\nkey: [work_order_id]\nfields: [work_order_id]\n"
    cube = head + "build: cube\nkey: [work_order_id]\nfields: [work_order_id, row_count]\n"
    lookup = head + "build: replace\nkey: [{0}]\nfields: [{0}]\ninputs: [bronze.test__thing]\n"
    for text in (merge, cube):
        with pytest.raises(
            ContractError, match=r"silver\.thing: a later snapshot of bronze\.test__thing takes the place"
        ):
            load(site(tmp_path, text + "inputs: [bronze.test__thing]\n", "silver/thing.yaml"))
    site(tmp_path, lookup.format("town_code"), "silver/stands.yaml")
    beside = merge + "inputs: [bronze.test__thing, silver.stands]\n"
    with pytest.raises(ContractError, match="takes the place"):
        load(site(tmp_path, beside, "silver/thing.yaml"))
    assert load(site(tmp_path, lookup.format("receipt"), "silver/stands.yaml"))["silver.thing"].per == (
        "work_order_id",
    )


def test_a_cube_sums_integers_and_counts_its_contributions(tmp_path):
    cube = (
        "title: 方\nowner: 局\ngrain: 一行\nbuild: cube\ninputs: [silver.work_order]\nkey: [stat_date]\n"
        "fields: [stat_date, {0}]\n"
    )
    with pytest.raises(ContractError, match="row_count"):
        load(site(tmp_path, cube.format("due_count"), "gold/t__thing.yaml"))
    with pytest.raises(ContractError, match=r"bigint or decimal: \['value'\]"):
        load(site(tmp_path, cube.format("row_count, value"), "gold/t__thing.yaml"))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("severity: block", "give either `where`, `query` or `share`"),
        ("severity: block, where: row_count < 0, share: row_count < 0, above: 0.1", "give either"),
        ("severity: warn, share: row_count < 0", "`above` belongs to a `share`, which needs it"),
        ("severity: warn, query: 'SELECT 1 FROM {batch}', of: row_count > 0", "`of` to nothing else"),
        ("severity: block, where: row_count < 0, within: [stat_date]", "`within` belongs to a `query`"),
        ("severity: warn, where: row_count < 0", "what judges only changed rows .* blocks"),
        (
            "severity: warn, query: 'SELECT 1 FROM {batch}', within: [stat_date]",
            "what judges only changed rows .* blocks",
        ),
        ("severity: block, query: 'SELECT 1 FROM {batch}', within: [row_count]", r"not in the key: \['row_count'\]"),
    ],
)
def test_a_rule_says_in_one_form_how_far_it_looks(tmp_path, form, said):
    cube = "title: 方\nowner: 局\ngrain: 一行\nbuild: cube\ninputs: [silver.work_order]\nkey: [stat_date]\n"
    site(tmp_path, f"rules: [{{rule: odd, message: 不对。, fix: bureau, {form}}}]", "expectations/gold/t__thing.yaml")
    with pytest.raises(ContractError, match=said):
        load(site(tmp_path, cube + "fields: [stat_date, row_count]\n", "gold/t__thing.yaml"))


def test_a_folder_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", "/nowhere/at/all")
    with pytest.raises(ContractError, match="/nowhere/at/all"):
        contracts.load()
