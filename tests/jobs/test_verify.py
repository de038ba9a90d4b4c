"""The judge itself: one wrong number, one missed cell, one false alarm is enough."""

import shutil
from collections import Counter
from datetime import date

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner

from citybrain import lake, serve, verify
from citybrain.cli import app
from citybrain.ingest import UsageError, ingest
from citybrain.verify import Report, Tally
from citybrain.verify.findings import Finding
from citybrain.verify.flags import found_flags, planted_flags
from tests.indicators.drawn import AREA, AREAS, JOURNAL, drawn, put

CELL = Finding("centre__work_order", "a.csv", 17, "结案时间", "X12", "quarantine")
OTHER = CELL._replace(row=18)


def test_a_missed_cell_and_a_false_alarm_are_both_told_with_their_place():
    tally = verify.judge_dirt(seen=Counter([OTHER]), truth=Counter([CELL]))["X12"]
    assert (tally.expected, tally.right, tally.false) == (1, 0, 1)
    assert tally.wrong == [
        "没有发现：a.csv 第 17 行 “结案时间” X12（quarantine）",
        "多报：a.csv 第 18 行 “结案时间” X12（quarantine）",
    ]


def test_what_was_reported_twice_is_one_too_many():
    tally = verify.judge_dirt(seen=Counter([CELL, CELL]), truth=Counter([CELL]))["X12"]
    assert (tally.right, tally.false) == (1, 1)


@pytest.mark.parametrize(
    ("value", "truth", "same"),
    [
        (1.0, "1", True),
        (1.0004, "1", True),
        (1.002, "1", False),
        (None, "", True),
        (None, "0", False),
        (0.0, "", False),
    ],
)
def test_nothing_is_not_zero(value, truth, same):
    assert verify.agree(value, truth, verify.TOLERANCE) is same


FLAGS = """table,key,rule,flag
work_order,w1,X20,zero_coordinates
work_order,w1,X31,personal_numbers
urban_component,c1,X28,resurveyed
urban_component,c2,invalid_code,invalid_code
"""


@pytest.mark.parametrize(
    ("order", "component", "kinds"),
    [
        (["zero_coordinates", "on_border"], ["resurveyed"], {}),
        ([], ["resurveyed"], {"X20": (0, 0)}),
        (["zero_coordinates"], [], {"X28": (0, 0)}),
        (["zero_coordinates"], ["resurveyed", "no_point"], {"X20": (1, 1)}),
    ],
    ids=["all found; what the truth does not tell of is not judged", "an order's", "a component's", "one too many"],
)
def test_flags_are_judged_row_by_row_and_kind_by_kind(order, component, kinds, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    flagged("work_order", {"work_order_id": "w1", "redaction_count": 1, "quality_flags": order})
    flagged(
        "urban_component",
        {"component_code": "c1", "quality_flags": component},
        {"component_code": "c2", "quality_flags": ["invalid_code"]},
    )
    (tmp_path / "flags.csv").write_text(FLAGS, "utf-8")
    tallies = verify.judge_dirt(Counter(found_flags()), Counter(planted_flags(tmp_path)))
    right = dict.fromkeys(("X20", "X28", "X31", "invalid_code"), (1, 0))
    assert {kind: (tally.right, tally.false) for kind, tally in tallies.items()} == right | kinds


def test_a_row_without_a_place_is_found_where_it_waits_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    lost = ["closed_without_time", "unmatched_town"]
    flagged(
        "hotline_order",
        {"source_no": "waits", "redaction_count": 0, "quality_flags": lost},
        {"source_no": "forgotten", "redaction_count": 0, "quality_flags": ["unmatched_village"]},
    )
    flagged("place_unmatched", {"source_table": "hotline_order", "record_no": "waits", "quality_flags": lost})
    assert list(found_flags()) == [
        Finding("hotline_order", "waits", None, "", "closed_without_time", "closed_without_time"),
        Finding("hotline_order", "waits", None, "", "X11", "unmatched_town"),
    ]


def flagged(table, *rows):
    types = {"redaction_count": pa.int64(), "quality_flags": pa.list_(pa.string())}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in rows[0]])
    write_deltalake(lake.table_uri(f"silver.{table}"), pa.Table.from_pylist(list(rows), schema=schema))


SPOKEN = {"GS01": (date(2026, 10, 9), date(2026, 10, 29))}


