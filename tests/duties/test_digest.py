"""The morning digest names what is news and what stands; each thing in its part, each failure once."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, date, datetime

import pytest

from citybrain import ops
from citybrain.duties import digest
from citybrain.ingest import landing, repair
from citybrain.ingest.dirt import file_issue
from citybrain.ingest.outcome import SecretFileError
from citybrain.portal import accounts, outside
from citybrain.portal.audit import Actor
from citybrain.portal.models import Delivery
from citybrain.portal.work import CRASHED
from citybrain.pull.steps import KILLED, Facts, Recorder
from citybrain.runner.run import Result
from tests.duties.conftest import CASE, ITEM, cases
from tests.ingest.pictures import csv_bytes

DAY = date(2026, 3, 9)  # a Monday: since Friday morning all is news


def parts() -> dict[str, list[str]]:
    """The text by its parts, empty ones left out."""
    found: dict[str, list[str]] = {}
    for line in digest.text(digest.digest(DAY)).splitlines():
        if line.startswith("【"):
            title = line.split("】")[0][1:]
        elif line and not line.startswith("数据工作晨报"):
            found.setdefault(title.split("（")[0], []).append(line.strip())
    return found


def test_columns_that_appeared_or_vanished_since_the_last_delivery(received):
    received("2026-03-05 09:00", CASE, cases("NB1 | 2026-03-04 08:00:00"))
    more = f"办件编号 | 事项编码 | 受理 时间 | 备用列\nNB2 | {ITEM} | 2026-03-05 08:00:00 | x"
    second = received("2026-03-06 09:00", CASE, more, name="二.csv")
    fewer = f"办件编号 | 实施编码 | 受理时间 | 办结时间\nNB3 | {ITEM} | 2026-03-06 08:00:00 |"
    received("2026-03-08 09:00", CASE, fewer, name="三.csv")
    told = parts()["报送的列有变化"]
    assert told[0].startswith(f"区政务服务数据管理局：政务服务办件 {second.receipt} 与上次")
    assert [line.split("相比")[1] for line in told] == ["多出备用列", "多出办结时间，少了备用列"]


def test_what_came_before_the_last_working_morning_is_no_news(received):
    received("2026-03-03 09:00", CASE, cases("NB1 | 2026-03-02 08:00:00"))
    received(
        "2026-03-05 09:00", CASE, f"办件编号|事项编码|受理时间|备用列\nNB2|{ITEM}|2026-03-05 08:00:00|x", name="二.csv"
    )
    received("2026-03-05 10:00", CASE, "什么 | 都不是\n1 | 2", name="三.csv")
    assert not {"报送的列有变化", "未接收的报送"} & set(parts())
    received("2026-03-07 10:00", CASE, "什么 | 也不是\n1 | 2", name="四.csv")
    assert len(parts()["未接收的报送"]) == 1


def test_a_file_with_a_mark_of_secrecy_stands_first(received):
    assert "涉密" not in digest.text(digest.digest(DAY))
    old = received("2026-03-05 10:00", CASE, "机密★一年 | \n甲 | 乙", name="旧.csv").receipt
    new = received("2026-03-07 10:00", CASE, "机密★一年 | \n甲 | 丙", name="通报.csv").receipt
    found = digest.digest(DAY)
    first = digest.text(found).splitlines()[2:4]
    assert first[0].startswith("【涉密文件，已销毁")
    assert first[1].startswith(f"区政务服务数据管理局：政务服务办件 {new}（通报.csv）文件带有密级标志")
    assert (old in digest.text(found), found.counts["destroyed"]) == (False, 1)


def test_a_repair_with_a_mark_of_secrecy_stands_first_too_and_its_receipt_keeps_what_it_was(
    received, at, home, tmp_path
):
    number = received("2026-03-02 09:00", CASE, cases("NB1 | 2026-02-31 08:00:00", "NB2 | 2026-03-01 08:00:00")).receipt
    file = tmp_path / "改好.csv"
    file.write_bytes(csv_bytes("行号 | 受理时间 | 机密★一年\n2 | 2026-03-01 08:00:00 |"))
    for _ in range(2):
        at("2026-03-07 10:00")
        with pytest.raises(SecretFileError):
            repair(number, file, "某人")
    receipt = landing.holder(number)
    (kept,) = receipt.destroyed_repairs
    assert (kept.file, kept.sender, kept.received_at) == ("改好.csv", "某人", datetime(2026, 3, 7, 2, tzinfo=UTC))
    assert kept.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (receipt.repairs, [p for p in home.rglob("*改好*")]) == ((), [])
    told = parts()["涉密文件，已销毁"]
    assert told == [
        f"区政务服务数据管理局：政务服务办件 {number}的修正表（改好.csv）{file_issue('secret_file').message}"
    ]
    assert "未接收的报送" not in parts()
    file.write_bytes(csv_bytes("行号 | 受理时间\n2 | 2026-03-01 08:00:00"))
    assert repair(number, file).counts["accepted"] == 2  # what is read of a receipt is its repairs only


def test_deliveries_at_which_the_portal_failed_are_the_bureaus_to_look_into(home):
    assert "运行失败" not in parts()
    with outside.opened() as store, store.begin() as db:
        account = accounts.add(db, Actor("test", "test"), "某人", accounts.departments()[0], "uploader", None)
        for n, (state, fix) in enumerate([("failed", "bureau"), ("failed", "department"), ("dropped", "bureau")]):
            facts = {"account_id": account.id, "table": "services__case", "purpose": "deliver", "size": 1}
            db.add(Delivery(id=f"{n}", file=f"{n}.csv", state=state, fix=fix, error=CRASHED, **facts))
    assert parts()["运行失败"] == [f"处理 某人 在门户报送的 政务服务办件 文件 0.csv 时出错：{CRASHED}"]


def test_failed_and_blocked_tables_failed_pulls_and_files(home):
    def result(table: str, status: str, reason: str) -> Result:
        return Result(table=table, status=status, run="r", version=1, rows={}, reason=reason, seconds=1.0)

    ops.append_runs([result("silver.town", "failed", "磁盘满"), result("silver.village", "blocked", "key_unique")])
    ops.append_runs([result("silver.category", "failed", "早先")])
    ops.append_runs([result("silver.category", "published", "")])
    with pytest.raises(OSError, match="不通"), Recorder(CASE, "api").step("connect"):
        raise OSError("不通")
    recorder = Recorder("bronze.centre__work_order", "api")
    with pytest.raises(OSError, match="不通"), recorder.step("connect"):
        raise OSError("不通")
    with recorder.step("load"):
        pass
    recorder.close()
    moment = datetime(2026, 3, 5, 20, tzinfo=UTC)
    killed = Facts("A", "bronze.market__entity", "api", "fetch", moment, moment, status="killed", error=KILLED)
    ops.append_pulls([asdict(killed)])
    aside = home / "inbox/services__case/failed"
    aside.mkdir(parents=True)
    (aside / "坏.xlsx").write_text("x")
    (aside / "坏.xlsx.txt").write_text("Traceback")
    told = parts()
    assert told["被规则阻断"] == ["村居（silver.village）：key_unique"]
    assert [line.split("：")[0] for line in told["运行失败"]] == [
        "镇街（silver.town）",
        "拉取 市场主体登记（每日增量）（bronze.market__entity）",
        f"拉取 政务服务办件（{CASE}）",
        "处理 政务服务办件 的文件 坏.xlsx 时程序出错，文件在收件箱的 failed 文件夹",
    ]


def test_tickets_that_are_overdue_and_duties_that_are_due_today(received):
    received("2026-02-26 09:00", CASE, cases("NB1 | 2026-02-31 08:00:00", "NB2 | 2026-02-25 08:00:00"))
    received("2026-03-06 09:00", CASE, cases("NB3 | 2026-03-05 08:00:00"), name="二.csv")
    told = parts()
    (line,) = told["逾期未改的问题数据工单"]
    assert line.endswith("“日期时间读不出”还有 1 行，应于 2026-03-04 前改正，逾期 3 个工作日")
    assert "区政务服务数据管理局：政务服务办件 2026-03-06" in told["今日到期"]


def test_the_moment_since_which_is_news_is_the_morning_of_the_working_day_before():
    assert digest.digest(DAY).since == datetime(2026, 3, 5, 16, tzinfo=UTC)
