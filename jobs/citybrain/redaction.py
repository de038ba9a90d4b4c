"""Free text without personal numbers: telephones, identity numbers, bank cards and plates become 〔电话〕 and so on.

Names and addresses stay: no pattern finds them. Digits and letters count in full width too. Pure Column expressions.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_D, _SEP = "[0-9０-９]", r"[ \-－—　]?"
_ALONE, _END = f"(?<!{_D})", f"(?!{_D})"
_MONTH_DAY = "(?:[0０][1-9１-９]|[1１][0-2０-２])(?:[0０][1-9１-９]|[12１２][0-9０-９]|[3３][01０１])"
_YEAR = f"(?:[1１][89８９]|[2２][0０]){_D}{{2}}"
_ID = (
    f"{_ALONE}[1-9１-９]{_D}{{5}}{_SEP}"
    f"(?:{_YEAR}{_MONTH_DAY}{_SEP}{_D}{{3}}[0-9０-９XxＸｘ]|{_D}{{2}}{_MONTH_DAY}{_D}{{3}}){_END}"
)
_CARD = f"{_ALONE}[3-6３-６]{_D}{{3}}(?:{_SEP}{_D}{{4}}){{3}}(?:{_SEP}{_D}{{1,3}})?{_END}"
_MOBILE = f"{_ALONE}(?:[+＋]?(?:00)?(?:86|８６){_SEP})?[1１][3-9３-９]{_D}(?:{_SEP}{_D}{{4}}){{2}}{_END}"
_LANDLINE = f"{_ALONE}[(（]?[0０]{_D}{{2,3}}[)）]?{_SEP}[2-8２-８]{_D}{{6,7}}(?:(?:-|转){_D}{{1,6}})?{_END}"
_NAMED = f"(?<=(?:电话|座机|致电|热线|联系方式)[号码]{{0,2}}[是为:：（( ]{{0,2}})[2-8２-８]{_D}{{6,7}}{_END}"
_MORE = f"(?:[、,，/或和 ]{{1,2}}[2-8２-８]{_D}{{6,7}}{_END})*"  # a list that names the area code once
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_LETTER = "A-HJ-NP-Za-hj-np-zＡ-ＨＪ-ＮＰ-Ｚ"  # plates know neither I nor O
_PLATE = (
    f"[{_PROVINCES}][{_LETTER}][·・•. \\-]?(?=[{_LETTER}]{{0,5}}{_D})"
    f"[0-9０-９{_LETTER}]{{4,5}}[0-9０-９{_LETTER}挂学警港澳](?![0-9０-９A-Za-z])"
)
# kind → (token, what it replaces), in this order: an identity number is not also a bank card.
KINDS = {
    "id": ("〔证件〕", _ID),
    "card": ("〔卡号〕", _CARD),
    "phone": ("〔电话〕", f"(?:{_MOBILE}|{_LANDLINE}|{_NAMED}){_MORE}"),
    "plate": ("〔车牌〕", _PLATE),
}


def redacted(column: Column | str) -> Column:
    """The text with telephone and identity numbers, bank cards and number plates replaced by what they were."""
    return _stages(column)[-1]


def redactions(column: Column | str) -> Column:
    """How much ``redacted`` replaces: struct<id, card, phone, plate: int>, zeros for null."""
    counts = zip(KINDS.items(), _stages(column), strict=False)
    return F.struct(
        *(F.coalesce(F.regexp_count(text, F.lit(found)), F.lit(0)).alias(kind) for (kind, (_, found)), text in counts)
    )


def redaction_count(*columns: Column | str) -> Column:
    """How many places ``redacted`` replaces in all the columns together (bigint)."""
    total = F.lit(0).cast("bigint")
    for column in columns:
        counts = redactions(column)
        for kind in KINDS:
            total = total + counts[kind]
    return total


def _stages(column: Column | str) -> list[Column]:
    """The text before, between and after the kinds are replaced."""
    stages = [F.col(column) if isinstance(column, str) else column]
    for token, found in KINDS.values():
        stages.append(F.regexp_replace(stages[-1], found, token))
    return stages
