"""Workbooks by their XML, so that they may lie."""

# ruff: noqa: E501  (namespaces are long)
from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from citybrain.ingest.header import letter

HEAD = ("工单编号", "序号", "环节", "到达时间")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_LINKS = f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_OFFICE}/%s" Target="%s"/></Relationships>'
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="application/'
    'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": _LINKS % ("officeDocument", "xl/workbook.xml"),
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="明细" sheetId="1" r:id="r1"/>'
    "</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": _LINKS % ("worksheet", "worksheets/sheet1.xml"),
}


def text(place: str, value: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def event(number: int, *more: str) -> str:
    """A good row of the flow of work orders."""
    places = (f"{letter}{number}" for letter in "ABCD")
    values = (f"NH20260908{number:06d}", str(number), "受理", "2026-09-08 09:05:00")
    return row(number, *map(text, places, values), *more)


def write_wide(path: Path, rows: int, columns: int) -> None:
    """Good rows of the flow of work orders with so many columns that nobody agreed to beside theirs."""
    more = range(len(HEAD), columns)
    head = row(1, *(text(f"{letter(n)}1", title) for n, title in enumerate([*HEAD, *(f"附加{n}" for n in more)])))
    numbers = "".join(f'<c r="{letter(n)}#"><v>1</v></c>' for n in more)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>{head}'.encode())
            for n in range(2, rows + 2):
                sheet.write(event(n, numbers.replace("#", str(n))).encode())
            sheet.write(b"</sheetData></worksheet>")


def workbook(rows: str, before: str = "", more: Mapping[str, bytes] | None = None) -> bytes:
    """``before``: what stands above the sheet; ``more``: further parts."""
    head = row(1, *(text(f"{letter}1", title) for letter, title in zip("ABCD", HEAD, strict=True)))
    sheet = f'<?xml version="1.0"?>{before}<worksheet xmlns="{_MAIN}"><sheetData>{head}{rows}</sheetData></worksheet>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**PARTS, "xl/worksheets/sheet1.xml": sheet, **(more or {})}.items():
            archive.writestr(name, content)
    return out.getvalue()


def growing(megabytes: int, part: str) -> bytes:
    """A workbook with a part of so many megabytes, in a file of a few kilobytes a hundred of them."""
    out = io.BytesIO(workbook(event(2)))
    archive = zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open(part, "w", force_zip64=True) as stream:
        for _ in range(megabytes):
            stream.write(bytes(1 << 20))
    return out.getvalue()
