"""What offices and strangers send is read or refused: at once, in little memory, with an answer in Chinese."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from struct import pack
from typing import Any

import msoffcrypto
import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from citybrain.clock import SHANGHAI
from citybrain.ingest import Outcome, ingest, trial
from tests.ingest.pictures import cells, csv_bytes
from tests.lake import rows_of
from tests.measured import measured
from tests.portal.biff import Error, Sheet, book_as_saved, compound, locked, xls, xls_as_saved
from tests.portal.conftest import EVENT
from tests.portal.served import Person
from tests.portal.sheets import HEAD, event, growing, row, text, workbook, write_wide

PLAIN = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
"""
REPORT = ("from citybrain import ingest", f"answer = ingest.trial('{EVENT}', Path('{{file}}')).counts")
MONTHLY = "bronze.economy__monthly"
Look = Callable[[str, bytes], Outcome]


@pytest.fixture
def look(tmp_path: Path, home: Path) -> Look:
    def look(name: str, content: bytes) -> Outcome:
        (tmp_path / name).write_bytes(content)
        return trial(EVENT, tmp_path / name)

    return look


def refusal(outcome: Outcome) -> str:
    assert (outcome.status, bool(outcome.refused_because)) == ("refused", True)
    assert outcome.refused_because
    return f"{outcome.refused_because.rule}: {outcome.refused_because.message}"


@pytest.mark.parametrize("name", ["旧.xls", "金山.et"])
def test_a_workbook_of_1997_is_read_and_so_is_that_of_wps(look: Look, name: str) -> None:
    lines = [*([*line] for line in cells(PLAIN)), ["NH20260908000002", 2.0, "派遣", 46273.378472]]
    outcome = look(name, xls(lines))
    assert (outcome.counts["accepted"], outcome.detected and outcome.detected.kind) == (2, "xls")
    assert outcome.detected
    assert outcome.detected.sheet == "明细"


@pytest.mark.parametrize("name", ["旧.xls", "金山.et"])
def test_a_workbook_as_programs_of_an_office_save_it_is_read_to_the_cell(tmp_path: Path, home: Path, name: str) -> None:
    """Shared texts over several records, packed numbers and runs of them, dates by their format, an error."""
    first, second = map(datetime.fromisoformat, ("2026-09-08 09:05", "2026-09-08 09:06"))
    long = "情况说明" * 1_500
    lines = [[*HEAD, "意见", "甲", "乙"],
             ["NH20260908000001", 1, "受理", first, long, 0.5, 12.34],
             ["NH20260908000001", 2, "派遣", second, long[1:], -7, 1e9],
             ["NH20260908000001", 3, "处置", "2026年9月8日 10时", "", 1, 2],
             ["NH20260908000001", 4, "处置", Error(0x17), "受理", "", ""]]  # fmt: skip
    (tmp_path / name).write_bytes(xls_as_saved(lines))
    outcome = ingest(EVENT, tmp_path / name)
    assert outcome.counts == {"delivered": 4, "accepted": 3, "quarantined": 1, "set_aside": 0}
    assert [(i.cell, i.text) for i in outcome.issues if i.rule == "cell_error"] == [("D5", "#REF!")]
    rows = [row for row in rows_of(f"bronze.{EVENT}") if row["_receipt"] == outcome.receipt]
    kept = sorted(rows, key=lambda row: row["event_no"])
    moments = [f"{row['arrived_at'].astimezone(SHANGHAI):%m-%d %H:%M}" for row in kept]
    assert moments == ["09-08 09:05", "09-08 09:06", "09-08 10:00"]
    assert [row["opinion"] for row in kept] == [long, long[1:], None]


def test_of_merged_cells_of_a_workbook_of_1997_each_row_has_the_value(tmp_path: Path, home: Path) -> None:
    lines = [["年份", "月份", "指标", "单位", "累计"],
             [2026, 2, "社会消费品零售总额", "亿元", 210.55],
             ["", "", "商品零售", "亿元", 190.25]]  # fmt: skip
    (tmp_path / "快报.xls").write_bytes(xls_as_saved(lines, merged=[(1, 2, 0, 0), (1, 2, 1, 1)]))
    assert ingest("economy__monthly", tmp_path / "快报.xls").counts["accepted"] == 2
    kept = sorted((r["macro_indicator"], r["stat_year"], r["stat_month"], r["ytd_level"]) for r in rows_of(MONTHLY))
    assert kept == [("商品零售", 2026, 2, Decimal("190.25")), ("社会消费品零售总额", 2026, 2, Decimal("210.55"))]