@pytest.mark.parametrize(
    ("period", "truth", "published", "wrong"),
    [
        ("2026-10-09", "5", {}, ["没有发布：GS01 received 440605 day 2026-10-09"]),
        ("2026-10-08", "0", {}, []),  # nothing had come in yet, nor was anything to come
        ("2026-10-08", "", {}, []),
        ("2026-10-08", "5", {}, ["没有发布：GS01 received 440605 day 2026-10-08"]),
        ("2026-10-30", "5", {"2026-10-30": None}, []),  # the source is up to the 29th
        ("2026-10-09", "5", {"2026-10-09": 5, "2026-10-07": 4}, []),  # before what the truth tells of
        ("2026-10-09", "5", {"2026-10-09": 5, "2026-10-10": 4}, ["多发布：GS01 received 440605 day 2026-10-10: 4"]),
    ],
)
def test_days_before_and_after_a_source_s_own_time_are_not_missed(period, truth, published, wrong):
    place = ("GS01", "received", "440605", "day")
    found = verify.compare({(*place, period): truth}, {(*place, p): v for p, v in published.items()}, SPOKEN)
    assert [complaint for tally in found.values() for complaint in tally.wrong] == wrong


def test_a_figure_of_which_the_city_s_time_has_no_truth_is_not_judged_before_that_time():
    """In October there is no macro-economic figure of October yet; those of earlier months are not the city's."""
    expected = {("GS01", "received", "440605", "month", "2026-10"): "5"}
    published = {("GS01", "received", "440605", "month", "2026-10"): 5.0}
    published |= {("EC07", "level", "440605", "month", month): 2.9 for month in ("2026-09", "2026-10")}
    found = verify.compare(expected, published, {})
    assert found["EC07 level"].wrong == ["多发布：EC07 level 440605 month 2026-10: 2.9"]


def test_only_a_simulated_city_has_a_truth(tmp_path):
    with pytest.raises(UsageError, match="no folder truth/"):
        verify.judge(tmp_path)


@pytest.mark.parametrize(("option", "value"), [("--seed", "-1"), ("--months", "0"), ("--scale", "0")])
def test_a_city_that_cannot_be_is_refused_in_a_line_before_anything_is_written(option, value, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["verify", option, value])
    assert done.exit_code == 2
    assert option in done.output
    assert not list(tmp_path.iterdir())


