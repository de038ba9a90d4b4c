"""Names of files, as a stranger's program sends them."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 180  # bytes; a file system allows 255, and what is made of the name needs some
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # what Windows takes for a device
_OURS = ("receipt.json", "repairs")  # what landing keeps beside an original


def safe(name: str) -> str:
    """The last part of a path in anybody's writing, without what could mislead a reader or a file system."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = _FORBIDDEN.sub("", last.encode("utf-8", "ignore").decode()).strip().lstrip(".~").strip()
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix.encode()) > 10:
        stem, suffix = plain, ""
    room = LONGEST - len(suffix.encode()) - 1
    short = stem.encode()[:room].decode("utf-8", "ignore").strip() or "未命名"
    whole = f"{short}.{suffix}" if suffix else short
    return f"_{whole}" if whole in _OURS or _DEVICE.fullmatch(whole) else whole
