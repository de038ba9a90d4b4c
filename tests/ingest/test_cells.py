# ruff: noqa: E501  (a picture is as wide as its table)
"""How one cell is read: what is taken, through which rule, and what is not taken because it would be a guess."""

from __future__ import annotations

import pytest

from tests.ingest.pictures import flat, lake
from tests.lake import rows_of

ORDER = "bronze.centre__work_order"
EVENT = "bronze.centre__work_order_event"


def test_the_error_of_a_formula_is_told_as_it_stands_in_personal_columns_too(deliver):
    outcome = deliver(
        ORDER, "工单编号 | 上报时间 | 联系电话\nNH20260908000001 | 2026-09-08 09:05:00 | #没有算出的公式!"
    )
    assert "“#没有算出的公式!”" in next(i.message for i in outcome.issues if i.rule == "cell_error")


@pytest.mark.dirt("X12")
def test_the_date_zoo_is_read_and_what_is_ambiguous_or_impossible_is_quarantined(deliver):
    outcome = deliver(
        EVENT,
        """
        工单编号         | 序号 | 环节 | 到达时间               | 完成时间
        NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00    | 2026-9-8 9:5
        NH20260908000001 | 2    | 立案 | 2026/9/8 上午9:05      | 2026/9/8 下午2:05:33
        NH20260908000001 | 3    | 派遣 | 2026.9.8               | 20260908
        NH20260908000001 | 4    | 签收 | 202609080905           | 20260908090507
        NH20260908000001 | 5    | 处置 | 2026年9月8日 14时05分  | 2026年9月8日
        NH20260908000001 | 6    | 反馈 | 46273.378472           | 2026-09-08 09:05
        NH20260908000001 | 7    | 核查 | 2026-09-08T01:05:00Z   | 2026-09-08T09:05:00+08:00
        NH20260908000001 | 8    | 结案 | 2026-09-08 24:00       | ２０２６－０９－０９　０９：０５：００
        NH20260908000001 | 9    | 评价 | 1988-06-01 00:00:00    | —
        NH20260908000002 | 1    | 受理 | 2026-09-31             |
        NH20260908000002 | 2    | 受理 | 0000-00-00             |
        NH20260908000002 | 3    | 受理 | 1900-01-01 00:00:00    |
        NH20260908000002 | 4    | 受理 | 26-9-8                 |
        NH20260908000002 | 5    | 受理 | 03/04/2026             |
        NH20260908000002 | 6    | 受理 | 9月8日                 |
        NH20260908000002 | 7    | 受理 | 上午12:30 2026-09-08   |
        NH20260908000002 | 8    | 受理 | 2026-09-08 25:00       |
        NH20260908000002 | 9    | 受理 | 19999                  |
        NH20260908000002 | 10   | 受理 | infinity               |
        NH20260908000002 | 11   | 受理 | #REF!                  |
        """,
    )
    assert lake(EVENT, "event_no arrived_at finished_at _marks") == flat("""
        event_no | arrived_at          | finished_at         | _marks
        1        | 2026-09-08 09:05:00 | 2026-09-08 09:05:00 | finished_at:X12
        2        | 2026-09-08 09:05:00 | 2026-09-08 14:05:33 | arrived_at:X12 finished_at:X12
        3        | 2026-09-08 00:00:00 | 2026-09-08 00:00:00 | arrived_at:X12 finished_at:X12
        4        | 2026-09-08 09:05:00 | 2026-09-08 09:05:07 | arrived_at:X12 finished_at:X12
        5        | 2026-09-08 14:05:00 | 2026-09-08 00:00:00 | arrived_at:X12 finished_at:X12
        6        | 2026-09-08 09:05:00 | 2026-09-08 09:05:00 | arrived_at:X12 finished_at:X14
        7        | 2026-09-08 09:05:00 | 2026-09-08 09:05:00 | arrived_at:X14 finished_at:X14
        8        | 2026-09-09 00:00:00 | 2026-09-09 09:05:00 | arrived_at:X14 finished_at:X05
        9        | 1988-06-01 00:00:00 |                     | finished_at:X04
    """)
    assert lake("quarantine.centre__work_order_event", "row reasons") == flat("""
        row | reasons
        11  | unreadable_date:D11
        12  | unreadable_date:D12
        13  | unreadable_date:D13
        14  | unreadable_date:D14
        15  | unreadable_date:D15
        16  | unreadable_date:D16
        17  | unreadable_date:D17
        18  | unreadable_date:D18
        19  | unreadable_date:D19
        20  | unreadable_date:D20
        21  | cell_error:D21
    """)
    assert outcome.counts == {"delivered": 20, "accepted": 9, "quarantined": 11, "set_aside": 0}