def test_errors_in_a_workbook_of_1997_are_told_as_those_of_today(look: Look) -> None:
    head, good = map(list, cells(PLAIN))
    reference, name, nothing = Error(0x17), Error(0x1D, of_formula=True), Error(0x2A)
    lines = [head, good, ["NH20260908000002", reference, name, "2026-09-08"],
             ["NH20260908000003", 3.0, "派遣", "2026-09-08", "", nothing]]  # fmt: skip
    lines[0] += ["", "意见"]
    outcome = look("旧.xls", xls(lines, before=[[Error(0x07)]]))
    assert outcome.counts == {"delivered": 3, "accepted": 2, "quarantined": 1, "set_aside": 0}
    assert [(i.cell, i.rule, i.text) for i in outcome.issues if i.severity == "block"] == [
        ("B3", "cell_error", "#REF!"),
        ("C3", "cell_error", "#NAME?"),
    ]
    told = next(i.message for i in outcome.issues if i.cell == "B3")
    assert told.startswith("“序号”是公式错误“#REF!”。请修正公式")
    assert outcome.marks["opinion:X04"] == 1  # as in .xlsx: what is not available is nothing


def test_a_workbook_of_1997_may_count_days_from_1904(look: Look) -> None:
    lines = [[*HEAD], ["NH20260908000002", 2.0, "派遣", 44811.378472]]
    for since_1904 in (True, False):
        outcome = look("旧.xls", xls(lines, since_1904=since_1904))
        assert outcome.counts["accepted"] == 1
        assert [i.rule for i in outcome.issues if i.dirt == "X12"] == ["dates_since_1904"] * since_1904


def test_a_compound_file_without_a_workbook_says_so(look: Look) -> None:
    assert "读不出的表格文件" in refusal(look("坏.et", compound(b"\1\2\3", "ETContent")))
    assert "Word" in refusal(look("总结.xls", compound(b"\1", "WordDocument")))


def test_a_password_is_told_from_damage(look: Look) -> None:
    out = io.BytesIO()
    OOXMLFile(io.BytesIO(_xlsx(PLAIN))).encrypt("一个密码", out)
    assert msoffcrypto.OfficeFile(io.BytesIO(out.getvalue())).is_encrypted()
    assert refusal(look("加密.xlsx", out.getvalue())).startswith("password: 文件设有打开密码")


@pytest.mark.parametrize("name", ["旧.xls", "金山.et"])
def test_so_it_is_of_a_workbook_of_1997(look: Look, name: str) -> None:
    lines = cells(PLAIN)
    content = locked(lines, "一个密码")
    book, out = msoffcrypto.OfficeFile(io.BytesIO(content)), io.BytesIO()
    book.load_key(password="一个密码")
    book.decrypt(out)
    assert look("解开.xls", out.getvalue()).counts["accepted"] == 1
    assert refusal(look(name, content)).startswith("password: 文件设有打开密码")
    torn = xls(lines).replace("明细".encode("utf-16-le"), b"\xff")  # its records cannot be followed
    assert "损坏" in refusal(look(name, torn))


def _xlsx(picture: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for line in cells(picture):
        book.active.append(line)
    book.save(out)
    return out.getvalue()


def test_a_page_that_calls_itself_xls_is_read_whatever_it_claims_to_span(look: Look) -> None:
    rows = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in line) + "</tr>" for line in cells(PLAIN))
    assert look("导出.xls", f"<html><table>{rows}</table></html>".encode("gb18030")).counts["accepted"] == 1
    wide = rows.replace("<td>受理", "<td colspan=999999999>受理").replace("<td>1<", "<td colspan='²'>1<")
    assert look("宽.xls", f"<table>{wide}</table>".encode()).status == "tried"
    page = b"<table><tr>" + b"<td colspan=256>x" * 90_000
    assert refusal(look("炸.xls", page)).startswith("too_large: 网页表格有 20,000,")


def test_sixty_thousand_blank_rows_are_none(look: Look) -> None:
    blank = "".join(row(n, f'<c r="A{n}" s="1"/>', f'<c r="D{n}" t="inlineStr"><is><t></t></is></c>')
                    for n in range(3, 60_003))  # fmt: skip
    began = time.process_time()
    outcome = look("空行.xlsx", workbook(event(2) + blank))
    assert outcome.counts == {"delivered": 1, "accepted": 1, "quarantined": 0, "set_aside": 0}
    assert time.process_time() - began < 10


