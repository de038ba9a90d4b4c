"""The guide for clerks: it names what there is, and every report leads to it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from sqlalchemy import update

from citybrain.duties import digest
from citybrain.portal.menu import ENTRIES
from citybrain.portal.models import Delivery
from citybrain.portal.pages import HERE
from citybrain.portal.work import CRASHED
from tests.ingest.pictures import csv_bytes
from tests.portal.conftest import EVENT
from tests.portal.drawn import events
from tests.portal.served import Person, Program, Served

PROBLEMS = "/guide/problems"


def test_the_guide_names_buttons_and_pages_that_there_are(centre: Person) -> None:
    page = centre.get("/guide").text
    others = [path.read_text("utf-8") for path in Path(HERE, "templates").glob("*.html") if path.name != "guide.html"]
    there = " ".join([*others, *(entry.title for entry in ENTRIES)])
    named = re.findall(r"<b>(.*?)</b>", page.partition("<h1>")[2])
    assert len(named) > 10
    assert [name for name in named if name not in there] == []
    links = re.findall(r'href="(/[^"#]*)"', page.partition("<h1>")[2])
    assert {path: centre.get(path).status_code for path in links} == dict.fromkeys(links, 200)
    assert "1.0 GB" in page


def test_a_report_leads_to_the_kind_of_dirt_that_it_tells_of(centre: Person) -> None:
    found = centre.hand_in(EVENT, "流转.csv", events(good=1, bad=1) + b"NH20260908999999,x,\n")
    led = re.findall(rf'href="{PROBLEMS}#(\w+)"', centre.get(f"/deliveries/{found['id']}").text)
    assert {"X12", "X16"} <= set(led)
    ids = set(re.findall(r'id="(\w+)"', centre.get(PROBLEMS).text))
    assert {f"X{n:02}" for n in range(1, 35)} | {"other"} <= ids
    assert set(led) <= ids


def test_who_is_to_be_asked_is_said_on_every_page(served: Served, centre: Person) -> None:
    pages = [Person(served.url).get("/login"), *(centre.get(path) for path in ("/", "/guide", "/nothing"))]
    assert all("请联系：区智运中心" in page.text for page in pages)


def test_the_digest_names_a_delivery_that_broke_the_program(served: Served, centre: Person) -> None:
    broken, wrong = (centre.hand_in(EVENT, f"{n}.csv", events(good=1, bad=1))["id"] for n in ("坏", "错"))
    good = centre.loaded(EVENT, "好.csv", events())
    for id, facts in (
        (broken, {"attempts": 3}),  # it ended its worker three times
        (wrong, {"purpose": "repair", "of_receipt": good}),  # it is no table of repairs
    ):
        with served.portal.store.begin() as db:
            db.execute(update(Delivery).where(Delivery.id == id).values(state="checking", **facts))
        served.portal.work.take(id)
        assert centre.settled(id)["state"] == "failed"
    told = digest.text(digest.digest())
    assert f"处理 centre 在门户报送的 工单流转日志 文件 坏.csv 时出错：{CRASHED}" in told
    assert "错.csv" not in told


def test_the_bureau_is_alarmed_of_a_secret_file_and_nothing_of_it_is_left(
    served: Served, centre: Person, steward: Program, services: Person, home: Path
) -> None:
    mark = "机密★一年"
    content = csv_bytes(f"{mark}\n工单编号|序号|环节|到达时间\nNH20260908880001|1|受理|2026-09-08 09:00:00")
    receipt = centre.hand_in(EVENT, "通报.csv", content)["receipt"]
    told = steward.get("/").text
    assert all(said in told for said in ("涉密文件", "通报.csv", receipt))
    assert receipt not in centre.get("/").text + services.get("/").text
    (noted,) = served.audited(action="destroyed", subject=receipt)
    assert (noted.detail["file"], noted.detail["sha256"]) == ("通报.csv", hashlib.sha256(content).hexdigest())

    number = centre.loaded(EVENT, "流转.csv", events(good=1, bad=1))
    repaired = f"行号,到达时间\n3,2026-09-08 10:00:00\n,{mark}\n".encode()
    found = centre.hand_in(EVENT, "改好.csv", repaired, purpose="repair", receipt=number)
    assert found["state"] == "dropped"
    assert "带有密级标志" in centre.get(f"/deliveries/{found['id']}").text
    (noted,) = served.audited(action="destroyed", subject=found["id"])
    sha = hashlib.sha256(repaired).hexdigest()
    assert (noted.detail["file"], noted.detail["sha256"], noted.detail["receipt"]) == ("改好.csv", sha, number)
    told = steward.get("/").text
    assert all(said in told for said in ("修正表“改好.csv”", number))
    assert "改好.csv" not in centre.get("/").text + services.get("/").text
    page = centre.get(f"/receipts/{number}").text
    assert all(said in page for said in ("改好.csv，涉密，已销毁", sha))
    text = digest.text(digest.digest())
    assert all(f"{n}{said}" in text for n, said in ((receipt, "（通报.csv）"), (number, "的修正表（改好.csv）")))
    assert [path for path in home.rglob("*") if path.is_file() and mark.encode() in path.read_bytes()] == []