@pytest.mark.dirt("X14")
def test_24_o_clock_is_the_end_of_the_stated_day_in_a_date_column(deliver):
    deliver(
        "bronze.reference__town",
        """
        镇街代码  | 镇街名称 | 生效日期
        440605011 | 桂城街道 | 2003-01-01
        440605121 | 九江镇   | 2003-01-01 24:00
        440605122 | 西樵镇   | 2003年1月1日
        440605123 | 丹灶镇   | 37622
        """,
    )
    assert lake("bronze.reference__town", "town_code valid_from _marks _delivered") == flat("""
        town_code | valid_from | _marks         | _delivered
        440605011 | 2003-01-01 |                |
        440605121 | 2003-01-01 |                | valid_from=2003-01-01 24:00
        440605122 | 2003-01-01 | valid_from:X12 | valid_from=2003年1月1日
        440605123 | 2003-01-01 | valid_from:X12 | valid_from=37622
    """)


@pytest.mark.dirt("X05")
@pytest.mark.dirt("X06")
@pytest.mark.dirt("X07")
@pytest.mark.dirt("X18")
def test_codes_are_half_width_and_unmasked_and_never_repaired(deliver):
    deliver(
        ORDER,
        """
        工单编号         | 上报时间            | 镇街码             | 电话        | 身份证             | 来源工单号 | 状态
        NH20260908000001 | 2026-09-08 09:05:00 | ４４０６０５０１１ | 138****5678 | 440605********1234 | '0012345   | 已办结
        ＮＨ20260908000002 | 2026-09-08 09:05:00 | ␣440605011␣      | ×××××××     | 44060519900101001X | —          | 处置中
        NH20260908000003 | 2026-09-08 09:05:00 | 440605011          |             | 4.40605E+17        |            |
        NH20260908000004 | 2026-09-08 09:05:00 | 44060501           | 无          | 440605199001010014 | 12345␣⏎6   | 未知
        """,
    )
    assert lake(
        ORDER, "work_order_id town_code reporter_phone reporter_id_card source_no work_order_status _marks"
    ) == flat("""
        work_order_id | town_code | reporter_phone | reporter_id_card | source_no | work_order_status | _marks
        NH20260908000001 | 440605011 | 138****5678 | 440605********1234 | 0012345 | 已结案 | source_no:X06 town_code:X05 work_order_status:X18 reporter_phone:X07 reporter_id_card:X07
        NH20260908000002 | 440605011 | ××××××× | 44060519900101001X | | 处置中 | work_order_id:X05 source_no:X04 reporter_phone:X07
        NH20260908000004 | 44060501 | | 440605199001010014 | 12345 6 | 未知 | source_no:X16 reporter_phone:X04
    """)
    assert lake("quarantine.centre__work_order", "key reasons") == flat("""
        key              | reasons
        NH20260908000003 | precision_lost:E4
    """)
    assert lake("ops.issue", "rule severity cell text") == flat("""
        rule           | severity | cell | text
        id_card        | warn     | E3   | 440***********001X
        precision_lost | block    | E4   | 4.4****E+17
        pattern        | warn     | C5   | 44060501
        enum           | warn     | G5   | 未知
        absent_column  | note     |      |
    """)


@pytest.mark.dirt("X15")
def test_numbers_keep_their_value_or_are_quarantined(deliver):
    deliver(
        "bronze.services__case",
        """
        办件编号 | 事项编码      | 受理时间            | 承诺时限   | 法定时限
        BJ00001  | 1144060500001 | 2026-09-08 09:05:00 | 5          | 20.50
        BJ00002  | 1144060500001 | 2026-09-08 09:05:00 | １０       | 1,234.5
        BJ00003  | 1144060500001 | 2026-09-08 09:05:00 | 约5        | -
        BJ00004  | 1144060500001 | 2026-09-08 09:05:00 | 5天        | 20
        BJ00005  | 1144060500001 | 2026-09-08 09:05:00 | 5.123      | 20
        BJ00006  | 1144060500001 | 2026-09-08 09:05:00 | 1.2E+20    | 20
        BJ00007  | 1144060500001 | 2026-09-08 09:05:00 | 99999999   | 20
        BJ00008  | 1144060500001 | 2026-09-08 09:05:00 | 1,23       | 20
        """,
    )
    assert lake("bronze.services__case", "case_id promised_limit statutory_limit _marks _delivered") == flat("""
        case_id | promised_limit | statutory_limit | _marks | _delivered
        BJ00001 | 5.00  | 20.50   |                                            |
        BJ00002 | 10.00 | 1234.50 | promised_limit:X05 statutory_limit:X15     | promised_limit=１０ statutory_limit=1,234.5
        BJ00003 | 5.00  |         | promised_limit:X15 statutory_limit:X04     | promised_limit=约5 statutory_limit=-
    """)
    assert lake("quarantine.services__case", "key reasons") == flat("""
        key     | reasons
        BJ00004 | unreadable_number:D5
        BJ00005 | unreadable_number:D6
        BJ00006 | precision_lost:D7
        BJ00007 | unreadable_number:D8
        BJ00008 | unreadable_number:D9
    """)