@pytest.mark.parametrize(("first", "then"), [("utf-8", "gb18030"), ("gb18030", "utf-8")])
def test_an_encoding_that_changes_in_the_middle_is_told_with_its_line(look: Look, first: str, then: str) -> None:
    lines = ["工单编号,序号,环节,到达时间\n".encode(first)]
    lines += [f"NH20260908000001,{n},街道受理处置,2026-09-08\n".encode(first if n < 50 else then) for n in range(1, 99)]
    said = refusal(look("拼接.csv", b"".join(lines)))
    assert said.startswith("mixed_encoding: 第 51 行起文字的编码变了"), said


def test_plain_gb18030_of_many_characters_is_not_taken_for_a_mixture(look: Look) -> None:
    han = "".join(chr(c) for c in range(0x4E00, 0x9FA5))
    text = "".join(f"NH20260908000001,{n},{han[n * 7 : n * 7 + 7]},2026-09-08\n" for n in range(1, 2900))
    outcome = look("通用.csv", ("工单编号,序号,环节,到达时间\n" + text).encode("gb18030"))
    assert (outcome.status, outcome.counts["delivered"]) == ("tried", 2899)


def test_ten_more_columns_next_month_are_told_and_the_rows_taken(centre: Person) -> None:
    def month(columns: int, order: str) -> bytes:
        more = [f"附加{n:02}" for n in range(columns - 4)]
        return csv_bytes(f"{' | '.join([*HEAD, *more])}\n{order} | 1 | 受理 | 2026-09-08 {'| x' * len(more)}")

    centre.loaded(EVENT, "八月.csv", month(31, "NH20260808000001"))
    found = centre.hand_in(EVENT, "九月.csv", month(41, "NH20260908000777"))
    assert found["preview"]["counts"]["accepted"] == 1
    page = centre.get(f"/deliveries/{found['id']}").text
    assert all(f"附加{n}" in page for n in range(27, 37))
    assert "新增的列" in page
    assert centre.confirmed(found["id"])["state"] == "done"


BOMBS = {
    "a grid of 17 thousand million cells": (
        lambda: workbook(event(2) + row(1_048_576, '<c r="XFD1048576"><v>2</v></c>')),
        "too_large: 工作表占 1,048,576 行 16,384 列",
    ),
    "the same in small letters": (
        lambda: workbook(row(2, '<c r="xfd2"><v>1</v></c>') + row(1_048_576, '<c r="a1048576"><v>2</v></c>')),
        "too_large",
    ),
    "the same without saying where": (
        lambda: workbook(row(2, "<c><v>1</v></c>" * 16_000) + row(1_048_576, "<c><v>1</v></c>")),
        "too_large",
    ),
    "the same in a namespace": (
        lambda: (
            workbook(row(2, '<c r="A2"/>')).replace(b"", b"")
            and workbook('<x:row xmlns:x="u" r="1048576"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>')
        ),
        "too_large",
    ),
    "a column that there is not": (lambda: workbook(row(2, '<c r="ZZZZZZZZZZ99999999999"><v>2</v></c>')), "too_large"),
    "entities of entities": (
        lambda: workbook(event(2, text("E2", "&c;")), '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY c "&a;&a;&a;">]>'),
        "自定义实体",
    ),
    "shared strings of 600 MB": (lambda: growing(600, "xl/sharedStrings.xml"), "解开后有 600 MB"),
    "sheets of 2.2 GB": (lambda: growing(2_100, "xl/worksheets/sheet9.xml"), "文件解开后有 2.2 GB"),
    "a part that says it is small": (lambda: _understated(growing(64, "xl/sharedStrings.xml")), "损坏"),
    "archives in archives": (lambda: _nested(4), "packed: 这是zip 压缩包"),
    "a hundred thousand parts": (
        lambda: workbook(event(2), more={f"xl/{n}.xml": b"" for n in range(10_001)}),
        "too_large: 文件里有 10,0",
    ),
    "three thousand columns": (lambda: (",".join(f"c{n}" for n in range(3_000)) + "\n").encode(), "表有 3,000 列"),
    "a sheet of 1997 that spans four thousand million cells": (
        lambda: _swapped(xls([[1.0], *[[]] * 65_534, [""] * 60_000 + [1.0]]), _used(65_536, 60_001), _used(1, 1)),
        "too_large: 工作表占 65,536 行 60,001 列",
    ),
    "three sheets of 1997, full to the last corner": (
        lambda: book_as_saved({f"{n}": Sheet([[1.0], *[[]] * 65_534, [""] * 255 + [1.0]]) for n in range(3)}),
        "too_large: 工作表占 65,536 行 256 列，超过能读的上限（各表共 16,777,216 格）",
    ),
    "a range of 1997 that is said to be used": (
        lambda: _swapped(xls([[1.0, 2.0]]), _used(1, 2), _used(0xFFFFFFF0, 0xFFFF)),
        "too_large: 工作表占 4,294,967,280 行 65,535 列",
    ),
    "a directory of sectors in a circle": (
        lambda: _swapped(xls([[1.0]]), pack("<3I", 0xFFFFFFFD, 0xFFFFFFFE, 3), pack("<3I", 0xFFFFFFFD, 1, 3)),
        "损坏",
    ),
    "a thousand keys in each object": (
        lambda: json.dumps([{f"k{o}_{k}": 1 for k in range(500)} for o in range(100)]).encode(),
        "too_large: 对象有",
    ),
}


