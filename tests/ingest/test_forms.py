# ruff: noqa: E501  (a picture is as wide as its table)
"""The form of a file: encodings, headers, totals, footers, sheets; and the files that are refused, with the reason."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from citybrain.ingest import csv_source, ingest, report_text
from tests.ingest.pictures import cells, csv_bytes, flat, lake
from tests.lake import rows_of
from tests.portal.biff import compound

TOWN = "bronze.reference__town"
PLAIN = """
    镇街代码  | 镇街名称 | 生效日期
    440605011 | 桂城街道 | 2003-01-01
"""


def workbook(path: Path, picture: str, *, title: str = "明细", merged: tuple[str, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row, line in enumerate(cells(picture), 1):
        for column, cell in enumerate(line, 1):
            sheet.cell(row, column, cell or None)
    for area in merged:
        sheet.merge_cells(area)
    book.save(path)
    return path


@pytest.mark.dirt("X03")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encoding_and_delimiter_are_found(tmp_path, encoding, delimiter):
    file = tmp_path / "镇街.csv"
    file.write_bytes(csv_bytes(PLAIN + "    440605122 | 西樵𬭼镇 | 2003-01-01", encoding, delimiter))
    outcome = ingest(TOWN, file)
    assert lake(TOWN, "town_name _row") == flat("""
        town_name | _row
        桂城街道  | 2
        西樵𬭼镇  | 3
    """)
    assert (outcome.detected.encoding, outcome.detected.delimiter) == (encoding, delimiter)


@pytest.mark.dirt("X01")
@pytest.mark.dirt("X19")
def test_a_total_that_is_not_the_sum_of_its_parts_is_told_with_both_numbers(tmp_path):
    file = workbook(
        tmp_path / "人口.xlsx",
        """
        年份 | 区划代码  | 常住人口 | 面积平方公里
        全区 |           | 6,100    | 300.1
        2020 | 440605011 | 1,000    | 84.164
        2020 | 440605121 | 2000     | 94.754
        小计 |           | 3000     | 178.92
        2021 | 440605011 | 1100     | 84.16
        2021 | 440605121 | 约2000   | 94.75
        小计 |           | 3000     | 178.5
        合计 |           | 6100     |
        """,
    )
    outcome = ingest("bronze.reference__population", file)
    assert outcome.counts == {"delivered": 8, "accepted": 2, "quarantined": 2, "set_aside": 4}
    assert [(i.cell, i.message) for i in outcome.issues if i.rule == "total_differs"] == [
        ("D2", "“面积平方公里”的合计是“300.1”，而各行之和是 357.828。请核对合计和明细，看是否漏报、多报或改过明细。"),
        ("C8", "“常住人口”的合计是“3000”，而各行之和是 3100。请核对合计和明细，看是否漏报、多报或改过明细。"),
        ("D8", "“面积平方公里”的合计是“178.5”，而各行之和是 178.91。请核对合计和明细，看是否漏报、多报或改过明细。"),
    ]
    assert {row["cell"] for row in rows_of("ops.issue") if row["rule"] == "total_differs"} == {"D2", "C8", "D8"}


@pytest.mark.dirt("X01")
def test_titles_units_merged_headers_totals_and_footers_are_no_rows(tmp_path):
    file = workbook(
        tmp_path / "人口.xlsx",
        """
        南海区常住人口统计表
        单位：人
        年份  | 区划     |              | 常住人口  | 面积平方公里
              | 区划代码 | 区划名称     |           |
              |          |              | （人）    | （平方公里）
        全区  |          |              | 3,000     |
        2020  | 440605011 | 桂城街道    | 1,000     | 84.16
        2020  | 440605121 | 九江镇      | 2000      | 94.75
              |           |             |           |
        合 计 |           |             | 3000      |
        2021  | 440605011 | 桂城街道    | 1100      | 84.16
        注：1. 数据为示意
        2. 不得引用
        制表：张三 |      | 审核：李四  |           |
        """,
        merged=("A1:E1", "B3:C3"),
    )
    outcome = ingest("bronze.reference__population", file)
    assert lake("bronze.reference__population", "stat_year area_code resident_population _sheet _row _marks") == flat("""
        stat_year | area_code | resident_population | _sheet | _row | _marks
        2020      | 440605011 | 1000                | 明细   | 7    | resident_population:X15
        2020      | 440605121 | 2000                | 明细   | 8    |
        2021      | 440605011 | 1100                | 明细   | 11   |
    """)
    assert [(s.row, s.why) for s in outcome.set_aside] == [(6, "total"), (10, "total")]
    assert outcome.counts == {"delivered": 5, "accepted": 3, "quarantined": 0, "set_aside": 2}
    found = outcome.detected
    assert (found.header_rows, found.unit_row, found.footer_rows) == ((3, 4), 5, (12, 13, 14))
    assert found.titles == ("南海区常住人口统计表", "单位：人")


@pytest.mark.dirt("X09")
def test_columns_are_matched_by_name_and_alias_in_any_order(deliver):
    outcome = deliver(
        TOWN,
        """
        备注 | 生效 日期  | 所属镇街代码 | 【镇街名称】 | 镇街名称
        无   | 2003-01-01 | 440605011    | 桂城街道     | 桂城
        """,
    )
    assert lake(TOWN, "town_code town_name valid_from valid_to") == flat("""
        town_code | town_name | valid_from | valid_to
        440605011 | 桂城街道  | 2003-01-01 |
    """)
    assert [(i.rule, i.cell, i.text) for i in outcome.issues] == [
        ("unknown_column", "A1", "备注"),
        ("repeated_column", "E1", "镇街名称"),
        ("absent_column", None, None),
    ]


@pytest.mark.dirt("X16")
def test_rows_of_another_width_are_quarantined_and_blank_or_trailing_cells_are_not(deliver):
    deliver(
        TOWN,
        """
        镇街代码  | 镇街名称       | 生效日期
        440605011 | 桂城⏎街道，(新) | 2003-01-01
        440605121 | 九江镇         | 2003-01-01 | | |

        440605122 | 西樵镇         | 2003-01-01 | 多出
        440605123 | 丹灶镇
        440605124 | 狮山镇         | 2003-01-01
        """,
    )
    assert lake(TOWN, "town_code town_name _row _marks") == flat("""
        town_code | town_name    | _row | _marks
        440605011 | 桂城街道，(新) | 2    | town_name:X16
        440605121 | 九江镇       | 3    |
        440605124 | 狮山镇       | 7    |
    """)
    assert lake("quarantine.reference__town", "row values") == flat("""
        row | values
        5   | 镇街代码=440605122 镇街名称=西樵镇 生效日期=2003-01-01 第4格=多出
        6   | 镇街代码=440605123 镇街名称=丹灶镇
    """)


def test_the_first_visible_sheet_that_fits_is_read(tmp_path):
    book = openpyxl.Workbook()
    hidden, cover, data = book.active, book.create_sheet("封面"), book.create_sheet("数据")
    hidden.sheet_state = "hidden"
    for sheet in (hidden, data):
        for row in cells(PLAIN):
            sheet.append(row)
    cover.append(["报送说明"])
    book.active = 2
    book.save(tmp_path / "x.xlsx")
    ingest(TOWN, tmp_path / "x.xlsx")
    assert lake(TOWN, "town_code _sheet") == flat("""
        town_code | _sheet
        440605011 | 数据
    """)


@pytest.mark.dirt("X32")
def test_a_web_page_that_calls_itself_xls_is_read(tmp_path):
    file = tmp_path / "导出.xls"
    rows = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in cells(PLAIN))
    file.write_text(f"<html><head><meta charset='gb2312'></head><table border=1>{rows}</table></html>", "gb18030")
    assert ingest(TOWN, file).counts["accepted"] == 1


def _refusal(table: str, file: Path) -> tuple[str, str]:
    outcome = ingest(table, file)
    assert outcome.status == "refused"
    assert outcome.exit_code == 3
    assert outcome.refused_because
    assert outcome.refused_because.message in report_text(outcome)
    return outcome.refused_because.rule, outcome.refused_because.message


@pytest.mark.parametrize(
    ("content", "rule", "says"),
    [
        (b"", "empty_file", "文件是空的"),
        (b"%PDF-1.7 ...", "unknown_format", "PDF"),
        (b"PK\x03\x04half", "unknown_format", "没有传完"),
        (csv_bytes(PLAIN).replace("桂城".encode(), b"\xff\xfe\xff"), "mojibake", "第 2 行（第 51 字节）"),
        (csv_bytes(PLAIN).replace("桂城".encode(), "锟斤拷".encode()), "lost_characters", "第 2 行"),
        (csv_bytes(PLAIN).replace("桂城".encode(), '"桂城'.encode()), "unclosed_quote", "第 2 行"),
        ("甲,乙,丙\n1,2,3\n".encode(), "no_header", "甲、乙、丙"),
        ("镇街代码,镇名,生效日期\n1,2,3\n".encode(), "missing_column", "缺少必填列：镇街名称。表头中最接近的是：镇名"),
        (b"\xe9\x95\x87", "no_header", "镇"),
        ("镇街代码,镇街名称,生效日期\n".encode(), "no_rows", "没有数据"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else "",
)
def test_what_is_refused_says_why_and_is_kept(tmp_path, home, content, rule, says):
    file = tmp_path / "镇街.csv"
    file.write_bytes(content)
    found, message = _refusal(TOWN, file)
    assert found == rule
    assert says in message
    assert [p.read_bytes() for p in home.glob("landing/reference__town/R-*/镇街.csv")] == [content]
    assert lake("ops.issue", "rule severity") == flat(f"""
        rule   | severity
        {rule} | block
    """)


def test_a_unit_that_cannot_be_told_in_the_agreed_one_is_refused(tmp_path):
    file = tmp_path / "x.csv"
    file.write_bytes(
        csv_bytes("""
        年份 | 区划代码  | 常住人口（户）
        2020 | 440605011 | 71
    """)
    )
    assert _refusal("bronze.reference__population", file)[1].startswith("“常住人口（户）”标注的单位是“户”，约定是“人”")


def test_a_text_that_tells_an_amount_is_refused_in_another_unit(deliver):
    row = "91440605MA00000009 | 甲 | 1500000 | 2018-05-06"
    head = "统一社会信用代码 | 企业名称 | 注册资本（{}） | 成立日期"
    outcome = deliver("bronze.market__entity", f"{head.format('元')}\n{row}")
    assert (outcome.status, outcome.refused_because.rule) == ("refused", "unit_differs")
    assert deliver("bronze.market__entity", f"{head.format('万元')}\n{row}").status == "loaded"


def test_carbon_monoxide_in_the_unit_of_the_others_is_refused_however_the_unit_is_spelled(tmp_path):
    for unit, rule in (("mg/m3", None), ("mg/m³", None), ("μg/m³", "unit_differs"), ("ug/m3", "unit_differs")):
        file = tmp_path / f"{len(unit)}{unit[0]}{unit[-1]}.csv"
        file.write_bytes(
            csv_bytes(f"""
            站点编码 | 监测时间            | PM2.5（µg/m³） | CO（{unit}）
            NH01     | 2026-03-01 01:00:00 | 23             | 0.6
        """)
        )
        outcome = ingest("bronze.environment__air_hour", file)
        assert (outcome.refused_because and outcome.refused_because.rule) == rule, unit


@pytest.mark.dirt("X02")
def test_a_monthly_report_is_read_by_its_two_levels_of_header_whatever_month_it_is_of(tmp_path):
    """X02, X04, X17: 1-7月 is the cumulative column; a dash is no level."""
    book = openpyxl.Workbook()
    for row in (
        ["佛山市南海区主要经济指标", None, None, None, None, None, None, None],
        ["指标", "单位", "年份", "月份", "本月", None, "1-7月", None],
        [None, None, None, None, "绝对数", "增长%", "绝对数", "增长%"],
        ["规模以上工业增加值", "亿元", 2021, 7, 126.16, 1.2, "930.66", "+5.5%"],
        ["固定资产投资", "亿元", 2021, 7, "—", "—", "—", "-14.3"],
        ["注：增速按可比价", None, None, None, None, None, None, None],
    ):
        book.active.append(row)
    book.active.merge_cells("E2:F2")
    book.active.merge_cells("G2:H2")
    book.save(tmp_path / "快报.xlsx")
    ingest("bronze.economy__monthly", tmp_path / "快报.xlsx")
    columns = "macro_indicator stat_year stat_month month_level month_growth ytd_level ytd_growth"
    assert lake("bronze.economy__monthly", columns) == flat("""
        macro_indicator | stat_year | stat_month | month_level | month_growth | ytd_level | ytd_growth
        规上工业增加值  | 2021      | 7          | 126.1600    | 1.20         | 930.6600  | 5.50
        固定资产投资    | 2021      | 7          |             |              |           | -14.30
    """)


@pytest.mark.dirt("X15")
def test_a_number_that_the_sheet_shows_as_a_percentage_is_read_as_one(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["指标", "单位", "年份", "月份", "本月增长%", "累计增长%"],
        ["商品零售", "亿元", 2026, 7, 0.07, -0.125],
        ["餐饮收入", "亿元", 2026, 7, 0.07, 0.07],
    ):
        book.active.append(row)
    book.active["E2"].number_format, book.active["F2"].number_format = "0%", "0.0%;[Red]-0.0%"
    book.active["F3"].number_format = '0.00"%"'
    book.save(tmp_path / "快报.xlsx")
    ingest("bronze.economy__monthly", tmp_path / "快报.xlsx")
    assert lake("bronze.economy__monthly", "month_growth ytd_growth _delivered") == flat("""
        month_growth | ytd_growth | _delivered
        7.00         | -12.50     | month_growth=7% ytd_growth=-12.5%
        0.07         | 0.07       |
    """)


def test_a_password_is_named(tmp_path):
    file = tmp_path / "x.xlsx"
    file.write_bytes(compound(b"", "EncryptedPackage"))
    assert _refusal(TOWN, file)[0] == "password"


def test_a_table_may_stand_anywhere_in_a_sheet_and_cells_keep_their_type(tmp_path):
    book = openpyxl.Workbook()
    rows = [
        ["工单编号", "序号", "环节", "到达时间"],
        ["NH20260908000001", 1, "受理", datetime(2026, 9, 8, 9, 5)],  # noqa: DTZ001  (a workbook knows no zones)
        ["NH20260908000001", 2.0, "派遣", date(2026, 9, 8)],
        ["NH20260908000001", "3", "处置", 46273.378472],
        [440605199001010014, 4, "反馈", "2026-09-08 09:05:00"],
        ["NH20260908000001", 5, True, "2026-09-08 09:05:00"],
    ]
    for number, row in enumerate(rows, 4):
        for column, cell in enumerate(row, 3):
            book.active.cell(number, column, cell)
    book.save(tmp_path / "x.xlsx")
    ingest("bronze.centre__work_order_event", tmp_path / "x.xlsx")
    assert lake("bronze.centre__work_order_event", "event_no step arrived_at _row _marks") == flat("""
        event_no | step | arrived_at          | _row | _marks
        1        | 受理 | 2026-09-08 09:05:00 | 5    |
        2        | 派遣 | 2026-09-08 00:00:00 | 6    |
        3        | 处置 | 2026-09-08 09:05:00 | 7    | arrived_at:X12
        5        | 是   | 2026-09-08 09:05:00 | 9    |
    """)
    assert lake("quarantine.centre__work_order_event", "reasons") == flat("""
        reasons
        precision_lost:C8
    """)


@pytest.mark.parametrize(
    ("name", "first"),
    [("【机密】镇街.csv", ""), ("镇街.csv", "秘密★1年\n"), ("镇街.csv", "机密\n"), ("x.csv", "甲,绝密★,乙\n")],
)
def test_what_is_marked_secret_is_destroyed(tmp_path, home, name, first):
    file = tmp_path / name
    file.write_bytes(first.encode() + csv_bytes(PLAIN))
    assert _refusal(TOWN, file)[0] == "secret_file"
    kept = [p.name for p in (home / "landing" / "reference__town").rglob("*") if p.is_file()]
    assert sorted(n for n in kept if len(n) < 64) == ["receipt.json"]
    assert all(b"\xe6\xa1\x82\xe5\x9f\x8e" not in p.read_bytes() for p in home.rglob("*") if p.is_file())
    assert ingest(TOWN, file).status == "refused"


def test_the_words_secret_in_a_record_do_not_make_a_file_secret(deliver):
    outcome = deliver(
        "bronze.centre__work_order",
        """
        工单编号         | 上报时间            | 标题     | 描述
        NH20260908000001 | 2026-09-08 09:05:00 | 机密     | 举报泄露商业秘密
        """,
    )
    assert outcome.status == "loaded"


def test_blocks_are_cut_between_records_wherever_they_end(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_source, "_BLOCK", 37)
    monkeypatch.setattr(csv_source, "SEGMENT_BYTES", 120)
    file = tmp_path / "x.csv"
    names = ["桂城街道", '说“好”,\n"第二行"', "x\u2028y", '5" 管', "", "狮山\r\n镇"] * 3
    with file.open("w", encoding="gb18030", newline="") as stream:
        stream.write("镇街代码,镇街名称,生效日期\n")
        csv.writer(stream).writerows([f"4406050{n:02}", name, "2003-01-01"] for n, name in enumerate(names))
        stream.write('440605099,未加引号的 5" 管,2003-01-01\n\n440605098,狮山镇')
    outcome = ingest(TOWN, file)
    found = [(row["_row"], row["town_name"]) for row in rows_of(TOWN)]
    kept = [name.replace("\n", "").replace("\r", "") for name in names]
    assert sorted(found) == [*((n, name) for n, name in enumerate(kept, 2) if name), (20, '未加引号的 5" 管')]
    assert [(i.rule, i.row) for i in outcome.issues if i.severity == "block"] == [
        ("required", 6),
        ("required", 12),
        ("required", 18),
        ("cell_count", 22),
    ]
