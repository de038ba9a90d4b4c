"""Ways in which people and machines write a value otherwise than agreed, and the values that each fits."""

from __future__ import annotations

import numpy as np

NULL_TOKENS = ("—", "－", "--", "-", "/", "无", "空", "暂无", "N/A", "…")
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x30, 0x7B)}
DRIFT = {"已结案": ("已办结", "办结", "完成"), "处置中": ("处理中", "办理中"), "自然人": ("个人",), "法人": ("企业",),
         "工作日": ("个工作日",), "自然日": ("日历日",), "存续": ("在营", "开业", "在业"), "吊销": ("已吊销",),
         "注销": ("已注销",), "规上工业增加值": ("规模以上工业增加值",)}  # fmt: skip


def token(rng: np.random.Generator, _text: str) -> str:
    return str(rng.choice(NULL_TOKENS))


def full_width(_rng: np.random.Generator, text: str) -> str:
    return text.translate(FULL_WIDTH)


def scientific(_rng: np.random.Generator, text: str) -> str:
    return f"{float(text):.5E}"


def masked(_rng: np.random.Generator, text: str) -> str:
    return text[:3] + "****" + text[-4:] if len(text) == 11 else text[:6] + "********" + text[-4:]


def colloquial(_rng: np.random.Generator, text: str) -> str:
    """2026/9/8 上午9:05"""
    year, month, day, hour, minute = _parts(text)
    half, hour = ("上午", hour) if hour < 12 else ("下午", hour - 12 if hour > 12 else 12)
    return f"{year}/{month}/{day} {half}{hour}:{minute:02d}"


def in_words(_rng: np.random.Generator, text: str) -> str:
    """2026年9月8日 14:05"""
    year, month, day, hour, minute = _parts(text)
    return f"{year}年{month}月{day}日 {hour}:{minute:02d}"


def dotted(_rng: np.random.Generator, text: str) -> str:
    """2026.9.8"""
    return "{}.{}.{}".format(*_parts(text)[:3])


def compact(_rng: np.random.Generator, text: str) -> str:
    return text[:10].replace("-", "")


def serial(_rng: np.random.Generator, text: str) -> str:
    """Days since 1899-12-30, as Excel keeps them."""
    days = np.datetime64(text, "s").astype(np.int64) / 86_400 + 25_569
    return f"{days:.10f}"


def impossible(rng: np.random.Generator, text: str) -> str:
    return str(rng.choice([f"{text[:4]}年9月31日", f"{text[:4]}-02-30 10:00:00", "0000-00-00"]))


def twenty_four(_rng: np.random.Generator, text: str) -> str:
    day = np.datetime64(text[:10]) - 1
    return f"{day} 24:00"


def drifted(rng: np.random.Generator, text: str) -> str:
    return str(rng.choice(DRIFT[text]))


def dotted_day(_rng: np.random.Generator, text: str) -> str:
    """2026.9.8 of a date without a time"""
    return f"{int(text[:4])}.{int(text[5:7])}.{int(text[8:10])}"


def grouped(_rng: np.random.Generator, text: str) -> str:
    """1,234.56"""
    whole, _, rest = text.partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def signed(_rng: np.random.Generator, text: str) -> str:
    """+5.5%"""
    return (text if text.startswith("-") else f"+{text}") + "%"


def sentinel(rng: np.random.Generator, _text: str) -> str:
    """How stations write that there is nothing."""
    return str(rng.choice(["-99", "9999"]))


def missing(_rng: np.random.Generator, _text: str) -> None:
    return None


def wrong_check(_rng: np.random.Generator, text: str) -> str:
    """The same identity number with a check digit that cannot be right."""
    return text[:-1] + ("1" if text[-1] != "1" else "2")


NUMERALS = "〇一二三四五六七八九"
VARIANTS = str.maketrans("诉举报议询", "訴舉報議詢")


def in_numerals(_rng: np.random.Generator, text: str) -> str:
    """二〇二六年九月二十八日 of a date without a time"""
    year = "".join(NUMERALS[int(digit)] for digit in text[:4])
    return f"{year}年{_counted(int(text[5:7]))}月{_counted(int(text[8:10]))}日"


def _counted(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else NUMERALS[tens]) + ("十" if tens else "") + (NUMERALS[ones] if ones or not tens else "")


def arrowed(_rng: np.random.Generator, text: str) -> str:
    """↑5.5%"""
    return f"↓{text[1:]}%" if text.startswith("-") else f"↑{text}%"


def noted(_rng: np.random.Generator, text: str) -> str:
    return f"{text}(已变更)"


def doubled(_rng: np.random.Generator, text: str) -> str:
    """Two codes in one cell; the second is nobody's."""
    return f"{text}/{text[:8]}MB{text[10:]}"


def several(_rng: np.random.Generator, text: str) -> str:
    return f"{text}、0757-8{text[4:]}"


def old_number(_rng: np.random.Generator, text: str) -> str:
    """The identity number as it was before 1999: no century, no check digit."""
    return text[:6] + text[8:17]


def variant(_rng: np.random.Generator, text: str) -> str:
    return text.translate(VARIANTS)


def broken(_rng: np.random.Generator, text: str) -> str:
    """A line break within a code."""
    return f"{text[:4]}\n{text[4:]}"


def reference_error(_rng: np.random.Generator, _text: str) -> str:
    return "#REF!"


def in_seconds(_rng: np.random.Generator, text: str) -> str:
    """113°08′44.0736″"""
    whole, minutes = divmod(float(text) * 60, 60)
    minute, second = int(minutes), (minutes - int(minutes)) * 60
    return f"{int(whole)}°{minute:02d}′{second:07.4f}″"


def _parts(text: str) -> tuple[int, int, int, int, int]:
    return int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16])


def is_null(text: str | None) -> bool:
    return text is None


def digits(text: str | None) -> bool:
    return text is not None and text.isdigit()


def whole_minute(text: str | None) -> bool:
    return text is not None and text.endswith(":00")


def midnight(text: str | None) -> bool:
    return text is not None and text.endswith("00:00:00")


def thousands(text: str | None) -> bool:
    return text is not None and len(text.partition(".")[0]) > 3


def varies(text: str | None) -> bool:
    return text is not None and text.translate(VARIANTS) != text


def drifts(text: str | None) -> bool:
    return text in DRIFT
