"""Every contract, exported, is accepted by the standard's own library and schema."""

from __future__ import annotations

import json

import pytest
import yaml
from jsonschema import Draft201909Validator
from open_data_contract_standard.model import OpenDataContractStandard

from citybrain import contracts
from citybrain.render import odcs

CONTRACTS = contracts.load()
SCHEMA = Draft201909Validator(json.loads(OpenDataContractStandard.json_schema()))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    files = odcs.export(CONTRACTS.values(), tmp_path_factory.mktemp("odcs"))
    return {path.name.removesuffix(".odcs.yaml"): path.read_text("utf-8") for path in files}


def test_every_table_is_exported(exported):
    assert set(exported) == set(CONTRACTS)


@pytest.mark.parametrize("table", CONTRACTS)
def test_the_standard_s_library_and_schema_accept_it(exported, table):
    document = yaml.safe_load(exported[table])
    assert [error.message for error in SCHEMA.iter_errors(document)] == []
    read = OpenDataContractStandard.from_string(exported[table])
    assert yaml.safe_load(read.to_yaml()) == document  # the library reads back all that was written


def test_the_schema_would_refuse_what_the_standard_does_not_know(exported):
    document = yaml.safe_load(exported["silver.town"])
    document["schema"][0]["properties"][0]["logicalType"] = "text"
    assert list(SCHEMA.iter_errors(document))


def test_what_the_contract_says_is_said(exported):
    document = yaml.safe_load(exported["bronze.centre__work_order"])
    (table,) = document["schema"]
    fields = {p["name"]: p for p in table["properties"]}
    assert list(fields) == list(CONTRACTS["bronze.centre__work_order"].names)
    assert fields["work_order_id"]["primaryKeyPosition"] == 1
    assert fields["work_order_id"]["logicalTypeOptions"] == {"pattern": r"^NH\d{14}$"}
    assert fields["request_type"]["enum"][0] == {"value": "咨询"}
    assert fields["lon"]["customProperties"] == [{"property": "unit", "value": "度"}]
    assert document["slaProperties"] == [{"property": "frequency", "value": 1, "unit": "hour"}]
    rules = {q["name"]: q for q in table["quality"]}
    assert rules["accepted_before_reported"]["query"].startswith("SELECT count(*) FROM (SELECT * FROM ${object} WHERE ")
    assert rules["accepted_before_reported"]["mustBe"] == 0
