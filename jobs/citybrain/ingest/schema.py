"""What the tables that ingest writes look like, in Arrow: bronze by its contract, quarantine and issues."""

from __future__ import annotations

import re

import pyarrow as pa

from citybrain.contracts import Contract, Field
from citybrain.contracts.load import SYSTEM_FIELDS

_TEXTS = pa.map_(pa.string(), pa.string())
_INSTANT = pa.timestamp("us", tz="UTC")
_SYSTEM: dict[str, tuple[pa.DataType, str]] = {
    "_receipt": (pa.string(), "回执号"),
    "_load": (pa.int32(), "第几次入库"),
    "_file": (pa.string(), "文件名"),
    "_sheet": (pa.string(), "工作表"),
    "_row": (pa.int64(), "文件中的行号"),
    "_received_at": (_INSTANT, "接收时间"),
    "_marks": (pa.list_(pa.field("element", pa.string())), "经规则读入的列，列:规则"),
    "_delivered": (_TEXTS, "原样文字，仅在读入时有改动或违反规则的列"),
}
_REASON = pa.struct([(n, pa.string()) for n in ("rule", "column", "cell", "text", "message")])
_FILE_FACTS = [("_receipt", "receipt"), ("_load", "load"), ("_file", "file"), ("_sheet", "sheet"), ("_row", "row")]


def bronze_schema(contract: Contract) -> pa.Schema:
    """The contract's columns, then the system columns. Any column may be null: what is missing shows in quarantine."""
    fields = [pa.field(f.name, arrow_type(f), metadata={"comment": f.title}) for f in contract.fields]
    system = [pa.field(name, _SYSTEM[name][0], metadata={"comment": _SYSTEM[name][1]}) for name in SYSTEM_FIELDS]
    return pa.schema([*fields, *system])


def system_type(name: str) -> pa.DataType:
    return _SYSTEM[name][0]


def arrow_type(field: Field) -> pa.DataType:
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", field.type):
        return pa.decimal128(int(match[1]), int(match[2]))
    kinds: dict[str, pa.DataType] = {
        "string": pa.string(),
        "text": pa.string(),
        "bigint": pa.int64(),
        "int": pa.int32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": _INSTANT,
        "array<string>": pa.list_(pa.string()),
    }
    return kinds[field.type]


QUARANTINE_SCHEMA = pa.schema(
    [
        *[pa.field(short, _SYSTEM[name][0], metadata={"comment": _SYSTEM[name][1]}) for name, short in _FILE_FACTS],
        pa.field("received_at", _INSTANT, metadata={"comment": "接收时间"}),
        pa.field("key", pa.string(), metadata={"comment": "业务主键（能读出时）"}),
        pa.field("values", _TEXTS, metadata={"comment": "原样各格，按表头"}),
        pa.field("reasons", pa.list_(pa.field("element", _REASON)), metadata={"comment": "不能入库的原因"}),
    ]
)
ISSUE_SCHEMA = pa.schema(
    [
        pa.field("receipt", pa.string()),
        pa.field("load", pa.int32()),
        pa.field("table", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("dirt", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("fix", pa.string()),
        pa.field("column", pa.string()),
        pa.field("header", pa.string()),
        pa.field("sheet", pa.string()),
        pa.field("cell", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("text", pa.string()),
        pa.field("message", pa.string()),
        pa.field("received_at", _INSTANT),
    ]
)
