"""A board's grid as Superset stores it: a flat dictionary of nodes that name their children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from citybrain.dashboards.files import Block, Board

ROOT, GRID, HEADER = "ROOT_ID", "GRID_ID", "HEADER_ID"


@dataclass
class Grid:
    """Nodes in the order in which they are met; their names follow from the files alone."""

    board: Board
    uuid_of: Callable[[str], str]
    text_of: Callable[[str], str]
    nodes: dict[str, Any] = field(default_factory=dict)

    def build(self) -> dict[str, Any]:
        self.nodes["DASHBOARD_VERSION_KEY"] = "v2"
        self.nodes[ROOT] = {"type": "ROOT", "id": ROOT, "children": [GRID]}
        self.nodes[HEADER] = {"type": "HEADER", "id": HEADER, "meta": {"text": self.board.file.title}}
        self.nodes[GRID] = {"type": "GRID", "id": GRID, "parents": [ROOT], "children": []}
        self.nodes[GRID]["children"] = [self._row(row, [ROOT, GRID]) for row in self.board.file.rows]
        return self.nodes

    def _row(self, blocks: tuple[Block, ...], parents: list[str]) -> str:
        node = self._node("ROW", parents, {"background": "BACKGROUND_TRANSPARENT"})
        node["children"] = [self._block(block, [*parents, node["id"]]) for block in blocks]
        return str(node["id"])

    def _block(self, block: Block, parents: list[str]) -> str:
        if block.chart:
            return str(self._chart(block, parents)["id"])
        if block.text:
            meta = {"width": block.width, "height": block.height, "code": self.text_of(block.text)}
            return str(self._node("MARKDOWN", parents, meta, block.text.removesuffix(".md"))["id"])
        node = self._node("COLUMN", parents, {"width": block.width, "background": "BACKGROUND_TRANSPARENT"})
        node["children"] = [self._row(row, [*parents, node["id"]]) for row in block.rows]
        return str(node["id"])

    def _chart(self, block: Block, parents: list[str]) -> dict[str, Any]:
        chart = self.board.charts[block.chart or ""]
        meta = {
            "width": block.width,
            "height": block.height,
            "uuid": self.uuid_of(chart.key),
            "sliceName": chart.file.title,
            "chartId": len(self.nodes),
        }
        return self._node("CHART", parents, meta, chart.name)

    def _node(self, kind: str, parents: list[str], meta: dict[str, Any], called: str = "") -> dict[str, Any]:
        """Charts and texts go by their own names, so that CSS can point at them."""
        name = f"{kind}-{self.board.file.slug}-{called or len(self.nodes)}"
        node: dict[str, Any] = {"type": kind, "id": name, "children": [], "parents": parents, "meta": meta}
        self.nodes[name] = node
        return node
