"""Stacked bars as inline SVG: a page needs no script and no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

HEIGHT, STEP, BAR, FOOT, HEAD = 120, 36, 22, 20, 16  # pixels


def by_day(days: Sequence[tuple[str, Mapping[str, int]]]) -> Markup:
    """One bar a day; the parts are named by their CSS class (``block``, ``warn``, ``note``, ``good``), the worst first.

    A day is ``YYYY-MM-DD``; under the bars stands its day, and the month where that is new.
    """
    highest = max((sum(parts.values()) for _, parts in days), default=0)
    drawn = Markup("").join(
        _day(i, day, parts, highest, days[i - 1][0] if i else "") for i, (day, parts) in enumerate(days)
    )
    width = STEP * max(len(days), 1)
    return Markup('<svg class="bars" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img">{2}</svg>').format(
        width, HEAD + HEIGHT + FOOT, drawn
    )


def _day(i: int, day: str, parts: Mapping[str, int], highest: int, before: str) -> Markup:
    total, top, left = sum(parts.values()), HEAD + HEIGHT, i * STEP + (STEP - BAR) // 2
    blocks = []
    for kind, count in parts.items():
        if count:
            tall = max(HEIGHT * count / highest, 1)
            top -= tall  # type: ignore[assignment]
            blocks.append(
                Markup('<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(
                    kind, left, top, BAR, tall
                )
            )
    label = day[8:] if day[:7] == before[:7] else f"{int(day[5:7])}月{day[8:]}"
    middle = left + BAR // 2
    text = Markup('<text x="{}" y="{:.1f}">{}</text>')
    number = text.format(middle, top - 4, f"{total:,}") if total else Markup("")
    title = Markup("<title>{} {:,}</title>").format(day, total)
    return Markup("<g>{}{}{}{}</g>").format(
        title, Markup("").join(blocks), number, text.format(middle, HEAD + HEIGHT + 15, label)
    )
