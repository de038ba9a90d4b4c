# ruff: noqa: E501  (a picture is as wide as its table)
"""The kinds of dirt, each in the smallest file that shows it: what is read and marked, what goes back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from citybrain.ingest import correct, ingest, landing, quarantined, repair
from tests.ingest.pictures import cells, csv_bytes, flat, lake
from tests.lake import rows_of
from tests.portal.biff import Sheet, book_as_saved

ORDER, ENTITY, MACRO = "bronze.centre__work_order", "bronze.market__entity", "bronze.economy__monthly"
POPULATION, TOWN = "bronze.reference__population", "bronze.reference__town"


def workbook(path: Path, *pictures: str, hidden: tuple[int, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, picture in enumerate(pictures, 1):
        sheet = book.create_sheet(f"表{number}")
        sheet.sheet_state = "hidden" if number in hidden else "visible"
        for row in cells(picture):
            sheet.append([cell or None for cell in row])
    book.save(path)
    return path


@pytest.fixture
def monthly(tmp_path, monkeypatch):
    """Hands in one month after another, each received an hour later."""
    received = iter(datetime(2026, 9, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(99))
    monkeypatch.setattr(landing, "_now", lambda: next(received))

    def hand_in(picture: str, name: str = "x.csv"):
        path = tmp_path / name
        path.write_bytes(csv_bytes(picture))
        return ingest(MACRO, path)

    return hand_in


@pytest.mark.dirt("X02")
def test_a_header_of_three_rows_is_joined_and_the_clerk_is_told_how(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["宏观经济"],
        ["指标", "单位", "年份", "月份", "当期", None, "1至本月", None],
        [None, None, None, None, "本月", None, "累计", None],
        [None, None, None, None, "绝对数", "增长%", "绝对数", "增长%"],
        ["商品零售", "亿元", 2026, 7, 10, 1.5, 70, 2.5],
    ):
        book.active.append(row)
    for area in ("A2:A4", "E2:F2", "G2:H2", "E3:F3", "G3:H3"):
        book.active.merge_cells(area)
    book.save(tmp_path / "x.xlsx")
    outcome = ingest(MACRO, tmp_path / "x.xlsx")
    assert lake(MACRO, "month_level month_growth ytd_level ytd_growth") == flat("""
        month_level | month_growth | ytd_level | ytd_growth
        10.0000     | 1.50         | 70.0000   | 2.50
    """)
    (told,) = [i for i in outcome.issues if i.rule == "merged_header"]
    assert told.message.startswith("表头有 3 行，已把上下各级列名连起来读，如“当期_本月_绝对数”")


@pytest.mark.dirt("X08")
def test_names_keep_their_brackets_and_blanks(deliver):
    deliver(
        ENTITY,
        """
        统一社会信用代码   | 企业名称               | 成立日期
        91440605MA00000009 | 佛山市（南海） 某某厂 | 2020-01-01
        """,
    )
    assert lake(ENTITY, "entity_name _marks") == "entity_name | _marks\n佛山市（南海） 某某厂 |"


@pytest.mark.dirt("X10")
def test_a_code_with_a_note_is_taken_out_and_two_codes_go_back(deliver):
    outcome = deliver(
        ENTITY,
        """
        统一社会信用代码                      | 企业名称 | 成立日期
        91440605MA00000009（已变更）          | 甲       | 2020-01-01
        原91440605MA00000009                  | 乙       | 2020-01-01
        91440605MA00000009/914406050000000006 | 丙       | 2020-01-01
        91440605MA00000009 91440605MA00000009 | 丁       | 2020-01-01
        粤440600012345                        | 戊       | 2020-01-01
        """,
    )
    assert lake(ENTITY, "uscc entity_name _marks _delivered") == flat("""
        uscc               | entity_name | _marks   | _delivered
        91440605MA00000009 | 甲          | uscc:X05 uscc:X10 | uscc=91440605MA00000009（已变更）
        91440605MA00000009 | 乙          | uscc:X10 | uscc=原91440605MA00000009
        91440605MA00000009 | 丁          | uscc:X10 | uscc=91440605MA00000009 91440605MA00000009
        粤440600012345     | 戊          |          | uscc=粤440600012345
    """)
    assert [(i.rule, i.cell) for i in outcome.issues if i.dirt == "X10"] == [
        ("code_with_note", "A2"),
        ("code_with_note", "A3"),
        ("several_codes", "A4"),
        ("code_with_note", "A5"),
    ]


@pytest.mark.dirt("X12")
def test_chinese_numerals_make_a_date_and_half_a_date_goes_back(deliver):
    deliver(
        ENTITY,
        """
        统一社会信用代码   | 企业名称 | 成立日期
        91440605MA00000009 | 甲       | 二〇二一年九月八日
        91440605MA00000009 | 乙       | 二○二一年十二月三十一日
        91440605MA00000009 | 丙       | 二零二零年十月二十日
        91440605MA00000009 | 丁       | 二〇二一年九月
        91440605MA00000009 | 戊       | 9月28日
        91440605MA00000009 | 己       | 二〇二一年二月三十日
        """,
    )
    assert lake(ENTITY, "entity_name founded_date _marks") == flat("""
        entity_name | founded_date | _marks
        甲          | 2021-09-08   | founded_date:X12
        乙          | 2021-12-31   | founded_date:X12
        丙          | 2020-10-20   | founded_date:X12
    """)
    assert lake("quarantine.market__entity", "row reasons") == flat("""
        row | reasons
        5   | unreadable_date:C5
        6   | unreadable_date:C6
        7   | unreadable_date:C7
    """)


@pytest.mark.dirt("X12")
@pytest.mark.parametrize("since_1904", [True, False])
def test_a_workbook_that_counts_days_from_1904_is_read_by_its_own_count_and_that_is_marked(tmp_path, since_1904):
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904 if since_1904 else CALENDAR_WINDOWS_1900
    book.active.append(["统一社会信用代码", "企业名称", "成立日期"])
    for name, founded in (("甲", date(2021, 9, 28)), ("乙", 43005), ("丙", "2021-09-28"), ("丁", "2021.9.28")):
        book.active.append(["91440605MA00000009", name, founded])
    book.save(tmp_path / "x.xlsx")
    outcome = ingest(ENTITY, tmp_path / "x.xlsx")
    rows = [(r["entity_name"], str(r["founded_date"]), r["_marks"], r["_delivered"]) for r in rows_of(ENTITY)]
    read = ["founded_date:X12"]
    assert sorted(rows, key=lambda row: "甲乙丙丁".index(row[0])) == [
        ("甲", "2021-09-28", *((read, [("founded_date", "2021-09-28 00:00:00")]) if since_1904 else ([], []))),
        ("乙", "2021-09-28" if since_1904 else "2017-09-27", read, [("founded_date", "43005")]),
        ("丙", "2021-09-28", [], []),
        ("丁", "2021-09-28", read, [("founded_date", "2021.9.28")]),
    ]
    told = [i.message for i in outcome.issues if i.rule == "dates_since_1904"]
    assert [t[:19] for t in told] == ["工作簿用的是 1904 日期系统，日期"] * since_1904


@pytest.mark.dirt("X13")
@pytest.mark.parametrize(
    "picture",
    [
        """
        年份 | 区划代码  | 常住人口（万人） | 面积平方公里
        2020 | 440605011 | 71.23           | 84.16
        2021 | 440605011 |                 |
        """,
        """
        南海区常住人口
        单位：万人
        年份 | 区划代码  | 常住人口 | 面积平方公里
        2020 | 440605011 | 71.23    | 84.16
        """,
        """
        年份 | 区划代码  | 常住人口 | 面积平方公里
             |           | 万人     | 公顷
        2020 | 440605011 | 71.23    | 8,416
        """,
    ],
    ids=["header", "title", "unit row"],
)
def test_a_stated_unit_is_told_in_the_agreed_one_and_marked(deliver, picture):
    deliver(POPULATION, picture)
    (row,) = [r for r in rows_of(POPULATION) if r["stat_year"] == 2020]
    assert (row["resident_population"], f"{row['land_area_km2']}") == (712300, "84.16")
    assert "resident_population:X13" in row["_marks"]
    assert dict(row["_delivered"])["resident_population"] == "71.23"


@pytest.mark.dirt("X13")
@pytest.mark.parametrize("text", ["68.2万", "68.2万人", "约68万", "682000人", "0.1亿"])
def test_a_cell_that_states_a_unit_under_a_header_that_states_another_is_no_number(deliver, text):
    outcome = deliver(
        POPULATION, f"年份 | 区划代码 | 常住人口（万人）\n2020 | 440605011 | {text}\n2021 | 440605011 | 约69.5"
    )
    assert [row["resident_population"] for row in rows_of(POPULATION)] == [695000]
    assert [(i.rule, i.cell) for i in outcome.issues if i.severity == "block"] == [("unreadable_number", "C2")]


@pytest.mark.dirt("X13")
def test_a_cell_that_states_a_unit_under_a_header_that_states_another_is_no_part_of_a_total(deliver):
    outcome = deliver(
        POPULATION,
        """
        年份 | 区划代码  | 常住人口（万人）
        2020 | 440605011 | 0.1亿
        2020 | 440605121 | 约20
        合计 |           | 88
        """,
    )
    assert [i.message.partition("。")[0] for i in outcome.issues if i.rule == "total_differs"] == [
        "“常住人口（万人）”的合计是“88”，而各行之和是 20"
    ]


@pytest.mark.dirt("X13")
def test_a_cell_that_states_a_unit_beside_a_column_of_units_is_no_number(deliver):
    outcome = deliver(
        MACRO, "指标 | 单位 | 年份 | 月份 | 累计\n商品零售 | 亿元 | 2026 | 7 | 98.7亿\n餐饮收入 | 万元 | 2026 | 7 | 约7"
    )
    assert lake(MACRO, "macro_indicator ytd_level") == "macro_indicator | ytd_level\n餐饮收入 | 7.0000"
    assert [(i.rule, i.cell) for i in outcome.issues if i.severity == "block"] == [("unreadable_number", "E2")]


@pytest.mark.dirt("X13")
def test_the_unit_of_the_title_is_that_of_every_row_where_the_table_has_no_column_for_it(deliver):
    deliver(
        MACRO,
        """
        宏观经济月度快报
        单位：万元
        指标     | 年份 | 月份 | 累计
        商品零售 | 2026 | 7    | 700000
        """,
    )
    assert lake(MACRO, "macro_unit ytd_level _marks") == flat("""
        macro_unit | ytd_level   | _marks
        万元       | 700000.0000 | macro_unit:X13
    """)


@pytest.mark.dirt("X01")
def test_the_unit_of_the_title_makes_no_record_of_a_blank_row_a_header_or_a_footer(deliver):
    outcome = deliver(
        MACRO,
        """
        宏观经济月度快报
        单位：万元
        指标     | 年份 | 月份 | 累计   |
        商品零售 | 2026 | 7    | 700000 |
                 |      |      |        |
        指标     | 年份 | 月份 | 累计   |
        餐饮收入 | 2026 | 7    | 70000  |
        注：初步数 | 现价 |    |        |
        """,
    )
    assert lake(MACRO, "macro_indicator") == "macro_indicator\n商品零售\n餐饮收入"
    assert outcome.counts == {"delivered": 3, "accepted": 2, "quarantined": 0, "set_aside": 1}
    assert [(s.row, s.why) for s in outcome.set_aside] == [(6, "header")]


YEAR_AGO = """
    指标         | 单位 | 年份 | 月份 | 本月 | 累计
    商品零售     | 亿元 | 2025 | 6    | 10   | 60
    商品零售     | 亿元 | 2025 | 7    | 10   | 70
    餐饮收入     | 亿元 | 2025 | 7    | 1    | 7
    税收收入     | 万元 | 2025 | 7    | 2000 | 14000
    工业投资     | 亿元 | 2025 | 7    | 3    | 20
