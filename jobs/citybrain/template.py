"""The workbook that a department fills in: one contract, told in Excel's own means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from citybrain.contracts import Contract, Field
from citybrain.ingest.flow import fingerprint
from citybrain.ingest.header import letter

ROWS = 5000  # rows that are formatted and validated in advance; more may be filled in
_FORMATS = {"timestamp": "yyyy-mm-dd hh:mm:ss", "date": "yyyy-mm-dd", "bigint": "0", "int": "0", "double": "General"}
_KINDS = {
    "timestamp": "日期时间，如 2026-03-01 09:05:00", "date": "日期，如 2026-03-01", "bigint": "整数", "int": "整数",
    "double": "数字", "boolean": "是 或 否", "string": "文本", "text": "文本",
}  # fmt: skip
_REQUIRED, _OPTIONAL = "#F8CBAD", "#DDEBF7"


def write_template(contract: Contract, out: Path) -> Path:
    """Sheets 填报 (empty), 示例, 填报说明 and, hidden, the values of the drop-downs."""
    with out.open("wb") as stream, xlsxwriter.Workbook(stream) as book:
        book.set_properties({"title": contract.title, "subject": contract.table, "company": contract.owner})
        book.set_custom_property("citybrain_contract", contract.table)
        book.set_custom_property("citybrain_fingerprint", fingerprint(contract))
        sheet = book.add_worksheet("填报")
        _head(book, sheet, contract.fields)
        example = book.add_worksheet("示例")
        _head(book, example, contract.fields)
        example.write_row(1, 0, [_example(f) for f in contract.fields], book.add_format({"num_format": "@"}))
        _notes(book, contract)
        _drop_downs(book, sheet, contract.fields)
    return out


def _head(book: Any, sheet: Any, fields: Sequence[Field]) -> None:
    """Headers, the required ones in another colour; each column in the format of its type."""
    sheet.freeze_panes(1, 0)
    for column, field in enumerate(fields):
        head = book.add_format({"bold": True, "border": 1, "bg_color": _REQUIRED if field.required else _OPTIONAL})
        sheet.set_column(column, column, _width(field), book.add_format({"num_format": _FORMATS.get(field.type, "@")}))
        sheet.write_string(0, column, field.title, head)
        sheet.write_comment(0, column, "\n".join(_about(field)), {"x_scale": 2, "y_scale": 1.5})


def _width(field: Field) -> int:
    return 20 if field.type == "timestamp" else max(10, 2 * len(field.title) + 2, min(len(field.example or ""), 40))


def _example(field: Field) -> str:
    """What stands in the row of 示例, which would be taken as it is: a column that must be filled is."""
    return field.example or (field.enum[0] if field.required and field.enum else "")


def _about(field: Field) -> list[str]:
    said = ["必填" if field.required else "选填", _kind(field)]
    if field.unit:
        said.append(f"单位：{field.unit}")
    if field.enum:
        said.append(f"取值：{'、'.join(field.enum)}")
    if field.min is not None or field.max is not None:
        low, high = ("不限" if bound is None else f"{bound:g}" for bound in (field.min, field.max))
        said.append(f"范围：{low} 至 {high}")
    if field.description:
        said.append(field.description)
    return said


def _kind(field: Field) -> str:
    return "数字" if field.type.startswith("decimal") else _KINDS[field.type]


def _notes(book: Any, contract: Contract) -> None:
    sheet = book.add_worksheet("填报说明")
    bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 1, 16)
    sheet.set_column(2, 5, 34)
    lines = [
        f"{contract.title}（{contract.table.split('.')[1]}）",
        f"报送单位：{contract.owner}。{contract.grain}。",
        "在“填报”表中填写，一行一条；橙色列必填，蓝色列选填。列的顺序可以调整，列名请勿改动。",
        "没有数据的格请留空。编码列已设为文本格式，请直接输入或选择性粘贴为数值，以免丢失前导零和末尾几位。",
        "不得报送带有密级标志的内容。",
    ]
    for row, line in enumerate(lines):
        sheet.write_string(row, 0, line, bold if row == 0 else None)
    sheet.write_row(len(lines) + 1, 0, ["列名", "必填", "类型", "单位、取值、范围", "示例", "其他可用列名"], bold)
    for row, field in enumerate(contract.fields, len(lines) + 2):
        required, kind, *rest = _about(field)
        cells = [field.title, required, kind, "\n".join(rest), field.example or "", "、".join(field.aliases)]
        for column, cell in enumerate(cells):
            sheet.write_string(row, column, cell, wrap)


def _drop_downs(book: Any, sheet: Any, fields: Sequence[Field]) -> None:
    """Lists of values stand on a hidden sheet: in the cell itself Excel allows 255 characters."""
    codes = book.add_worksheet("取值")
    codes.hide()
    for column, field in enumerate(fields):
        values = ("是", "否") if field.type == "boolean" else field.enum
        if values:
            codes.write_column(0, column, values)
            place = letter(column)
            rule: dict[str, object] = {"validate": "list", "source": f"=取值!${place}$1:${place}${len(values)}"}
        elif field.min is not None and field.max is not None:
            rule = {"validate": "decimal", "criteria": "between", "minimum": field.min, "maximum": field.max}
        else:
            continue
        strict = "stop" if field.severity == "block" and field.required else "warning"
        message = {"error_title": field.title, "error_message": "不在约定的取值或范围之内", "error_type": strict}
        sheet.data_validation(1, column, ROWS, column, {**rule, **message})