def _used(rows: int, columns: int) -> bytes:
    return pack("<HHIIHHH", 0x0200, 14, 0, rows, 0, columns, 0)


def _swapped(content: bytes, old: bytes, new: bytes) -> bytes:
    assert content.count(old) == 1
    return content.replace(old, new)


def _understated(content: bytes) -> bytes:
    at = content.rfind(b"PK\x01\x02") + 24
    return content[:at] + (1000).to_bytes(4, "little") + content[at + 4 :]


def _nested(depth: int) -> bytes:
    content = bytes(1 << 20)
    for _ in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for n in range(16):
                archive.writestr(f"{n}.zip", content)
        content = out.getvalue()
    return content


LOOKED = (
    f"""from citybrain import ingest
def looked(file):
    began, outcome = used(), ingest.trial('{EVENT}', file)
    because = outcome.refused_because
    return outcome.status, f'{{because.rule}}: {{because.message}}' if because else '', used() - began
""",
    "answer = {{file.name: looked(file) for file in Path('{file}').iterdir()}}",
)


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of them all, in a process of its own as a worker is: what it holds at most is what the worst took."""
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "files").mkdir()
    for n, (make, _) in enumerate(BOMBS.values()):
        (folder / f"files/{n}.xlsx").write_bytes(make())
    return measured(LOOKED, folder / "files", folder / "home")


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(bombs: dict[str, Any], name: str) -> None:
    status, said, seconds = bombs["answer"][f"{[*BOMBS].index(name)}.xlsx"]
    assert (status, BOMBS[name][1] in said, seconds < 5) == ("refused", True, True), (said, seconds)


def test_no_bomb_takes_memory(bombs: dict[str, Any]) -> None:
    assert bombs["peak"] < 400  # MB, of which 210 are programs


def test_formulas_without_a_value_and_errors_in_cells_are_told_and_never_empty(look: Look) -> None:
    broken = '<c r="C3" t="e"><f>Z9</f><v>#REF!</v></c>'
    wrong = row(3, text("A3", "NH20260908000003"), '<c r="B3"><f>1+2</f></c>', broken,
                '<c r="D3"><f>NOW()</f><v></v></c>')  # fmt: skip
    good = row(4, text("A4", "NH20260908000004"), '<c r="B4"><f>2+2</f><v>4</v></c>', text("C4", "受理"),
               text("D4", "2026-09-08"), '<c r="E4" t="str"><f>""</f><v></v></c>')  # fmt: skip
    outcome = look("公式.xlsx", workbook(event(2) + wrong + good))
    assert outcome.counts == {"delivered": 3, "accepted": 2, "quarantined": 1, "set_aside": 0}
    assert [(i.cell, i.rule, i.text) for i in outcome.issues if i.severity == "block"] == [
        ("B3", "cell_error", "#没有算出的公式!"),
        ("C3", "cell_error", "#REF!"),
        ("D3", "cell_error", "#没有算出的公式!"),
    ]


def test_macros_are_not_run_and_that_is_said(look: Look) -> None:
    outcome = look("宏.xlsm", workbook(event(2), more={"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 AutoOpen"}))
    assert outcome.counts["accepted"] == 1
    assert any("宏没有运行" in issue.message for issue in outcome.issues)
    assert "xlsb" in refusal(look("x.xlsb", workbook("", more={"xl/workbook.bin": b"x"})))


def test_a_sheet_of_two_million_cells_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """In a process of its own, as a worker is; tests/bench has ten million."""
    write_wide(file := tmp_path / "大.xlsx", rows=20_000, columns=100)
    run = measured(REPORT, file, tmp_path / "home")
    assert run["answer"] == {"delivered": 20_000, "accepted": 20_000, "quarantined": 0, "set_aside": 0}
    assert run["peak"] < 600  # MB
