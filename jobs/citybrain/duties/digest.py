"""The morning digest (晨报): what bore a mark of secrecy, is late, due today, failed, blocked, refused, drifted, or not
mended in time.

``keep`` writes it where it stays: the reminders (催报) of the day as rows of ``ops.reminder``, the text below
``reports/``. Written twice on one day it stands once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from citybrain import contracts, lake, ops
from citybrain.clock import SHANGHAI
from citybrain.contracts import Contract
from citybrain.duties.arrivals import Arrival, Destroyed, arrivals, day_of, destroyed
from citybrain.duties.owed import Duty, reminders
from citybrain.duties.register import register, today
from citybrain.duties.tickets import Ticket, tickets
from citybrain.duties.workdays import workdays
from citybrain.ingest.dirt import file_issue
from citybrain.portal import outside

_STOPPED = """
    SELECT "table", status, reason FROM rows
    QUALIFY row_number() OVER (PARTITION BY "table" ORDER BY finished_at DESC) = 1
"""
_PULLS = """
    SELECT "table", step, status, error FROM rows WHERE how <> 'folder'
    QUALIFY row_number() OVER (PARTITION BY "table" ORDER BY finished_at DESC) = 1
"""


@dataclass(frozen=True)
class Drift:
    """Columns that a delivery has and the one before had not, or the other way round."""

    table: str
    title: str
    owner: str
    receipt: str
    before: str
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]


@dataclass(frozen=True)
class Digest:
    """All that the bureau has to know in the morning of a day."""

    day: date
    since: datetime  # what came from here on is news
    destroyed: tuple[str, ...]  # bore a mark of secrecy
    late: tuple[Duty, ...]
    due: tuple[Duty, ...]  # today
    failed: tuple[str, ...]  # runs, pulls, files in an inbox, deliveries of the portal
    blocked: tuple[str, ...]
    refused: tuple[str, ...]
    drifted: tuple[Drift, ...]
    overdue: tuple[Ticket, ...]

    @property
    def counts(self) -> dict[str, int]:
        parts = ("destroyed", "late", "due", "failed", "blocked", "refused", "drifted", "overdue")
        return {name: len(getattr(self, name)) for name in parts}


def digest(day: date | None = None) -> Digest:
    """As of the morning of a day: news are what came since the morning of the working day before."""
    day = day or today()
    since = _morning(_workday_before(day))
    declared = contracts.load()
    bronze = [c for c in declared.values() if c.layer == "bronze"]
    duties = register(day)
    came = {c.table: [a for a in arrivals(c.table) if a.day <= day] for c in bronze}
    return Digest(
        day=day,
        since=since,
        destroyed=tuple(_destroyed(declared[d.table], d) for d in _until(day, destroyed(came, since))),
        late=tuple(d for d in duties if d.status == "late"),
        due=tuple(d for d in duties if d.status == "due" and d.due == day),
        failed=(
            *_stopped(declared, "failed"),
            *_failed_pulls(declared),
            *_failed_files(bronze),
            *_failed_deliveries(declared),
        ),
        blocked=tuple(_stopped(declared, "blocked")),
        refused=tuple(_refused(c, a) for c in bronze for a in came[c.table] if _is_news(a, since)),
        drifted=tuple(d for c in bronze for d in drifts(c, came[c.table], since)),
        overdue=tuple(t for t in tickets(day) if t.overdue),
    )


def drifts(contract: Contract, came: Sequence[Arrival], since: datetime) -> Iterator[Drift]:
    """Of the loaded deliveries since then those whose columns are not those of the one before; a column by another of
    its known names is the same."""
    loaded = [a for a in came if a.status == "loaded" and a.columns]
    for before, after in pairwise(loaded):
        was, now = (dict(a.columns) for a in (before, after))
        appeared = tuple(name for key, name in now.items() if key not in was)
        vanished = tuple(name for key, name in was.items() if key not in now)
        if after.received_at >= since and (appeared or vanished):
            yield Drift(
                contract.table, contract.title, contract.owner, after.receipt, before.receipt, appeared, vanished
            )


def text(found: Digest) -> str:
    """For people."""
    return "\n".join(_lines(found))


def keep(found: Digest) -> Path:
    """The reminders as rows, the text as a file; gives the file."""
    ops.replace_reminders(found.day, [_reminder(found.day, duty) for duty in found.late])
    path = lake.folder("reports") / f"晨报-{found.day}.txt"
    path.write_text(text(found) + "\n", encoding="utf-8")
    return path


def reminder_text(found: Sequence[Duty]) -> str:
    """催报: what each department owes, table by table."""
    return "\n".join(_reminder_lines(found)) or "没有逾期未报的。"


def _lines(d: Digest) -> Iterator[str]:
    yield f"数据工作晨报 {d.day:%Y年%m月%d日}"
    if d.destroyed:
        yield from _part(f"涉密文件，已销毁（{d.since:%m月%d日}以来），请立即按保密规定处置", d.destroyed)
    yield from _part("逾期未报（催报）", list(_reminder_lines(d.late)))
    yield from _part("今日到期", [f"{x.owner}：{x.title} {x.period}" for x in d.due])
    yield from _part("运行失败", d.failed)
    yield from _part("被规则阻断", d.blocked)
    yield from _part(f"未接收的报送（{d.since:%m月%d日}以来）", d.refused)
    yield from _part("报送的列有变化", [_drift_line(x) for x in d.drifted])
    yield from _part("逾期未改的问题数据工单", [_ticket_line(t) for t in d.overdue])


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield ""
    yield f"【{title}】" + ("" if lines else "无")
    yield from lines


def _reminder_lines(found: Sequence[Duty]) -> Iterator[str]:
    for owner, late in reminders(found):
        yield f"{owner}："
        for title, group in groupby(sorted(late, key=lambda d: (d.title, d.first)), key=lambda d: d.title):
            yield f"  {_owed(title, list(group))}"


def _owed(title: str, late: Sequence[Duty]) -> str:
    first, last = late[0], late[-1]
    what = first.period if len(late) == 1 else f"{first.period} 至 {last.period} 共 {len(late)} 期"
    vain = next((d for d in reversed(late) if d.refused), None)
    more = f"；最近报送的 {vain.refused} 未被接收：{vain.refused_because}" if vain else ""
    return f"{title}：{what}未报，应于 {first.due:%Y-%m-%d} 前报送，已逾期 {first.days_late} 个工作日{more}"


def _drift_line(d: Drift) -> str:
    parts = [f"多出{'、'.join(d.appeared)}"] if d.appeared else []
    parts += [f"少了{'、'.join(d.vanished)}"] if d.vanished else []
    return f"{d.owner}：{d.title} {d.receipt} 与上次（{d.before}）相比{'，'.join(parts)}"


def _ticket_line(t: Ticket) -> str:
    return (
        f"{t.acts}：{t.title} {t.receipt}“{t.name}”还有 {t.left:,} 行，应于 {t.due} 前改正，逾期 {t.days_late} 个工作日"
    )


def _refused(contract: Contract, arrival: Arrival) -> str:
    return f"{contract.owner}：{contract.title} {arrival.receipt}（{arrival.file}）{arrival.refused_because}"


def _is_news(arrival: Arrival, since: datetime) -> bool:
    return arrival.status == "refused" and arrival.received_at >= since


def _until(day: date, found: Sequence[Destroyed]) -> list[Destroyed]:
    return [d for d in found if day_of(d.received_at) <= day]


def _destroyed(contract: Contract, found: Destroyed) -> str:
    what = f"的修正表（{found.file}）" if found.repairs else f"（{found.file}）"
    return f"{contract.owner}：{contract.title} {found.receipt}{what}{file_issue('secret_file').message}"


def _stopped(declared: dict[str, Contract], status: str) -> Iterator[str]:
    for row in sorted(ops.ask("ops.run", _STOPPED), key=lambda r: r["table"]):
        if row["status"] == status and row["table"] in declared:
            yield f"{declared[row['table']].title}（{row['table']}）：{row['reason']}"


def _failed_pulls(declared: dict[str, Contract]) -> Iterator[str]:
    """Tables of which the last step of the last pull failed, or was killed."""
    for row in sorted(ops.ask("ops.pull", _PULLS), key=lambda r: r["table"]):
        if row["status"] in ("failed", "killed") and row["table"] in declared:
            yield f"拉取 {declared[row['table']].title}（{row['table']}）：{row['step']} {row['error']}"


def _failed_files(bronze: Sequence[Contract]) -> Iterator[str]:
    """Files at which the program failed; they wait in ``failed`` until somebody moves them back."""
    for contract in bronze:
        aside = lake.home() / "inbox" / contract.name / "failed"
        for file in sorted(aside.iterdir()) if aside.is_dir() else ():
            if not file.name.endswith(".txt"):
                yield f"处理 {contract.title} 的文件 {file.name} 时程序出错，文件在收件箱的 failed 文件夹"


def _failed_deliveries(declared: dict[str, Contract]) -> Iterator[str]:
    """Files of the portal that were not processed; they wait until somebody tries them again or gives them up."""
    for found in outside.failed():
        if contract := declared.get(f"bronze.{found.table}"):
            yield f"处理 {found.sender} 在门户报送的 {contract.title} 文件 {found.file} 时出错：{found.why}"


def _reminder(day: date, duty: Duty) -> dict[str, Any]:
    kept = ("owner", "table", "title", "period", "first", "last", "due", "days_late", "refused", "refused_because")
    return {"day": day, **{name: getattr(duty, name) for name in kept}}


def _workday_before(day: date) -> date:
    day -= timedelta(days=1)
    return day if workdays().is_workday(day) else _workday_before(day)


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
