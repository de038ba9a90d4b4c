"""All files of ../shared/data, handed in by a clerk in Chromium for the tables that they belong to.

A packed file is handed in as it lies, which is refused, and once more unpacked, as the answer says. Two of the sources
have contracts of their own in tests/real: they are this portal's site. What has columns that no contract knows is told
so, with the columns that it has.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from citybrain.contracts.load import ROOT
from citybrain.dashboards.chromium import browser
from citybrain.portal.process import bureau
from tests.lake import rows_of
from tests.portal.served import Served, serving
from tests.portal.test_browser import Clerk, sign_in

DATA = ROOT.parent / "shared" / "data"
REAL = ROOT / "tests/real"
SITE = (
    "boston/bronze/centre__work_order.yaml",
    "petitions/bronze/petition__message.yaml",
    "petitions/fields/petition.yaml",
)
CHECKED = "location.pathname.startsWith('/deliveries/') && document.title.startsWith('检查结果')"


@dataclass(frozen=True)
class Taken:
    """What the page says of the file, and how many rows are in the lake once that is confirmed."""

    table: str
    rows: int
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    table: str
    said: str
    columns: str = ""  # of the file, as the answer repeats them


ANSWERS: dict[str, Taken | Refused] = {
    "air/beijing_station_hourly_2013_2017.csv.gz": Refused(
        "environment__air_hour", "没有一行像“环境空气监测小时值”的表头", "No、year、month、day、hour、PM2.5"
    ),
    "air/cnemc_stations_2017070716.json.gz": Refused(
        "environment__air_hour", "没有一行像“环境空气监测小时值”的表头", "geometry、properties、type"
    ),
    "air/guangzhou_pm25_hourly_2010_2015.csv.gz": Refused(
        "environment__air_hour", "没有一行像“环境空气监测小时值”的表头", "hour、season、PM_City Station"
    ),
    "codes/foshan_villages_2023.csv": Refused(
        "reference__village", "没有一行像“村居代码表”的表头", "code、name、streetCode"
    ),
    "codes/nanhai_town_points.csv": Refused(
        "reference__boundary", "没有一行像“区划边界”的表头", "town_code、town_name"
    ),
    "enterprises/nanhai_enterprises_1980_2003.csv": Taken(
        "market__entity", 2_675, ("所在省份\t不入库", "地区\t不入库", "注册地址\t住所")
    ),
    "fire/sf_fire_calls_2020.csv.gz": Refused(
        "fire__incident", "没有一行像“消防警情与检查”的表头", "Call Number、Unit ID、Incident Number"
    ),
    "geo/datav_gcj02_440605.json": Refused(
        "reference__boundary", "没有一行像“区划边界”的表头", "type、properties、geometry"
    ),
    "geo/fastgeocn_foshan_districts_cgcs2000.geojson": Refused(
        "reference__boundary", "没有一行像“区划边界”的表头", "geometry、type、properties"
    ),
    "permits/calgary_building_permits.csv.gz": Refused(
        "services__case", "没有一行像“政务服务办件”的表头", "permitnum、statuscurrent、applieddate"
    ),
    "permits/environmental_permit_receipt_events.csv.gz": Refused(
        "services__case", "没有一行像“政务服务办件”的表头", "case:channel、case:concept:name"
    ),
    "petitions/wenzheng_messages.xlsx": Refused(
        "petition__message", "缺少必填列：答复意见、答复时间", "反对数、点赞数"
    ),
    "petitions/wenzheng_messages_with_replies.xlsx": Taken("petition__message", 2_816, ("日期写法不一\t2,815",)),
    "work_orders/boston_311_2011H2.zip": Taken(
        "centre__work_order", 58_251, ("fire_district\t不入库", "取值写法不一\t58,251")
    ),
    "work_orders/la_311_sample.csv.gz": Refused(
        "centre__work_order", "没有一行像“311 service requests”的表头", "srnumber、requesttype、status"
    ),
}
PACKED = {name for name in ANSWERS if name.endswith((".gz", ".zip"))}
pytestmark = [
    pytest.mark.real,
    pytest.mark.browser,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not in ../shared/data"),
    pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium here (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal of a site that has contracts of its own."""
    site = tmp_path_factory.mktemp("site")
    for name in SITE:
        (copy := site / name.partition("/")[2]).parent.mkdir(exist_ok=True)
        shutil.copyfile(REAL / name, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(tmp_path_factory.mktemp("real")))
        patch.setenv("CITYBRAIN_SCHEMAS", str(site))
        patch.delenv("CITYBRAIN_AIRFLOW_URL", raising=False)
        with serving() as found:
            found.account("steward", bureau(), "steward")
            yield found


@pytest.fixture(scope="module")
def clerk(served: Served) -> Iterator[Clerk]:
    with browser(1280, 900) as page:
        found = Clerk(page, served)
        sign_in(found, "steward")
        yield found


def handed_in(clerk: Clerk, table: str, file: Path) -> str:
    """What the page says of the file."""
    clerk.go(f"/tables/{table}")
    clerk.choose(file)
    clerk.until(CHECKED, 120)
    text = clerk.text()
    assert file.name in text
    return text


def unpacked(packed: Path, folder: Path) -> Path:
    if packed.suffix == ".zip":
        with zipfile.ZipFile(packed) as archive:
            (name,) = archive.namelist()
            return Path(archive.extract(name, folder))
    with gzip.open(packed) as content, (folder / packed.stem).open("wb") as plain:
        shutil.copyfileobj(content, plain)
    return folder / packed.stem


def test_no_file_is_without_an_answer() -> None:
    assert {str(f.relative_to(DATA)) for f in DATA.rglob("*") if f.is_file()} == set(ANSWERS)


@pytest.mark.parametrize("name", sorted(PACKED))
def test_a_packed_file_is_not_looked_into_and_that_is_said(clerk: Clerk, name: str) -> None:
    kind = "zip" if name.endswith(".zip") else "gzip"
    said = handed_in(clerk, ANSWERS[name].table, DATA / name)
    assert f"这是{kind} 压缩包，里面的文件没有读取。请解压后逐个报送里面的表格文件。" in said


@pytest.mark.parametrize("name", ANSWERS)
def test_a_real_file_is_taken_or_told_why_not(clerk: Clerk, name: str, tmp_path: Path) -> None:
    answer = ANSWERS[name]
    text = handed_in(clerk, answer.table, unpacked(DATA / name, tmp_path) if name in PACKED else DATA / name)
    if isinstance(answer, Refused):
        assert answer.said in text
        assert answer.columns in text
        assert "确认入库" not in text
        return
    for said in (f"{answer.rows:,} 行都可以入库", *answer.said):
        assert said in text
    clerk.click("确认入库")
    clerk.until("location.pathname.startsWith('/receipts/R-')", 120)
    assert "已入库" in clerk.text()
    assert len(rows_of(f"bronze.{answer.table}")) == answer.rows
