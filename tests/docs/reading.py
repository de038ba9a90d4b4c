"""A page as a reader sees it: the tables of each section, the links, and what it would load."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class Page(HTMLParser):
    """``tables[section]`` are rows of cell texts, headers first."""

    text: str
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    section: str = ""
    cell: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.add(tag)
        if known.get("id"):
            self.ids.add(known["id"] or "")
        if tag == "section":
            self.section = known.get("id") or ""
        for name in ("href", "src"):
            if known.get(name):
                self.links.append(known[name] or "")
        if tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.tables[self.section][-1].append("")
            self.cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.cell = False

    def handle_data(self, data: str) -> None:
        if self.cell:
            row = self.tables[self.section][-1]
            row[-1] = f"{row[-1]}{data.strip()}"


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))
