"""The commands as they are typed: what they print, and with which code they end."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime

import pytest

from citybrain import cli
from citybrain.ingest import ingest, landing
from tests.ingest.pictures import csv_bytes, lake
from tests.lake import rows_of

EVENT = "centre__work_order_event"
ENTITY = "market__entity_full"
BAD = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000001 | 1    | 受理 | 2026-09-08 09:05:00
    NH20260908000001 | 2    | 派遣 | 2026-02-30
"""
GOOD = """
    工单编号         | 序号 | 环节 | 到达时间
    NH20260908000002 | 1    | 派遣 | 2026-09-08 09:05:00
"""
ENTITIES = """
    统一社会信用代码   | 企业名称   | 类型     | 登记状态 | 成立日期   | 核准日期   | 数据日期
    91440605MA00000009 | 佛山某厂   | 有限公司 | 存续     | 2019-01-02 | 2026-03-02 | {day}
"""


@pytest.fixture
def citybrain(monkeypatch, capsys):
    """Runs a command line; gives its exit code and what it printed. What is said of an error follows."""

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["citybrain", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out + err

    return run


@pytest.fixture
def file(tmp_path):
    def written(picture: str, name: str = "流转.csv"):
        (tmp_path / name).write_bytes(csv_bytes(picture))
        return tmp_path / name

    return written


def number_in(said: str) -> str:
    return said.partition("回执：")[2].partition("（")[0]


def test_a_delivery_from_its_coming_to_its_going(citybrain, file, tmp_path, monkeypatch):
    monkeypatch.setattr(landing, "_now", lambda: datetime(2026, 9, 8, 17, 30, tzinfo=UTC))
    code, said = citybrain("ingest", EVENT, file(BAD), "--sender", "某局")
    receipt = number_in(said)
    assert (code, "入库 1 行 + 隔离 1 行" in said) == (1, True)
    assert "（2026-09-09 01:30 收到，某局 报送）" in said, "the time of those who read it"

    form = tmp_path / "修正.csv"
    assert citybrain("quarantined", receipt, form) == (0, f"{form}: 1 rows\n")
    form.write_text(form.read_text("utf-8-sig").replace("2026-02-30", "2026-09-08 10:00:00", 1), "utf-8-sig")
    code, said = citybrain("repair", receipt, form, "--sender", "某科", "--json")
    told = json.loads(said)
    assert (code, told["load"], told["changes"]) == (0, 2, {"added": 1, "changed": 0, "gone": 0})
    assert [r.sender for r in landing.holder(receipt).repairs] == ["某科"]

    code, said = citybrain("reingest", "--receipt", receipt)
    assert (code, "增加 0 行，改变 0 行，删除 0 行" in said) == (0, True)

    code, said = citybrain("withdraw", receipt)
    assert (code, "已撤回" in said, "删除 2 行" in said) == (0, True, True)
    assert lake(f"bronze.{EVENT}", "_row") == "_row"


def test_to_withdraw_what_had_rows_in_quarantine_is_no_failure(citybrain, file):
    receipt = number_in(citybrain("ingest", EVENT, file(BAD))[1])
    mended = file(BAD.replace("2026-02-30", "2026-09-08 10:00:00"), "更正.csv")
    assert citybrain("correct", receipt, mended)[0] == 0
    assert citybrain("withdraw", receipt)[0] == 0


def test_a_receipt_that_cannot_be_read_hides_no_other(citybrain, file):
    torn = landing.holder(number_in(citybrain("ingest", EVENT, file(BAD))[1]))
    good = number_in(citybrain("ingest", EVENT, file(GOOD, "另一份.csv"))[1])
    (torn.folder / "receipt.json").write_bytes(b"{")
    code, said = citybrain("receipts")
    assert (code, good in said, torn.receipt in said) == (0, True, False)


def test_what_cannot_be_done_is_said_in_a_line(citybrain, file, tmp_path):
    refused = number_in(citybrain("ingest", EVENT, file("甲 | 乙\n1 | 2", "未接收.csv"))[1])
    _, said = citybrain("ingest", EVENT, file(GOOD))
    receipt = number_in(said)
    nowhere = tmp_path / "nowhere" / "form.xlsx"
    for words, code, why in (
        (("withdraw", "R-0000000000000000"), 2, "没有回执 R-0000000000000000"),
        (("repair", receipt, file("环节\n派遣")), 2, "有“行号”一列"),
        (("reingest",), 2, "--table（可加 --period）或 --receipt 之一"),
        (("reingest", "--receipt", receipt, "--period", "2026"), 2, "之一"),
        (("reingest", "--table", EVENT, "--period", "2026-3"), 2, "--period 应写成"),
        (("reingest", "--table", EVENT, "--period", "2026-13"), 2, "--period 应写成"),
        (("reingest", "--table", "nothing"), 2, "没有报送表 nothing"),
        (("reingest", "--table", EVENT, "--period", "1999"), 0, f"没有可以重读的报送：{EVENT} 1999"),
        (("withdraw", refused), 2, f"回执 {refused} 没有入库，没有可以撤回的行"),
        (("run", f"bronze.{EVENT}"), 2, f"bronze.{EVENT}"),
        (("repair", receipt, nowhere), 2, f"没有这个文件：{nowhere}"),
        (("correct", receipt, nowhere), 2, f"没有这个文件：{nowhere}"),
        (("quarantined", refused, tmp_path / "form.xlsx"), 2, "没有入库"),
        (("quarantined", receipt, nowhere), 4, f"No such file or directory: {nowhere}"),
        (("indicator", "WO08", "--trace", "--limit", "-1"), 2, "--limit"),
        (("template", EVENT, nowhere), 4, f"No such file or directory: {nowhere}"),
    ):
        assert citybrain(*words)[0] == code
        assert why in citybrain(*words)[1]


def test_a_table_with_a_damaged_original_is_told_by_receipt_and_ends_with_1(citybrain, file):
    citybrain("ingest", EVENT, file(GOOD))
    _, said = citybrain("ingest", EVENT, file(GOOD.replace("2 |", "3 |"), "另一份.csv"))
    landing.holder(number_in(said)).original.unlink()
    code, said = citybrain("reingest", "--table", EVENT)
    heads = sorted(line for line in said.splitlines() if line.startswith("工单流转日志："))
    assert (code, heads) == (1, ["工单流转日志：已入库", "工单流转日志：没有处理完"])
    assert f"回执：{number_in(said)}" in said


@pytest.fixture
def entities(file, monkeypatch):
    """Lists of market entities, handed in on given days; gives the names of those that a period chooses."""
    came = {
        "二月.csv": ("2026-03-02", ENTITIES.format(day="2026-02-28")),
        "早先未接收.csv": ("2026-02-01", "甲 | 乙\n1 | 2"),
        "三月.csv": ("2026-04-02", ENTITIES.format(day="2026-03-31")),
        "未接收.csv": ("2026-04-03", "甲 | 乙\n3 | 4"),
        "全部隔离.csv": ("2026-04-04", ENTITIES.format(day="2026-03-32")),
        "四月.csv": ("2026-05-06", ENTITIES.format(day="2026-04-30")),
        "部分隔离.csv": (
            "2026-06-02",
            ENTITIES.format(day="2026-05-31") + ENTITIES.splitlines()[2].format(day="2026-03-32"),
        ),
    }
    for name, (day, picture) in came.items():
        moment = datetime.fromisoformat(f"{day}T10:00:00+08:00")
        monkeypatch.setattr(landing, "_now", lambda moment=moment: moment)
        ingest(ENTITY, file(picture, name))


def chosen(said: str) -> list[str]:
    return [json.loads(line)["file"] for line in said.splitlines()]


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_period_is_read_again_with_all_that_may_be_of_it(citybrain, entities, home, is_lost):
    if is_lost:
        shutil.rmtree(home / "lake")
    code, said = citybrain("reingest", "--table", ENTITY, "--period", "2026-03", "--json")
    more = ["二月.csv"] if is_lost else []  # it came in March: nobody can tell what it is of without reading it
    later = ["四月.csv"] if is_lost else []
    assert (code, chosen(said)) == (3, [*more, "三月.csv", "未接收.csv", "全部隔离.csv", *later, "部分隔离.csv"])
    assert citybrain("reingest", "--table", ENTITY, "--period", "2026-07", "--json") == (0, "")
    days = {str(row["snapshot_date"]) for row in rows_of(f"bronze.{ENTITY}")}
    assert days == {"2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"}


def test_where_rows_name_no_period_it_is_when_they_came(citybrain, file, monkeypatch):
    for day in ("2026-03-31T23:30:00+08:00", "2026-04-01T00:30:00+08:00"):
        monkeypatch.setattr(landing, "_now", lambda day=day: datetime.fromisoformat(day).astimezone(UTC))
        citybrain("ingest", EVENT, file(GOOD.replace("09:05:00", day[11:19]), f"{day[:10]}.csv"))
    for period, files in (("2026", ["2026-03-31.csv", "2026-04-01.csv"]), ("2026-04", ["2026-04-01.csv"])):
        assert chosen(citybrain("reingest", "--table", EVENT, "--period", period, "--json")[1]) == files