CALLS = "hotline__call_day"
SMALL = {
    f"inbox/{CALLS}/话务.csv": """统计日期,呼入量,进入人工量,接通量,15秒内接通量,放弃量,平均等待秒数
2026-03-01,2000,1600,1500,1400,100,12.5
2026.3.2,2000,1600,1500,1400,100,12.5
""",
    "truth/deliveries.csv": f"""table,file,rows_delivered,rows_good,rows_bad,rows_set_aside,repeats_of
{CALLS},话务.csv,2,2,0,0,
""",
    "truth/defects.csv": f"""table,file,sheet,row,column,cell,rule,text,verdict,value
{CALLS},话务.csv,,3,统计日期,A3,X12,2026.3.2,marked,
""",
    "truth/flags.csv": "table,key,rule,flag\n",
    "truth/figures.csv": """indicator,variant,area,period_kind,period,as_of,numerator,denominator,value
HL01,calls,440605,month,2026-03,2026-03-31,4000,,4000
""",
}


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A city of one file with one defect, handed in, and the one figure that is published of it."""
    folder = tmp_path_factory.mktemp("verified")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(folder / "home"))
        for name, text in SMALL.items():
            path = folder / "city" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        ingest(CALLS, folder / "city" / "inbox" / CALLS / "话务.csv")
        put(AREA, drawn(AREAS)[1])
        published(4000)
        yield folder / "city"


@pytest.fixture
def city(handed_in, tmp_path):
    """The same with a truth that may be altered."""
    shutil.copytree(handed_in, tmp_path / "city")
    return tmp_path / "city"


def test_a_lake_that_has_nothing_of_the_city_is_told_by_name(city, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(UsageError, match=f"was handed in to {tmp_path / 'elsewhere'}; let CITYBRAIN_HOME"):
        verify.judge(city)


def published(value):
    put(JOURNAL, drawn(f"""
        gold.platform__indicator_value
        indicator_id | variant | area_code | period_kind | period  | period_start | period_end | as_of      | numerator | denominator | value   | published_at     | revision
        HL01         | calls   | 440605    | month       | 2026-03 | 2026-03-01   | 2026-03-31 | 2026-03-31 | {value}   |             | {value} | 2026-04-02T06:00 | 1
    """)[1])  # fmt: skip # noqa: E501
    serve.publish()


def verified(city):
    done = CliRunner().invoke(app, ["verify", "--city", str(city)])
    return done.exit_code, done.output


def test_the_command_ends_with_0_where_all_agrees(city):
    code, said = verified(city)
    assert code == 0, said
    assert said.endswith("全部一致\n")


@pytest.mark.parametrize(
    ("name", "told", "other", "said"),
    [
        ("defects", "话务.csv,,3,", "话务.csv,,2,", "没有发现：话务.csv 第 2 行 “统计日期” X12（marked）"),
        ("defects", "话务.csv,,3,", "话务.csv,,2,", "多报：话务.csv 第 3 行 “统计日期” X12（marked）"),
        ("deliveries", "2,2,0,0", "3,2,1,0", "话务.csv: {'delivered': 2"),
        ("flags", "flag\n", "flag\nurban_component,c1,X28,resurveyed\n", "没有发现：c1 X28（resurveyed）"),
        ("figures", "2026-03,", "2026-04,", "没有发布：HL01 calls 440605 month 2026-04"),
    ],
)
def test_the_command_ends_with_1_and_names_what_the_truth_tells_otherwise(city, name, told, other, said):
    path = city / "truth" / f"{name}.csv"
    path.write_text(path.read_text("utf-8").replace(told, other), "utf-8")
    code, output = verified(city)
    assert code == 1
    assert said in output
    assert output.endswith("与标准答案不一致\n")


def test_the_command_ends_with_1_where_gold_holds_another_value(city):
    published(4001)
    code, said = verified(city)
    published(4000)
    assert code == 1
    assert "HL01 calls 440605 month 2026-03: 4001.0，应为 4000" in said


DELIVERED = """table,file,rows_delivered,rows_good,rows_bad,rows_set_aside,repeats_of
case,a.csv,5,3,1,1,
case,b.csv,5,3,1,1,a.csv
"""
COUNTS = {"delivered": 5, "accepted": 3, "quarantined": 1, "set_aside": 1}


@pytest.mark.parametrize(
    ("counted", "is_right"),
    [
        ({("case", "a.csv"): COUNTS}, True),
        ({}, False),
        ({("case", "a.csv"): COUNTS | {"accepted": 4, "quarantined": 0}}, False),
        ({("case", "a.csv"): COUNTS | {"delivered": 6}}, False),
    ],
    ids=["as delivered", "not loaded", "one row in the wrong place", "one row too many"],
)
def test_a_receipt_is_judged_row_for_row_and_must_be_there(counted, is_right, tmp_path):
    (tmp_path / "deliveries.csv").write_text(DELIVERED, "utf-8")
    tally = verify.judge_receipts(counted, tmp_path)
    assert (tally.expected, tally.right, not tally.wrong) == (1, int(is_right), is_right)


def right(count=1, **more):
    return Tally(expected=count, right=count, **more)


@pytest.mark.parametrize(
    ("report", "good"),
    [
        (Report({"X12": right()}, right(), {"WO08 rate": right()}, []), True),
        (Report({"X12": right()}, right(), {}, []), False),
        (Report({"X12": right(false=1, wrong=["多报"])}, right(), {"WO08 rate": right()}, []), False),
        (Report({"X12": right()}, Tally(expected=2, right=1), {"WO08 rate": right()}, []), False),
        (Report({"X12": right()}, right(), {"WO08 rate": right()}, ["silver.town: failed"]), False),
    ],
    ids=["all agrees", "no figure was judged", "a false alarm", "a receipt is missing", "a table failed"],
)
def test_one_difference_is_enough(report, good):
    assert report.good is good
    assert verify.text(report).endswith("全部一致") is good


def test_a_kind_that_was_not_planted_is_told():
    said = verify.text(Report({"X12": right()}, right(), {"WO08 rate": right()}, []))
    assert "没有放入的差错：X01 表头上下的杂行、X02" in said
    assert "X12" not in said.partition("没有放入的差错")[2]