"""


@pytest.mark.dirt("X13")
def test_a_table_in_another_unit_is_refused_and_a_single_cell_is_told(monthly):
    assert monthly(YEAR_AGO).status == "loaded"
    refused = monthly("""
        指标         | 单位 | 年份 | 月份 | 累计
        商品零售     | 亿元 | 2026 | 7    | 740000
        餐饮收入     | 亿元 | 2026 | 7    | 75000
        税收收入     | 亿元 | 2026 | 7    | 14500
        工业投资     | 亿元 | 2026 | 7    | 21
    """)
    assert refused.refused_because.rule == "magnitude_shifted"
    assert "“累计”的 4 个数里有 3 个与上年同期相差约 10,000 倍" in refused.refused_because.message
    loaded = monthly("""
        指标         | 单位 | 年份 | 月份 | 累计
        商品零售     | 亿元 | 2026 | 7    | 74
        餐饮收入     | 亿元 | 2026 | 7    | 75
        税收收入     | 亿元 | 2026 | 7    | 1.45
        工业投资     | 亿元 | 2026 | 7    | 90
    """)
    assert [(i.rule, i.cell, i.text) for i in loaded.issues if i.dirt == "X13"] == [("magnitude_cell", "E3", "75")]
    assert "与上年同期的 7 相差约 10 倍" in next(i for i in loaded.issues if i.dirt == "X13").message


@pytest.mark.dirt("X17")
def test_a_cumulative_that_falls_and_a_month_larger_than_all_before_are_told(monthly):
    monthly(YEAR_AGO)
    monthly("""
        指标         | 单位 | 年份 | 月份 | 本月 | 累计
        商品零售     | 亿元 | 2026 | 4    | 10   | 40
        商品零售     | 亿元 | 2026 | 5    | 11   | 51
        餐饮收入     | 亿元 | 2026 | 5    | 1    | 5
    """)
    outcome = monthly("""
        指标         | 单位 | 年份 | 月份 | 本月   | 累计
        商品零售     | 万元 | 2026 | 6    | 610000 | 509999
        餐饮收入     | 亿元 | 2026 | 6    | 1      | 5
    """)
    assert [(i.rule, i.cell, i.text) for i in outcome.issues if i.dirt == "X17"] == [
        ("month_like_cumulative", "E2", "610000"),
        ("cumulative_falls", "F2", "509999"),
        ("month_beyond_ytd", "E2", "610000"),
    ]
    assert "小于上一期的累计数 510000" in next(i for i in outcome.issues if i.rule == "cumulative_falls").message


@pytest.mark.dirt("X15")
def test_arrows_are_signs(deliver):
    deliver(
        MACRO,
        """
        指标     | 单位 | 年份 | 月份 | 累计    | 累计增长
        商品零售 | 亿元 | 2026 | 1    | 约43    | ↑5.5%
        商品零售 | 亿元 | 2026 | 2    | 1,234.5 | ↓5.5%
        商品零售 | 亿元 | 2026 | 3    | 近42    | 3.2%↓
        商品零售 | 亿元 | 2026 | 4    | 50      | ↓-3.2
        商品零售 | 亿元 | 2026 | 5    | 60      | 3.2↑％
        """,
    )
    assert lake(MACRO, "stat_month ytd_level ytd_growth _marks") == flat("""
        stat_month | ytd_level | ytd_growth | _marks
        1          | 43.0000   | 5.50       | ytd_level:X15 ytd_growth:X15
        2          | 1234.5000 | -5.50      | ytd_level:X15 ytd_growth:X15
        3          | 42.0000   | -3.20      | ytd_level:X15 ytd_growth:X15
    """)
    assert lake("quarantine.economy__monthly", "row reasons") == flat("""
        row | reasons
        5   | unreadable_number:F5
        6   | unreadable_number:F6
    """)


@pytest.mark.dirt("X19")
def test_merged_cells_are_filled_in_declared_columns_only_and_subtotals_are_reconciled(tmp_path):
    outcome = ingest(
        MACRO,
        workbook(
            tmp_path / "x.xlsx",
            """
            指标     | 单位 | 年份 | 月份 | 累计
            商品零售 | 亿元 | 2026 | 5    | 50
            餐饮收入 |      |      |      | 5
            小计     |      |      |      | 58
            商品零售 | 亿元 | 同上 | 6    | 60
            餐饮收入 | 亿元 |      | 〃   | 6

            注：增速按可比价
            """,
        ),
    )
    assert lake(MACRO, "macro_indicator macro_unit stat_year stat_month _marks _delivered") == flat("""
        macro_indicator | macro_unit | stat_year | stat_month | _marks | _delivered
        商品零售 | 亿元 | 2026 | 5 |                                |
        餐饮收入 |      | 2026 | 5 | stat_year:X19 stat_month:X19   | macro_unit= stat_year=〃2026 stat_month=〃5
        商品零售 | 亿元 | 2026 | 6 | stat_year:X19                  | stat_year=〃2026
        餐饮收入 | 亿元 | 2026 | 6 | stat_year:X19 stat_month:X19   | stat_year=〃2026 stat_month=〃6
    """).replace("macro_unit= ", "")
    assert outcome.counts == {"delivered": 5, "accepted": 4, "quarantined": 0, "set_aside": 1}
    assert [i.cell for i in outcome.issues if i.rule == "total_differs"] == ["E4"]


@pytest.mark.dirt("X20")
def test_degrees_minutes_and_seconds_are_degrees(deliver):
    deliver(
        TOWN,
        """
        镇街代码  | 镇街名称 | 生效日期   | 经度          | 纬度
        440605011 | 桂城街道 | 2003-01-01 | 113°08′44.07″ | 23度1分53.6秒
        440605121 | 九江镇   | 2003-01-01 | 113°0.6'      | 22.85度
        440605122 | 西樵镇   | 2003-01-01 | 113°75′       | 22.9
        440605123 | 丹灶镇   | 2003-01-01 | 0             | 112.9
        """,
    )
    assert lake(TOWN, "town_code lon lat _marks") == flat("""
        town_code | lon | lat | _marks
        440605011 | 113.145575 | 23.0315555556 | lon:X20 lat:X20
        440605121 | 113.01     | 22.85         | lon:X20 lat:X15
        440605123 | 0.0        | 112.9         |
    """)
    assert lake("ops.issue", "rule cell") == flat("""
        rule | cell
        unreadable_number | D4
        out_of_area | D5
        out_of_area | E5
        absent_column |
    """)


@pytest.mark.dirt("X22")
def test_levels_are_joined_by_one_sign_whatever_joined_them(tmp_path, monkeypatch):
    site = tmp_path / "site"
    (site / "bronze").mkdir(parents=True)
    (site / "fields").mkdir()
    (site / "fields" / "own.yaml").write_text(
        "problem_path: {type: string, title: 问题分类, levels: true}\nitem_no: {type: bigint, title: 序号}\n", "utf-8"
    )
    (site / "bronze" / "own__problem.yaml").write_text(
        "title: 问题\nowner: 甲\ngrain: 一行是一个问题\n"
        "delivery: {how: [upload], format: [csv], every: day, mode: events}\nkey: [item_no]\nfields: [item_no, problem_path?]\n", "utf-8"
    )  # fmt: skip
    monkeypatch.setenv("CITYBRAIN_SCHEMAS", str(site))
    file = tmp_path / "x.csv"
    file.write_bytes(
        csv_bytes("""
        序号 | 问题分类
        1    | 城市管理->市容->占道
        2    | 城市管理/市容 -> 占道
        3    | 城市管理／市容—占道
        4    | 城市管理＞市容
        5    | —
        6    | 市容
    """)
    )
    ingest("own__problem", file)
    assert lake("bronze.own__problem", "item_no problem_path _marks") == flat("""
        item_no | problem_path         | _marks
        1       | 城市管理->市容->占道 |
        2       | 城市管理->市容->占道 | problem_path:X22
        3       | 城市管理->市容->占道 | problem_path:X22
        4       | 城市管理->市容       | problem_path:X22
        5       |                      | problem_path:X04
        6       | 市容                 |
    """)


@pytest.mark.dirt("X29")
def test_several_telephones_are_told_apart(deliver):
    outcome = deliver(
        ORDER,
        """
        工单编号         | 上报时间            | 电话
        NH20260908000001 | 2026-09-08 09:05:00 | 13800138000
        NH20260908000002 | 2026-09-08 09:05:00 | 0757-86234567/13800138000
        NH20260908000003 | 2026-09-08 09:05:00 | （0757）86234567、13800138000
        NH20260908000004 | 2026-09-08 09:05:00 | 86-13800138000
        NH20260908000005 | 2026-09-08 09:05:00 | 0757-86234567转801
        NH20260908000006 | 2026-09-08 09:05:00 | 138****8000
        NH20260908000007 | 2026-09-08 09:05:00 | 1380013800
        NH20260908000008 | 2026-09-08 09:05:00 | 12345
        """,
    )
    assert lake(ORDER, "work_order_id reporter_phone _marks") == flat("""
        work_order_id    | reporter_phone            | _marks
        NH20260908000001 | 13800138000               |
        NH20260908000002 | 0757-86234567/13800138000 | reporter_phone:X29
        NH20260908000003 | 0757-86234567/13800138000 | reporter_phone:X05 reporter_phone:X29
        NH20260908000004 | 13800138000               | reporter_phone:X29
        NH20260908000005 | 0757-86234567转801        |
        NH20260908000006 | 138****8000               | reporter_phone:X07
        NH20260908000007 | 1380013800                |
        NH20260908000008 | 12345                     |
    """)
    assert [(i.rule, i.cell) for i in outcome.issues if i.dirt == "X29"] == [("phone", "C8")]


@pytest.mark.dirt("X30")
def test_old_numbers_are_taken_as_they_are_and_told(deliver):
    outcome = deliver(
        ORDER,
        """
        工单编号         | 上报时间            | 身份证
        NH20260908000001 | 2026-09-08 09:05:00 | 440605800101123
        """,
    )
    assert lake(ORDER, "reporter_id_card") == "reporter_id_card\n440605800101123"
    assert [(i.rule, i.cell, i.severity) for i in outcome.issues if i.row] == [("old_number", "C2", "warn")]
    outcome = deliver(
        ENTITY,
        """
        统一社会信用代码 | 企业名称 | 成立日期
        440682000012345  | 甲       | 1999-01-01
        """,
        name="主体.csv",
    )
    assert [(i.rule, i.cell) for i in outcome.issues if i.row] == [("old_number", "A2")]


@pytest.mark.dirt("X32")
def test_sheets_that_are_not_read_are_named(tmp_path):
    plain = """
        镇街代码  | 镇街名称 | 生效日期
        440605011 | 桂城街道 | 2003-01-01
    """
    outcome = ingest(TOWN, workbook(tmp_path / "x.xlsx", plain, "填表说明", plain, hidden=(1,)))
    assert lake(TOWN, "_sheet") == "_sheet\n表3"
    assert [i.text for i in outcome.issues if i.rule == "hidden_sheet"] == ["表1"]


@pytest.mark.dirt("X32")
@pytest.mark.parametrize(
    ("hidden", "is_filtered", "told"),
    [((), False, []), ((1,), False, []), ((1, 5, 4), False, [4]), ((5,), True, [5]), ((6,), True, [])],
    ids=["none", "above the table", "by hand", "by a filter", "an empty one"],
)
def test_rows_that_a_filter_hides_are_taken_and_that_is_told(hidden, is_filtered, told, tmp_path):
    book = openpyxl.load_workbook(
        workbook(
            tmp_path / "x.xlsx",
            """
            南海区镇街
            镇街代码  | 镇街名称 | 生效日期
            440605011 | 桂城街道 | 2003-01-01
            440605121 | 九江镇   | 2003-01-01
            440605122 | 西樵镇   | 2003-01-01
            """,
        )
    )
    for row in hidden:
        book.active.row_dimensions[row].hidden = True
    book.active.sheet_properties.filterMode = is_filtered
    book.save(tmp_path / "x.xlsx")
    outcome = ingest(TOWN, tmp_path / "x.xlsx")
    assert outcome.counts["accepted"] == 3
    assert [i.row for i in outcome.issues if i.rule == "hidden_rows"] == told


@pytest.mark.dirt("X32")
def test_a_hidden_row_far_below_is_told(tmp_path):
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("表")
    sheet.append(["镇街代码", "镇街名称", "生效日期", *range(200)])
    for row in range(2, 3_001):
        if row == 2_999:
            sheet.row_dimensions[row].hidden = True
        sheet.append(["440605011", "桂城街道", "2003-01-01", *range(200)])
    book.save(tmp_path / "x.xlsx")
    assert [i.row for i in ingest(TOWN, tmp_path / "x.xlsx").issues if i.rule == "hidden_rows"] == [2_999]


@pytest.mark.dirt("X32")
@pytest.mark.parametrize("suffix", [".xls", ".et"])
def test_so_are_those_of_an_old_workbook(suffix, tmp_path):
    rows = [
        ["南海区镇街"],
        ["镇街代码", "镇街名称", "生效日期"],
        *[["440605011", "桂城街道", "2003-01-01"]] * 2,
        [],
        ["完"],
    ]
    (tmp_path / f"x{suffix}").write_bytes(book_as_saved({"表": Sheet(rows, filtered=(0, 3, 4, 5))}))
    outcome = ingest(TOWN, tmp_path / f"x{suffix}")
    assert [i.row for i in outcome.issues if i.rule == "hidden_rows"] == [4]


@pytest.mark.dirt("X33")
def test_roman_numerals_and_variant_characters_are_put_right_in_codes_alone(deliver):
    deliver(
        ORDER,
        """
        工单编号         | 上报时间            | 诉求类型 | 来源工单号 | 标题         | 承办单位
        NH20260908000001 | 2026-09-08 09:05:00 | 諮询     | 第Ⅲ批-7    | 鎮區第Ⅲ號    | D03
        NH20260908000002 | 2026-09-08 09:05:00 | 投訴     | Ⅳ-7        | 二〇二六     | D03
        """,
    )
    assert lake(ORDER, "request_type source_no request_title _marks") == flat("""
        request_type | source_no | request_title | _marks
        諮询         | 第III批-7 | 鎮區第Ⅲ號     | source_no:X33
        投诉         | IV-7      | 二〇二六      | source_no:X33 request_type:X33
    """)


@pytest.mark.dirt("X34")
def test_the_table_of_another_month_and_an_old_one_are_refused(monthly):
    may = """
        宏观经济月度快报
        2026年1-5月
        指标     | 单位 | 年份 | 月份 | 累计
        商品零售 | 亿元 | 2026 | 5    | 50
        商品零售 | 亿元 | 2026 | 4    | 40
    """
    first = monthly(may)
    assert first.status == "loaded"
    assert monthly(may.replace("5月", "6月"), "六月.csv").refused_because.message.startswith(
        "文件写的统计期是 2026 年 6 月，而表里是 2026 年 4 月、2026 年 5 月 的数"
    )
    copy = monthly(may.replace("快报", "快报（二）")).refused_because
    assert copy.rule == "stale_copy"
    assert f"全部 2 行与回执 {first.receipt} 已入库的逐格相同" in copy.message
    assert monthly(may).status == "already"
    assert monthly(may.replace("50", "51")).status == "loaded"


def test_a_correction_of_a_table_of_months_may_be_the_same_table_with_fewer_rows(monthly, tmp_path):
    """Left out is a month that had been reported by mistake; handed in as a further delivery it would be an old copy."""
    may = """
        指标     | 单位 | 年份 | 月份 | 累计
        商品零售 | 亿元 | 2026 | 4    | 40
        商品零售 | 亿元 | 2026 | 5    | 50
    """
    april = may.replace("        商品零售 | 亿元 | 2026 | 5    | 50\n", "")
    first = monthly(may)
    assert monthly(april, "四月.csv").refused_because.rule == "stale_copy"
    new, old = correct(first.receipt, tmp_path / "四月.csv")
    assert (new.status, new.corrects, old.status) == ("loaded", first.receipt, "withdrawn")
    assert lake(MACRO, "stat_month ytd_level") == flat("""
        stat_month | ytd_level
        4          | 40.0000
    """)


def test_a_table_of_repairs_may_be_a_workbook(deliver, tmp_path):
    outcome = deliver(
        TOWN,
        """
        镇街代码  | 镇街名称 | 生效日期
        440605011 | 桂城街道 | 2003-02-30
        440605121 | 九江镇   | 2003-01-01
        """,
    )
    form = tmp_path / "修正.xlsx"
    assert quarantined(outcome.receipt, form) == 1
    book = openpyxl.load_workbook(form)
    assert [cell.value for cell in book.active[1]] == ["行号", "镇街代码", "镇街名称", "生效日期", "原因"]
    assert [cell.value for cell in book.active[2]][:4] == ["2", "440605011", "桂城街道", "2003-02-30"]
    book.active["D2"] = datetime(2003, 2, 28)  # noqa: DTZ001  (a workbook knows no zones)
    book.active["A2"] = 2
    book.save(form)
    assert repair(outcome.receipt, form).counts["accepted"] == 2
    assert lake(TOWN, "town_code valid_from") == flat("""
        town_code | valid_from
        440605011 | 2003-02-28
        440605121 | 2003-01-01
    """)
