"""Rebuild Superset's Chinese language pack without its fuzzy entries. Run by infra/setup.py in Superset's environment.

A third of the pack is marked fuzzy, that is guessed by a tool from similar sentences, and compiled all the same: "Sign
in" became "Not In". Guesses fall back to English unless zh.json beside this file gives a translation of our own.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def folder() -> Path:
    spec = find_spec("superset")  # found, not imported: importing Superset takes ten seconds
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "translations/zh/LC_MESSAGES"


def purge(catalog: Catalog, ours: dict[str, str]) -> int:
    """Drop the guesses, put ours in; returns how many guesses were dropped."""
    dropped = 0
    for message in catalog:
        if not message.id:
            continue
        plural = not isinstance(message.id, str)
        key = message.id[0] if plural else message.id
        if key in ours:
            message.string = (ours[key],) * len(message.id) if plural else ours[key]
            message.flags.discard("fuzzy")
        elif message.fuzzy:
            message.string = ("",) * len(message.id) if plural else ""
            message.flags.discard("fuzzy")
            dropped += 1
    for key, text in ours.items():
        if catalog.get(key) is None:
            catalog.add(key, text)
    return dropped


def for_browser(catalog: Catalog) -> dict[str, Any]:
    """The shape that Superset's frontend reads (Jed 1.x)."""
    texts: dict[str, Any] = {"": {"domain": "superset", "plural_forms": "nplurals=1; plural=0", "lang": "zh"}}
    for message in catalog:
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
        strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        if any(strings):
            texts[ids[0]] = [text or ids[0] for text in strings]
    return {"domain": "superset", "locale_data": {"superset": texts}}


def main() -> None:
    target = folder()
    ours = json.loads((Path(__file__).parent / "zh.json").read_text("utf-8"))
    with (target / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="zh")
    dropped = purge(catalog, ours)
    # uv links files from its cache: writing into them would change the cache.
    for name in ("messages.mo", "messages.json"):
        (target / name).unlink(missing_ok=True)
    with (target / "messages.mo").open("wb") as file:
        write_mo(file, catalog)
    (target / "messages.json").write_text(json.dumps(for_browser(catalog), ensure_ascii=False), "utf-8")
    print(f"{dropped} guesses dropped, {len(ours)} texts of ours")


if __name__ == "__main__":
    main()
