"""All files of ../shared/data, handed in by a clerk in Chromium for a table that they are not: each is told why.

That their own tables take them is shown in tests/real.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.dashboards.chromium import browser
from tests.portal.conftest import EVENT, owner
from tests.portal.served import Served
from tests.portal.test_browser import Clerk, sign_in

DATA = Path(__file__).parents[3] / "shared" / "data"
PACKED = "压缩包，里面的文件没有读取"
NO_TABLE = "没有一行像"
# Each file: the table for which it is handed in, and what the page says then.
ANSWERS = {
    "air/beijing_station_hourly_2013_2017.csv.gz": (EVENT, PACKED),
    "air/cnemc_stations_2017070716.json.gz": (EVENT, PACKED),
    "air/guangzhou_pm25_hourly_2010_2015.csv.gz": (EVENT, PACKED),
    "codes/foshan_villages_2023.csv": (EVENT, NO_TABLE),
    "codes/nanhai_town_points.csv": (EVENT, NO_TABLE),
    "enterprises/nanhai_enterprises_1980_2003.csv": (EVENT, NO_TABLE),
    "fire/sf_fire_calls_2020.csv.gz": (EVENT, PACKED),
    "geo/datav_gcj02_440605.json": (EVENT, NO_TABLE),
    "geo/fastgeocn_foshan_districts_cgcs2000.geojson": (EVENT, NO_TABLE),
    "permits/calgary_building_permits.csv.gz": (EVENT, PACKED),
    "permits/environmental_permit_receipt_events.csv.gz": (EVENT, PACKED),
    "petitions/wenzheng_messages.xlsx": (EVENT, NO_TABLE),
    "petitions/wenzheng_messages_with_replies.xlsx": (EVENT, NO_TABLE),
    "work_orders/boston_311_2011H2.zip": (EVENT, PACKED),
    "work_orders/la_311_sample.csv.gz": (EVENT, PACKED),
}
pytestmark = [
    pytest.mark.real,
    pytest.mark.browser,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not in ../shared/data"),
    pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium here (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def clerk(served: Served) -> Iterator[Clerk]:
    served.account("centre", owner(EVENT))
    with browser(1280, 900) as page:
        found = Clerk(page, served)
        sign_in(found, "centre")
        yield found


def test_no_file_is_without_an_answer() -> None:
    assert {str(f.relative_to(DATA)) for f in DATA.rglob("*") if f.is_file()} == set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_real_file_gets_its_answer(clerk: Clerk, name: str) -> None:
    table, said = ANSWERS[name]
    clerk.go(f"/tables/{table}")
    clerk.choose(DATA / name)
    clerk.until("location.pathname.startsWith('/deliveries/') && document.title.startsWith('检查结果')", 90)
    text = clerk.text()
    assert said in text, text[:600]
    assert Path(name).name in text
