"""Numbers of persons that the simulated city wrote into its deliveries, and whatever of them the lake still holds."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pyarrow import parquet

KINDS = {
    "phone": r"(?<!\d)1990000\d{4}(?!\d)",
    "id": r"(?<!\d)\d{14}000[\dX](?!\d)",
    "plate": r"粤E\d\d000",
    "card": r"(?<!\d)62000000\d{11}(?!\d)",
}
NUMBERS = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in KINDS.items()))


def planted(inbox: Path) -> dict[str, str]:
    """Number → its kind, of all that stand in the files."""
    return {number: kind for path in inbox.rglob("*.*") for number, kind in _numbers(_text(path))}


def held(layers: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Number and file, of every file of the tables, also those that were superseded and the feeds of changes."""
    for layer in layers:
        for path in sorted(layer.rglob("*.parquet")):
            for column in parquet.ParquetFile(path).read().columns:
                for value in column.to_pylist():
                    yield from ((number, str(path.relative_to(layer))) for number, _ in _numbers(_words(value)))


def _numbers(text: str) -> Iterator[tuple[str, str]]:
    for match in NUMBERS.finditer(unicodedata.normalize("NFKC", text)):
        yield match[0], str(match.lastgroup)


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value) if isinstance(value, str) else ""


def _text(path: Path) -> str:
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            return "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    raw = path.read_bytes()
    return raw.decode("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "gb18030")
