"""Reads what the simulator delivered in the plainest way: csv and openpyxl, nothing of citybrain."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl

NULLS = {"", "—", "－", "--", "-", "/", "无", "空", "暂无", "N/A", "…"}
DRIFT = {"已办结": "已结案", "办结": "已结案", "完成": "已结案", "处理中": "处置中", "办理中": "处置中"}
DRIFT |= {"个工作日": "工作日", "日历日": "自然日", "个人": "自然人", "企业": "法人"}
DRIFT |= {"投訴": "投诉", "舉報": "举报", "建議": "建议", "咨詢": "咨询"}
DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: (上午|下午)?(\d{1,2}):(\d\d)(?::(\d\d))?)?")


def cells(path: Path) -> list[list[object]]:
    """All rows of a file as a person sees them; row 1 is at place 0."""
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(path).worksheets[0]
        return [list(row) for row in sheet.iter_rows(values_only=True)]
    raw = path.read_bytes()
    text = raw.decode("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "gb18030")
    return [list(row) for row in csv.reader(io.StringIO(text, newline=""))]


def rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """The data rows with their numbers: below one header row in csv, below two in a sheet, above the signatures."""
    table = cells(path)
    sheet = path.suffix == ".xlsx"
    header = [low or high for high, low in zip(table[2], table[3], strict=True)] if sheet else table[0]
    for number, row in enumerate(table[4 if sheet else 1 :], 5 if sheet else 2):
        if sheet and row[0] and str(row[0]).startswith(("制表人", "注：")):
            break
        yield number, dict(zip([str(name) for name in header], row, strict=True))


def text(value: object) -> str | None:
    """A value as clean text; null tokens are null."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    plain = unicodedata.normalize("NFKC", str(value)).strip()
    return None if plain in NULLS or str(value) in NULLS else DRIFT.get(plain, plain)


def moment(value: object) -> datetime | None:
    """A value as a time, in any of the ways in which departments write one."""
    if value is None or isinstance(value, datetime):
        return value
    plain = text(value)
    if plain is None:
        return None
    if re.fullmatch(r"\d{5}(\.\d+)?", plain):
        seconds = round(float(plain) * 86_400)
        return datetime.fromisoformat("1899-12-30") + timedelta(seconds=seconds)
    if re.fullmatch(r"\d{8}", plain):
        return datetime.fromisoformat(plain)
    found = DATE.fullmatch(plain)
    assert found, f"no time: {value!r}"
    year, month, day, half, hour, minute, second = found.groups()
    hours = int(hour or 0) + (12 if half == "下午" and int(hour) < 12 else 0)
    first = datetime.fromisoformat(f"{int(year):04d}-{int(month):02d}-{int(day):02d}")
    return first + timedelta(hours=hours, minutes=int(minute or 0), seconds=int(second or 0))
