"""An answer in words and as JSON."""

from __future__ import annotations

import json

from citybrain.indicators.answer import IndicatorAnswer, number
from citybrain.indicators.restated import Revision
from citybrain.indicators.trace import Trace


def answer_text(answer: IndicatorAnswer, steps: Trace | None = None, history: tuple[Revision, ...] = ()) -> str:
    """For people, in Chinese: the value, how it is defined, what it was computed from, how it came about."""
    lines = [
        f"{answer.indicator_id} {answer.name} · {answer.variant_title}（{answer.variant}）",
        f"{answer.area_name} · {answer.period}（{answer.period_start} 至 {answer.period_end}）· 截至 {answer.as_of}",
        "",
        f"    {answer.shown}",
        "",
        f"公式：{answer.formula}",
        *(f"  {f.title} = {number(f.amount)}" for f in answer.figures if f.amount is not None),
        f"分子 {number(answer.numerator)} · 分母 {number(answer.denominator)}",
        f"口径：{answer.description}",
    ]
    if answer.published_at:
        published, known = f"{answer.published_at:%Y-%m-%d %H:%M}", f"{answer.known_at:%Y-%m-%d %H:%M}"
        lines.append(f"发布：{published}，第 {answer.revision} 次发布；问的是到 {known} 为止所知")
    elif answer.known_at:
        lines.append(f"所知：按 {answer.known_at:%Y-%m-%d %H:%M} 时的主题表计算，不是发布过的数")
    lines += [f"来源：{s.title} {s.table} 第 {s.version} 版（{s.committed_at:%Y-%m-%d %H:%M}）" for s in answer.sources]
    if steps is not None:
        lines += ["", steps.text()]
    if history:
        lines += ["", "发布与修订", *(line for one in history for line in one.lines(answer.show))]
    return "\n".join([*lines, "", "算法：", answer.sql])


def answer_json(answer: IndicatorAnswer, steps: Trace | None = None, history: tuple[Revision, ...] = ()) -> str:
    document = answer.to_dict() | ({"trace": steps.to_dict()} if steps is not None else {})
    document |= {"revisions": [one.to_dict() for one in history]} if history else {}
    return json.dumps(document, ensure_ascii=False)
