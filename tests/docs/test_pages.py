"""The pages for people, rendered over a lake with real deliveries and checks in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from openpyxl import load_workbook

from citybrain import contracts, lake, ops
from citybrain.docs import write
from citybrain.duties.score import DIMENSIONS, scores
from citybrain.indicators import registry
from citybrain.runner.check import Finding
from citybrain.runner.run import Result
from tests.docs.reading import read
from tests.lake import rows_of

CONTRACTS = contracts.load()
FIRST = """
    工单编号         | 上报时间         | 镇街代码  | 村居代码     | 诉求类型
    NH20260301000001 | 2026-03-01 09:00 | 440605011 | 440605011001 | 投诉
    NH20260301000002 | 2026-02-30 09:00 | 440605011 | 440605011001 | 投诉
    NH20260301000003 | 2026-03-01 09:00 | 440605011 | 440605011001 | <b>表扬</b>
"""
CASES = """
    办件编号 | 事项编码 | 受理时间
    B1       | 1        | 2026-13-01 09:00
"""
LATE = datetime(2026, 11, 20, 17, tzinfo=UTC)  # in Shanghai it is the 21st


def finding(rule: str, success: bool, at: datetime, severity: str = "warn", **changes: object) -> Finding:
    facts = {"table": "silver.work_order", "run": "r", "rule": rule, "severity": severity, "fix": "bureau",
             "message": f"{rule} 不符", "success": success, "unexpected_count": 0 if success else 3,
             "checked_count": 10, "sample": "[]", "checked_at": at}  # fmt: skip
    return Finding(**{**facts, **changes})


@pytest.fixture
def pages(deliver, tmp_path: Path) -> Path:
    deliver("centre__work_order", FIRST)
    deliver("services__case", CASES, name="办件.csv")
    ops.append_findings(
        [finding("a", False, LATE - timedelta(days=3)), finding("b", True, LATE - timedelta(days=3), sample='["整段')]
    )
    rows = '[{"work_order_id": "NH1", "town_code": null, "hours": 3}, {"work_order_id": "NH2"}]'
    ops.append_findings([finding("a", True, LATE), finding("c", False, LATE, "block", sample=rows)])
    ops.append_runs([Result("silver.work_order", "blocked", "r", 1, reason="c: c 不符 (3)")])
    waiting = pa.table({"source_table": ["fire_incident", "urban_case", "urban_case"], "record_no": ["1", "1", "2"]})
    write_deltalake(lake.table_uri("silver.place_unmatched"), waiting)
    return write(tmp_path / "pages").parent


def test_nothing_is_loaded_from_elsewhere_and_every_link_leads_somewhere(pages):
    read_pages = {path.name: read(path) for path in pages.glob("*.html")}
    assert set(read_pages) == {"index.html", "indicators.html", "quality.html", "dirt.html"}
    for name, page in read_pages.items():
        assert not page.tags & {"script", "link", "img", "iframe"}
        assert "url(" not in page.text
        assert "@import" not in page.text
        for link in page.links:
            file, _, anchor = link.partition("#")
            assert (pages / (file or name)).is_file(), link
            assert not anchor or anchor in read_pages[file or name].ids, link


def test_the_dictionary_has_every_table_and_field_in_chinese(pages):
    page = read(pages / "index.html")
    for contract in CONTRACTS.values():
        codes = {cell for row in page.tables[contract.table] for cell in row}
        assert set(contract.names) <= codes, contract.table
    (row,) = [r for r in page.tables["bronze.centre__work_order"] if r[1:2] == ["work_order_status"]]
    assert row[0] == "状态又名 工单状态、当前状态"
    assert row[2] == "文本"
    assert "已办结→已结案" in row[4]


def test_the_workbook_says_what_the_page_says(pages):
    book = load_workbook(pages / "数据字典.xlsx")
    assert book.sheetnames == ["表", "字段", "规则", "指标"]
    assert [row[0].value for row in book["表"].iter_rows(min_row=2)] == list(CONTRACTS)
    fields = [(r[0].value, r[2].value) for r in book["字段"].iter_rows(min_row=2)]
    assert fields == [(c.table, name) for c in CONTRACTS.values() for name in c.names]
    read = {(r[0].value, r[2].value): r[10].value or "" for r in book["字段"].iter_rows(min_row=2)}
    assert "已办结→已结案" in read["bronze.centre__work_order", "work_order_status"]
    assert read["silver.work_order", "work_order_status"] == ""
    named = {(r[0].value, r[4].value): r[7].value for r in book["指标"].iter_rows(min_row=2)}
    assert set(named) == {(i.id, v.id) for i, v in registry.load().variants()}
    assert named["WO08", "due_once"] == "按期结案数"


def test_a_formula_is_told_in_the_titles_of_its_figures(pages):
    rows = {row[0]: row for row in read(pages / "indicators.html").tables["GS09"]}
    assert rows["逾期率"][1] == "应办结件数−按时办结数"
    assert rows["按时办结率默认"][2] == "应办结件数"


def test_who_must_act_on_how_much(pages):
    head, *rows = read(pages / "quality.html").tables["departments"]
    assert head == ["部门", "隔离（格）", "请核对（格）", "提示（格）", "未通过的检查（项）", "最近一次"]
    counted = {row[0]: row[1:5] for row in rows}
    assert counted["区智运中心"][:2] == ["1", "1"]
    assert counted["区政务服务数据管理局"][0] != "·"
    assert counted["数据主管部门"] == ["·", "·", "·", "1"]


def test_the_score_of_each_department_with_what_it_is_made_of(pages):
    head, *rows = read(pages / "quality.html").tables["scores"]
    assert head == ["部门", "得分", *DIMENSIONS]
    assert [row[:2] for row in rows] == [[s.owner, f"{s.points:.1f}"] for s in scores()]
    for row, found in zip(rows, scores(), strict=True):
        for cell, part in zip(row[2:], found.parts, strict=True):
            assert f"{part.good:,} / {part.of:,}" in cell if part.of else cell == "—"


def test_by_table_rows_taken_and_sent_back_and_checks(pages):
    rows = {row[0]: row for row in read(pages / "quality.html").tables["tables"]}
    assert rows["超级工单主表贴源层"][2:5] == ["2", "1", "33.33%"]
    assert rows["超级工单标准层"][8:10] == ["3", "1"]


def test_by_rule_the_newest_example_and_no_delivered_markup(pages):
    page = read(pages / "quality.html")
    rows = {(row[0], row[2]): row for row in page.tables["rules"]}
    assert rows["日期时间读不出", "上报时间"][3] == "隔离"
    assert "单元格 B3" in rows["日期时间读不出", "上报时间"][6]
    assert "<b>表扬</b>" not in page.text
    assert "&lt;b&gt;表扬" in page.text


def test_by_source_how_many_records_wait_for_a_place(pages):
    _, *rows = read(pages / "quality.html").tables["places"]
    assert rows == [["数字城管案件", "区城市管理和综合执法局", "2"], ["消防警情与检查", "区消防救援大队", "1"]]


def test_the_trend_counts_days_of_shanghai(pages):
    text = read(pages / "quality.html").text
    assert "<title>2026-11-21 1</title>" in text
    assert "<title>2026-11-18 1</title>" in text
    assert "<title>2026-11-20 0</title>" in text


def test_only_the_newest_result_of_a_rule_counts_and_a_blocked_table_stands_out(pages):
    page = read(pages / "quality.html")
    verdicts = {row[1]: row[0] for row in page.tables["results"] if row[0] != "结果"}
    assert verdicts == {"a": "通过", "b": "通过", "c": "未通过"}
    shown = {row[1]: row[5] for row in page.tables["results"] if row[0] != "结果"}
    assert shown == {"a": "", "b": '["整段', "c": "工单编号 NH1，镇街代码 空，hours 3；工单编号 NH2"}
    assert "停住的表" in page.text
    assert "被规则阻断" in page.text


def test_a_receipt_that_was_loaded_again_counts_once(deliver, tmp_path):
    """What the first load complained of and the second did not is settled."""
    deliver("centre__work_order", FIRST)
    uri = lake.table_uri("ops.issue")
    kept = [{**row, "load": 2} for row in rows_of("ops.issue") if row["rule"] == "enum"]
    write_deltalake(
        uri, pa.Table.from_pylist(kept, schema=pa.schema(DeltaTable(uri).schema().to_arrow())), mode="append"
    )
    rows = read(write(tmp_path / "pages").parent / "quality.html").tables["rules"]
    assert [row[0] for row in rows[1:]] == ["不在取值范围"]


def test_the_catalogue_tells_clerks_of_every_kind_what_is_done_and_what_to_do(pages):
    page = read(pages / "dirt.html")
    assert {f"X{n:02}" for n in range(1, 35)} < page.ids
    assert page.tables["X10"][1][:3] == ["一格几个编码", "隔离", "报送部门"]
    assert page.tables["X23"][1][:3] == ["疑似同一事件", "请核对", "数据主管部门"]
    assert "{" not in "".join(cell for table in page.tables.values() for row in table for cell in row)


def test_before_anything_is_delivered_the_page_says_so(tmp_path):
    page = read(write(tmp_path / "pages").parent / "quality.html")
    assert re.search("还没有报送问题", page.text)
    assert not page.tables