@pytest.mark.dirt("X15")
@pytest.mark.dirt("X16")
def test_what_is_the_same_value_bears_no_mark_and_is_kept_as_delivered(deliver):
    """Outer blanks, leading zeros and a fraction of nothing; the first row is plainly as agreed."""
    deliver(
        "bronze.reference__population",
        """
        年份   | 区划代码   | 常住人口 | 面积平方公里
        2020   | 440605011  | 712300   | 84.10
        2021␣  | ␣440605011 | 712300.0 | 084.1
        2022.0 | 440605011  | 0712300  | 84.1␣
        """,
    )
    assert lake("bronze.reference__population", "stat_year area_code resident_population land_area_km2 _marks") == flat("""
        stat_year | area_code | resident_population | land_area_km2 | _marks
        2020      | 440605011 | 712300              | 84.10         |
        2021      | 440605011 | 712300              | 84.10         |
        2022      | 440605011 | 712300              | 84.10         |
    """)
    deliver(
        "bronze.reference__calendar_day",
        """
        日期        | 类别   | 是否工作日 | 是否暂定
        2026-01-05  | 工作日 | 是         | 否
        2026-01-06␣ | 工作日 | ␣是        | 否
        """,
        name="日历.csv",
    )
    assert lake("bronze.reference__calendar_day", "calendar_date is_workday _marks") == flat("""
        calendar_date | is_workday | _marks
        2026-01-05    | True       |
        2026-01-06    | True       |
    """)
    tables = ("bronze.reference__population", "bronze.reference__calendar_day")
    assert [[dict(row["_delivered"]) for row in sorted(rows_of(t), key=lambda row: row["_row"])] for t in tables] == [
        [
            {},
            {
                "stat_year": "2021 ",
                "area_code": " 440605011",
                "resident_population": "712300.0",
                "land_area_km2": "084.1",
            },
            {"stat_year": "2022.0", "resident_population": "0712300", "land_area_km2": "84.1 "},
        ],
        [{}, {"calendar_date": "2026-01-06 ", "is_workday": " 是"}],
    ]


@pytest.mark.dirt("X04")
def test_free_text_keeps_its_signs_and_loses_only_outer_blanks(deliver):
    deliver(
        ORDER,
        """
        工单编号         | 上报时间            | 标题   | 描述                        | 上报人
        NH20260908000001 | 2026-09-08 09:05:00 | 无     | ␣电话：１３８，说“好”⏎第二行 | 张*
        NH20260908000002 | 2026-09-08 09:05:00 | ——     | 空                          | 不详
        """,
    )
    assert lake(ORDER, "request_title request_text reporter_name _marks _delivered") == flat("""
        request_title | request_text | reporter_name | _marks | _delivered
        无 | 电话：１３８，说“好”⏎第二行 | 张* | reporter_name:X07 | request_text= 电话：１３８，说“好”⏎第二行 reporter_name=张*
           | 空                          |     | request_title:X04 reporter_name:X04 | request_title=—— reporter_name=不详
    """)


@pytest.mark.parametrize(
    ("text", "value", "marks"),
    [
        ("是", "True", ""),
        ("否", "False", ""),
        ("TRUE", "True", "is_workday:X18"),
        ("0", "False", "is_workday:X18"),
        ("√", "True", "is_workday:X18"),
    ],
)
def test_yes_and_no(deliver, text, value, marks):
    deliver(
        "bronze.reference__calendar_day",
        f"""
        日期       | 类别   | 是否工作日 | 是否暂定
        2026-09-08 | 工作日 | {text}     | 否
        """,
    )
    assert lake("bronze.reference__calendar_day", "is_workday _marks") == flat(f"""
        is_workday | _marks
        {value}    | {marks}
    """)
