"""The Chinese words for what contracts say in keywords. One place, for the pages and the workbook."""

from __future__ import annotations

from citybrain.contracts import Contract, Field
from citybrain.contracts.model import INTERVALS

LAYERS = {
    "bronze": "贴源层（按部门所报原样）",
    "silver": "标准层（一实体一表，已清洗、已脱敏）",
    "gold": "主题层（指标与统计）",
}
MODES = {"events": "流水追加", "upsert": "按主键更新", "snapshot": "整表快照"}
CADENCE = {"hour": "每小时", "day": "每日", "week": "每周", "month": "每月", "quarter": "每季", "once": "不定期"}
PERSONAL = {"none": "", "personal": "个人信息", "sensitive": "敏感个人信息"}
BUILDS = {"replace": "整表重算", "merge": "按主键重算变动部分", "cube": "按变动增减", "journal": "逐次追加，不覆盖"}
GRAINS = {"district": "全区", "town": "镇街", "village": "村居"}
PERIODS = {"day": "日", "week": "周", "month": "月", "quarter": "季", "year": "年"}
BUREAU = "数据主管部门"
FIXERS = {"department": "报送部门", "bureau": BUREAU}
_BLANKS = {
    "title": "某列", "text": "所填", "expected": "约定", "row": "几", "rows": "若干", "columns": "某列",
    "nearest": "某列", "headers": "……", "joined": "……", "table": "某表", "kind": "某种文件", "error": "……",
    "offset": "几", "count": "若干", "shifted": "多数", "factor": "若干", "stated": "某期", "found": "另一期",
    "receipt": "某号", "before": "一种编码", "after": "另一种编码", "limit": "若干", "what": "这个文件太大",
}  # fmt: skip
_TYPES = {
    "string": "文本", "text": "自由文本", "bigint": "整数", "int": "整数", "double": "数字", "boolean": "是否",
    "date": "日期", "timestamp": "日期时间", "array<string>": "文本列表", "intervals": "起止时间列表",
    INTERVALS: "起止时间列表",
}  # fmt: skip


def kind(field: Field) -> str:
    """The field's type in a word; of a decimal also its digits after the point."""
    if field.type.startswith("decimal"):
        return f"数字（{field.type[8:-1].split(',')[1]} 位小数）"
    return _TYPES[field.type]


def valid(field: Field) -> str:
    """What a value may be: the list, the range, or an example of the pattern."""
    if field.enum:
        return "、".join(field.enum)
    if field.min is not None or field.max is not None:
        low, high = ("不限" if bound is None else f"{bound:g}" for bound in (field.min, field.max))
        return f"{low} 至 {high}"
    if field.check:
        return {"id_card": "身份证号（核对校验位）", "uscc": "统一社会信用代码（核对校验位）"}[field.check]
    return f"如 {field.example}" if field.example else ""


def weight(severity: str, layer: str) -> str:
    """What becomes of it: in bronze a blocked row goes back, further on a blocked table stays as it was."""
    return {"block": "隔离" if layer == "bronze" else "阻断", "warn": "请核对", "note": "提示"}[severity]


def example_of(message: str) -> str:
    """A message of the catalogue with words in place of what a delivery fills in."""
    return message.format_map(_BLANKS)


def actor(fix: str, contract: Contract | None) -> str:
    """Who has to act: the department that delivers the table, or the bureau."""
    return contract.owner if fix == "department" and contract else BUREAU
