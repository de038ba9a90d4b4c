"""JSON as departments and APIs give it: the rows are found, digits stay, what is none is refused."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from citybrain.ingest import ingest, report_text
from citybrain.ingest.flow import contract_of
from citybrain.ingest.json_source import JsonSource
from citybrain.ingest.write import findings_of
from citybrain.portal.annotate import annotate
from tests.ingest.pictures import flat, lake
from tests.lake import rows_of

TOWN = "bronze.reference__town"
TWO = [
    {"镇街代码": "440605011", "镇街名称": "桂城街道", "生效日期": "2003-01-01", "经度": 113.10},
    {"镇街代码": "440605122", "镇街名称": "西樵镇", "镇街简称": None, "生效日期": "2003-01-01"},
]
TAKEN = flat("""
    town_code | town_name | lon   | _row
    440605011 | 桂城街道  | 113.1 | 2
    440605122 | 西樵镇    |       | 3
""")


def put(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "镇街.json"
    path.write_text(text, encoding)
    return path


def dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


@pytest.mark.parametrize(
    "text",
    [
        dumped(TWO),
        dumped({"code": 0, "data": {"records": TWO, "total": 2}}),
        "\n".join(json.dumps(row, ensure_ascii=False) for row in TWO),
        f"\x1e{dumped({'list': TWO[:1]})}\n\x1e{dumped({'list': TWO[1:]})}\n",
        f'\x1e{{"rows": "d.l"}}\n\x1e{dumped({"warnings": [{"m": 1}], "d": {"l": TWO}})}\n',
    ],
    ids=["list", "object", "lines", "sequence", "sequence with a head"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_the_rows_are_found_wherever_they_stand(tmp_path, text, encoding):
    outcome = ingest(TOWN, put(tmp_path, text, encoding))
    assert (outcome.status, lake(TOWN, "town_code town_name lon _row")) == ("loaded", TAKEN)
    assert (outcome.detected.kind, outcome.detected.encoding) == ("json", encoding)


def test_a_feature_of_geojson_is_its_properties_with_its_geometry_beside(tmp_path):
    point = {"type": "Point", "coordinates": [113.1, 23.0]}
    features = [{"type": "Feature", "geometry": point, "properties": TWO[0]}, {"type": "Feature", "properties": TWO[1]}]
    path = put(tmp_path, dumped({"features": features, "type": "FeatureCollection"}))
    outcome = ingest(TOWN, path)
    assert (outcome.status, lake(TOWN, "town_code town_name lon _row")) == ("loaded", TAKEN)
    assert [issue.header for issue in outcome.issues if issue.rule == "unknown_column"] == ["geometry", "镇街简称"]
    keys, first = JsonSource(path).preview(2)
    assert dict(zip(keys, first, strict=True))["geometry"] == json.dumps(point)


def test_places_are_told_by_record_and_key(tmp_path):
    three = [TWO[0], TWO[0], {**TWO[1], "生效日期": "2003年2月30日", "经度": 23.1, "备注": "x"}]
    outcome = ingest(TOWN, put(tmp_path, dumped(three)))
    assert {issue.rule: issue.cell for issue in outcome.issues if issue.row} == {
        "unknown_column": "字段“备注”",
        "repeat_row": "第 2 条记录",
        "out_of_area": "第 3 条记录的“经度”",
        "unreadable_date": "第 3 条记录的“生效日期”",
    }
    assert next(i.message for i in outcome.issues if i.rule == "repeat_row").startswith("与第 1 条记录逐格相同")
    text = report_text(outcome)
    assert "    第 3 条记录的“生效日期”  “生效日期”的“2003年2月30日”" in text
    assert "第 1 行" not in text
    (row,) = rows_of("quarantine.reference__town")
    assert row["reasons"][0]["cell"] == "第 3 条记录的“生效日期”"


def test_a_workbook_made_of_it_marks_the_cells_that_are_meant(tmp_path):
    file = put(tmp_path, dumped([TWO[0], {**TWO[1], "生效日期": "2003年2月30日", "备注": "x"}]))
    outcome = ingest(TOWN, file)
    findings = findings_of(TOWN, outcome.receipt, outcome.load)
    annotate(contract_of(TOWN), file, findings, tmp_path / "x.xlsx", masked=False)
    errors, marked = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert {c.value for row in marked for c in row if c.comment} == {"镇街简称", "备注", "2003年2月30日"}
    assert "第 2 条记录的“生效日期”" in [cell.value for cell in errors["B"]]


def test_keys_are_renamed_as_the_head_says(tmp_path):
    head = '{"rows": "", "columns": {"dm": "镇街代码", "mc": "镇街名称", "rq": "生效日期"}}'
    ingest(TOWN, put(tmp_path, f'\x1e{head}\n\x1e[{{"dm": "440605011", "mc": "桂城街道", "rq": "20030101"}}]'))
    assert lake(TOWN, "town_code valid_from") == flat("""
        town_code | valid_from
        440605011 | 2003-01-01
    """)


def test_numbers_keep_their_digits_and_cells_are_text(tmp_path):
    path = put(tmp_path, '[{"a": 44060512345678901234567, "b": 1.10, "c": true, "d": {"x": [1]}, "e": "", "f": 4E+17}]')
    assert JsonSource(path).preview(2)[1] == ["44060512345678901234567", "1.10", "是", '{"x": [1]}', None, "4E+17"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1}, {"b"', "读不出的 JSON"),
        ('[{"a": 1},\n {"b": 2,}]', "第 1 段，第 2 行第 10 个字符处不合 JSON 的写法）"),
        ("[" * 100_000 + '{"a"', "csv"),
        ('[{"a": ' + "[" * 100_000, "层次过多"),
        ('[{"a": 1}, 2]', "没有对象列表"),
        ('\x1e{"rows": "data"}\n\x1e{"error": "no"}', "应在 data"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path, text, said):
    outcome = ingest(TOWN, put(tmp_path, text))
    assert outcome.status == "refused"
    assert said == "csv" or said in outcome.refused_because.message


def test_an_api_may_have_nothing_to_say(tmp_path):
    outcome = ingest("bronze.services__case", put(tmp_path, '\x1e{"rows": "data"}\n\x1e{"data": []}'))
    assert outcome.status == "refused"


def test_a_sequence_is_read_text_by_text(tmp_path, monkeypatch):
    monkeypatch.setattr("citybrain.ingest.json_source._BLOCK", 7)
    texts = "".join(f"\x1e{json.dumps([{'n': n}])}\n" for n in range(50))
    (segment,) = JsonSource(put(tmp_path, texts)).segments(1, 2)
    assert segment.rows["c0"].to_pylist() == [str(n) for n in range(50)]
