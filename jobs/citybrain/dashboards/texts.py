"""Texts on boards: Markdown and HTML, with the parts that follow from the charts filled in.

``${legend:CHART}`` is the legend of a map layer, made of the bands by which the layer is coloured.
"""

from __future__ import annotations

import re

from citybrain.dashboards.files import Board, ChartFile, DashboardError

_PART = re.compile(r"\$\{(\w+):([\w-]+)\}")


def filled(board: Board, text: str) -> str:
    return _PART.sub(lambda found: _part(board, found[1], found[2]), text)


def _part(board: Board, what: str, chart: str) -> str:
    if what != "legend" or chart not in board.charts:
        raise DashboardError(f"{board.source.at()}: a text asks for ${{{what}:{chart}}}, which does not exist")
    return legend(board.charts[chart].file)


def legend(chart: ChartFile) -> str:
    """One swatch for each band, saying which end belongs to it."""
    swatches: list[str] = []
    above: float | None = None
    for band in chart.bands:
        if above is None:
            words = f"{band.least:g} 及以上"
        elif band is chart.bands[-1]:
            words = f"{above:g} 以下"
        else:
            words = f"{band.least:g}～{above:g}（不含 {above:g}）"
        swatches.append(f'<span><i style="background:{band.color}"></i>{words}</span>')
        above = band.least
    return "".join(swatches)
