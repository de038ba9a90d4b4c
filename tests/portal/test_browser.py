"""A clerk's way through the pages, in Chromium: sign in, drop a dirty file, read the report, confirm, mend, read again.

The pages ask nobody but the portal, and their own policy lets no inline script or style through.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from citybrain.dashboards.chromium import Page, browser
from tests.ingest.pictures import csv_bytes
from tests.portal.conftest import EVENT
from tests.portal.served import PASSWORD, Served

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


class Clerk:
    def __init__(self, page: Page, served: Served) -> None:
        self.page, self.served = page, served
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            page.send(f"{domain}.enable")

    def go(self, path: str) -> None:
        self.page.send("Page.navigate", url=self.served.url + path)
        self.until(f"location.pathname === {json.dumps(path.partition('?')[0])} && document.readyState === 'complete'")

    def until(self, condition: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.page.value_of(condition):
                    return
            except RuntimeError:
                pass  # the page is just being replaced
            time.sleep(0.05)
        raise AssertionError(f"{condition}: not within {seconds} s, but {self.text()[:500]}")

    def text(self) -> str:
        return str(self.page.value_of("document.body.innerText"))

    def type(self, name: str, text: str) -> None:
        self.page.value_of(f"document.querySelector('[name={name}]').focus()")
        self.page.send("Input.insertText", text=text)

    def click(self, text: str) -> None:
        """The button or link that reads so."""
        self.page.value_of(
            "[...document.querySelectorAll('button, a, summary')]"
            f".find(e => e.innerText.trim().startsWith({json.dumps(text)})).click()"
        )

    def choose(self, file: Path) -> None:
        root = self.page.send("DOM.getDocument")["root"]["nodeId"]
        node = self.page.send("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
        self.page.send("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def shoot(self, name: str) -> None:
        """A picture for people to look at, where CITYBRAIN_SHOTS names a folder."""
        if folder := os.environ.get("CITYBRAIN_SHOTS"):
            height = int(self.page.value_of("document.documentElement.scrollHeight"))
            self.page.resize(1280, max(800, min(height, 3000)))
            time.sleep(0.2)
            picture = self.page.send("Page.captureScreenshot", format="png")["data"]
            Path(folder, f"{name}.png").write_bytes(base64.b64decode(picture))
            self.page.resize(1280, 900)

    def complaints(self) -> list[Any]:
        """Errors of scripts and policy, and requests to anybody else."""
        self.page.value_of("1")
        found: list[Any] = []
        for event in self.page.events:
            what = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(what["exceptionDetails"])
            elif event["method"] == "Log.entryAdded" and what["entry"]["level"] == "error":
                found.append(what["entry"])
            elif event["method"] == "Network.requestWillBeSent":
                address = what["request"]["url"]
                found += [] if address.startswith((self.served.url, "about:", "data:")) else [address]
        return found


@pytest.fixture
def clerk(served: Served) -> Iterator[Clerk]:
    with browser(1280, 900) as page:
        yield Clerk(page, served)


def sign_in(clerk: Clerk, name: str) -> None:
    clerk.go("/login")
    clerk.shoot("login")
    clerk.type("name", name)
    clerk.type("password", PASSWORD)
    clerk.click("登录")
    clerk.until("location.pathname === '/' && document.readyState === 'complete'")


def test_a_clerk_hands_in_a_dirty_file_and_mends_it(clerk: Clerk, served: Served, tmp_path: Path) -> None:
    sign_in(clerk, "centre")
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
    clerk.until("location.pathname.endsWith('/repair') && document.readyState === 'complete'")
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
    sign_in(clerk, "centre")
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
