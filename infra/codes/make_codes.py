"""Write the code lists that are too long to keep by hand: calendar_day.csv, village.csv and department.csv.

    python infra/codes/make_codes.py calendar                      # needs: pip install chinesecalendar
    python infra/codes/make_codes.py village STATISTICAL_CODES.csv # columns code, name, streetCode, areaCode
    python infra/codes/make_codes.py department                    # needs the two lists beside it

The results are committed: they are data, and the bureau may correct them by hand. The other lists
(town, category, deadline_rule, population) are short and are only ever edited by hand.
"""

import argparse
import csv
import datetime
from collections.abc import Iterable, Iterator
from pathlib import Path

CODES = Path(__file__).parents[2] / "schemas" / "codes"
DISTRICT = "440605"
FIRST_DAY, LAST_NOTICED_DAY, LAST_DAY = (datetime.date(*ymd) for ymd in ((2018, 1, 1), (2026, 12, 31), (2027, 12, 31)))
# Orders begin in 2018; a code that existed then is valid from there on. The true founding dates are not published.
KNOWN_SINCE = "2018-01-01"

DISTRICT_DEPARTMENTS = """
D01 区城市运行智慧管理中心
D02 区政务服务和数据管理局
D03 区城市管理和综合执法局
D04 区住房城乡建设和水利局
D05 区交通运输局
D06 市公安局南海分局
D07 市生态环境局南海分局
D08 市自然资源局南海分局
D09 区市场监督管理局
D10 区人力资源和社会保障局
D11 区应急管理局
D12 区消防救援大队
D13 区卫生健康局
D14 区教育局
D15 区民政局
D16 区农业农村局
D17 区经济促进局
D18 区文化广电旅游体育局
D19 区财政局
D20 区司法局
D21 区医疗保障局
D22 区退役军人事务局
D23 区委政法委
D24 区信访局
D25 区统计局
D26 区税务局
D27 区国有资产监督管理局
D28 南海供电局
D29 区供水集团
D30 区燃气公司
"""
# The same offices in every town; their code is the town's and a running number.
TOWN_OFFICES = ("综合治理办公室", "综合行政执法办公室", "公共服务办公室", "城建和水利办公室", "应急管理办公室")


def calendar_days() -> Iterator[list[str]]:
    """Every day with its kind and the notice it rests on; days without a notice follow the weekend and say so."""
    from chinese_calendar import get_holiday_detail

    day = FIRST_DAY
    while day <= LAST_DAY:
        weekend = day.weekday() >= 5
        noticed = day <= LAST_NOTICED_DAY
        off, feast = get_holiday_detail(day) if noticed else (weekend, None)
        off_kind = "法定节假日" if feast or not weekend else "周末"
        kind = off_kind if off else "调休上班" if weekend else "工作日"
        basis = f"国务院办公厅关于{day.year}年部分节假日安排的通知" if noticed else "放假通知未发布，按周末推定"
        yield [day.isoformat(), kind, "否" if off else "是", basis, "否" if noticed else "是"]
        day += datetime.timedelta(days=1)


def villages(statistical_codes: Path) -> Iterator[list[str]]:
    """Committees under their short names; serial numbers from 401 are parks and farms without a committee."""
    with statistical_codes.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["areaCode"] == DISTRICT]
    for row in sorted(rows, key=lambda row: row["code"]):
        name, serial = row["name"], int(row["code"][9:])
        if serial >= 401:
            kind, name = "类似区域", name
        elif name.endswith("村委会"):
            kind, name = "村委会", name.removesuffix("委会")
        else:
            kind, name = "居委会", name.removesuffix("居委会")
        yield [row["code"], name, row["streetCode"], kind, "否" if serial >= 401 else "是", KNOWN_SINCE, ""]


def departments() -> Iterator[list[str]]:
    """The tree: the district, its departments and towns, and in each town its offices and village committees."""
    yield [DISTRICT, "南海区人民政府", "", "区直部门", KNOWN_SINCE, ""]
    for code, name in (line.split() for line in DISTRICT_DEPARTMENTS.strip().splitlines()):
        yield [code, name, DISTRICT, "区直部门", KNOWN_SINCE, ""]
    village_rows = read("village")
    for town in (row for row in read("town") if not row["失效日期"]):
        code = town["镇街代码"]
        yield [code, town["镇街名称"], DISTRICT, "镇街", KNOWN_SINCE, ""]
        for number, office in enumerate(TOWN_OFFICES, start=1):
            yield [f"{code}-{number:02}", f"{town['简称']}{office}", code, "镇街", KNOWN_SINCE, ""]
        for village in village_rows:
            if village["镇街代码"] == code and village["是否村居大脑"] == "是":
                committee = village["村居名称"] + ("居委会" if village["类别"] == "居委会" else "委会")
                yield [village["村居代码"], committee, code, "村居", KNOWN_SINCE, ""]


def read(name: str) -> list[dict[str, str]]:
    with (CODES / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write(name: str, header: str, rows: Iterable[list[str]]) -> None:
    with (CODES / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", choices=["calendar", "village", "department"])
    parser.add_argument("source", type=Path, nargs="?", help="the national statistical codes, for `village` only")
    arguments = parser.parse_args()
    if arguments.list == "calendar":
        write("calendar_day", "日期,类别,是否工作日,依据,是否暂定", calendar_days())
    elif arguments.list == "department":
        write("department", "部门代码,部门名称,上级代码,类别,生效日期,失效日期", departments())
    elif arguments.source is None:
        parser.error("village needs the file of statistical codes")
    else:
        write(
            "village",
            "村居代码,村居名称,镇街代码,类别,是否村居大脑,生效日期,失效日期",
            villages(arguments.source),
        )


if __name__ == "__main__":
    main()
