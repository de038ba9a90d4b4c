"""All files of ../shared/data, handed in by a clerk in Chromium for the tables that they belong to.

A packed file is handed in as it lies, which is refused, and once more unpacked, as the answer says. Sources whose
tables the project does not know have contracts of their own in tests/real, as a site would write them: they are the
site of this portal. Refused are a workbook without columns that its table requires, and two files of boundaries: what a
department hands in of boundaries is a table of codes and polygons, not the drawing of a map service.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from deltalake import DeltaTable

from citybrain import lake
from citybrain.contracts.load import ROOT
from citybrain.dashboards.chromium import browser
from citybrain.portal.process import bureau
from tests.portal.clerk import Clerk
from tests.portal.served import Served, serving

DATA = ROOT.parent / "shared" / "data"
REAL = ROOT / "tests/real"
SITE = (
    "boston/bronze/centre__work_order.yaml",
    "petitions/bronze/petition__message.yaml",
    "petitions/fields/petition.yaml",
    *(f"handed_in/bronze/{path.name}" for path in sorted((REAL / "handed_in/bronze").glob("*.yaml"))),
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
    "air/beijing_station_hourly_2013_2017.csv.gz": Taken(
        "beijing__station_hour", 35_064, ("PM2.5\tPM2.5", "RAIN\t不入库")
    ),
    "air/cnemc_stations_2017070716.json.gz": Taken(
        "environment__air_hour", 1_495, ("pm2_5\tPM2.5", "geometry\t不入库", "quality\t不入库")
    ),
    "air/guangzhou_pm25_hourly_2010_2015.csv.gz": Taken("guangzhou__pm25_hour", 52_584, ("season\t不入库",)),
    "codes/foshan_villages_2023.csv": Taken("foshan__village", 818, ("streetCode\t镇街代码", "cityCode\t不入库")),
    "codes/nanhai_town_points.csv": Taken("nanhai__town_point", 7),
    "enterprises/nanhai_enterprises_1980_2003.csv": Taken(
        "market__entity", 2_675, ("所在省份\t不入库", "地区\t不入库", "注册地址\t住所")
    ),
    "fire/sf_fire_calls_2020.csv.gz": Taken("san_francisco__fire_unit", 10_410, ("Battalion\t不入库",)),
    "geo/datav_gcj02_440605.json": Refused(
        "reference__boundary",
        "没有一行像“区划边界”的表头",
        "adcode、name、center、centroid、childrenNum、level、acroutes、parent、geometry",
    ),
    "geo/fastgeocn_foshan_districts_cgcs2000.geojson": Refused(
        "reference__boundary", "没有一行像“区划边界”的表头", "name、gb、geometry"
    ),
    "permits/calgary_building_permits.csv.gz": Taken("calgary__permit", 5_000, ("latitude\t纬度", "point\t不入库")),
    "permits/environmental_permit_receipt_events.csv.gz": Taken("permits__event", 8_577, ("case:channel\t不入库",)),
    "petitions/wenzheng_messages.xlsx": Refused(
        "petition__message", "缺少必填列：答复意见、答复时间", "反对数、点赞数"
    ),
    "petitions/wenzheng_messages_with_replies.xlsx": Taken("petition__message", 2_816, ("日期写法不一\t2,815",)),
    "work_orders/boston_311_2011H2.zip": Taken(
        "centre__work_order", 58_251, ("fire_district\t不入库", "取值写法不一\t58,251")
    ),
    "work_orders/la_311_sample.csv.gz": Taken("los_angeles__request", 10_000, ("cdmember\t不入库",)),
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
        found.sign_in("steward")
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
    assert DeltaTable(lake.table_uri(f"bronze.{answer.table}")).count() == answer.rows
