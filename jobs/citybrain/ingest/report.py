"""The answer to a department, in Chinese: what was taken, which cells are wrong, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from citybrain.clock import minute
from citybrain.ingest.dirt import dirt_marks, dirt_rules
from citybrain.ingest.judge import Judged
from citybrain.ingest.outcome import Issue, IssueGroup, Outcome

_STATUS = {
    "loaded": "已入库",
    "already": "此前已入库，没有重复入库",
    "refused": "未接收",
    "withdrawn": "已撤回",
    "failed": "没有处理完",
    "tried": "试读，没有入库",
}
_WEIGHT = {"block": "不能入库", "warn": "已入库，请核对", "note": "提示"}
_CHANGES = {"added": "增加", "changed": "改变", "gone": "删除"}
_PER_GROUP = 5


def summary(judged: Judged) -> tuple[IssueGroup, ...]:
    """How often each rule was broken in each column, worst and most frequent first."""
    first: dict[tuple[str, str | None], Issue] = {}
    for issue in judged.issues:
        first.setdefault((issue.rule, issue.header), issue)
    groups = [
        IssueGroup(
            rule=rule,
            dirt=first[(rule, header)].dirt,
            severity=first[(rule, header)].severity,
            column=first[(rule, header)].column,
            header=header,
            count=count,
        )
        for (rule, header), count in judged.groups.items()
    ]
    order = list(_WEIGHT)
    return tuple(sorted(groups, key=lambda g: (order.index(g.severity), -g.count, g.rule, g.header or "")))


def report_text(outcome: Outcome, per_group: int = _PER_GROUP) -> str:
    """For people; programs read ``to_json``."""
    return "\n".join(_lines(outcome, per_group))


def _lines(o: Outcome, per_group: int) -> Iterator[str]:
    yield f"{o.title}：{_STATUS[o.status]}"
    if o.file:
        yield f"文件：{o.file}（{o.size:,} 字节）"
    if o.receipt:
        sent = f"，{o.sender} 报送" if o.sender else ""
        came = f"（{minute(o.received_at)} 收到{sent}）" if o.received_at else ""
        yield f"回执：{o.receipt}{came}"
    if o.refused_because:
        yield f"原因：{o.refused_because.message}"
        return
    if o.changes:
        yield "本次变动：" + "，".join(f"{_CHANGES[what]} {rows:,} 行" for what, rows in o.changes.items())
    if o.status == "withdrawn":
        return
    c = o.counts
    yield (
        f"报送 {c['delivered']:,} 行 = 入库 {c['accepted']:,} 行 + 隔离 {c['quarantined']:,} 行"
        f" + 另置 {c['set_aside']:,} 行（合计行、重复行）"
    )
    for group in o.summary:
        yield from _group(o, group, per_group)
    if o.marks:
        yield "按规则读入的（已入库，原样文字另存）："
        yield from (f"  {line}" for line in _marks(o))


def _group(o: Outcome, group: IssueGroup, per_group: int) -> Iterator[str]:
    where = f"“{group.header}”" if group.header else ""
    shown = [i for i in o.issues if (i.rule, i.header) == (group.rule, group.header)][:per_group]
    rule = dirt_rules().get(group.rule)
    name = f"{where}{rule.name}" if rule else shown[0].message.partition("。")[0] if shown else group.rule
    yield f"[{_WEIGHT[group.severity]}] {name}：{group.count:,} 处"
    for issue in shown:
        place = issue.cell or (f"第 {issue.row} 行" if issue.row else "")
        yield f"    {place}  {issue.message}" if place else f"    {issue.message}"
    if group.count > len(shown):
        yield f"    …… 另有 {group.count - len(shown):,} 处"


def _marks(o: Outcome) -> Iterator[str]:
    titles = {c.field: c.header for c in o.detected.columns if c.field} if o.detected else {}
    for mark, rows in sorted(o.marks.items(), key=lambda m: -m[1]):
        column, _, code = mark.partition(":")
        known = dirt_marks()[code]
        yield f"“{titles.get(column, column)}”{rows:,} 处：{known.message}（{known.name}）。{known.hint}"
