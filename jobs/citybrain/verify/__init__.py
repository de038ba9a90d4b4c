"""Proof on any seed: simulate a city, hand everything in, build everything, and hold all of it against the truth.

It is built in parts, with withdrawals between (`verify.play`), and judged at the end. The truth was written by
`citybrain.simulate`, which uses nothing of what is judged here. Three questions are asked: was every planted defect
found, cell by cell and flag by flag, and nothing else; does every receipt add up and say what was delivered; is every
published figure what it should be.
"""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from citybrain import lake, serve
from citybrain.ingest import Outcome, UsageError
from citybrain.ingest.dirt import dirt_flags, dirt_kinds, dirt_rules
from citybrain.verify import play
from citybrain.verify.findings import Finding, found, planted
from citybrain.verify.flags import found_flags, planted_flags

TOLERANCE = 1e-3  # of values; their numerators are kept to the fourth decimal
Cell = tuple[str, ...]  # indicator, variant, area, kind of period, period
QUIET_DAYS = 3  # for so long at the city's end a source may have nothing to say
BIN = 1.0  # hours; percentiles come from histograms of this width
COUNTS = {
    "delivered": "rows_delivered",
    "accepted": "rows_good",
    "quarantined": "rows_bad",
    "set_aside": "rows_set_aside",
}


@dataclass
class Tally:
    """Of one kind: how many there were, how many were right, and what was not, in words."""

    expected: int = 0
    right: int = 0
    false: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """What was held against the truth; ``good`` only where nothing differs."""

    dirt: dict[str, Tally]
    receipts: Tally
    figures: dict[str, Tally]
    failed: list[str]  # tables that were not built

    @property
    def good(self) -> bool:
        tallies = [*self.dirt.values(), self.receipts, *self.figures.values()]
        judged = self.dirt and self.figures and self.receipts.expected
        return bool(judged) and not self.failed and not any(t.wrong or t.right != t.expected for t in tallies)


def verify(seed: int, months: int, scale: float, say: play.Say) -> Report:
    """Runs the whole product in a folder of its own below home, and judges what came of it."""
    home = lake.folder("verify") / f"seed{seed}-months{months}-scale{scale:g}"
    shutil.rmtree(home, ignore_errors=True)
    before = os.environ.get("CITYBRAIN_HOME")
    os.environ["CITYBRAIN_HOME"] = str(home)
    began = time.monotonic()

    def step(text: str) -> None:
        say(f"[{time.monotonic() - began:4.0f} s] {text}")

    try:
        failed = play.play(home / "city", seed, months, scale, step)
        step("judging")
        return judge(home / "city", failed)
    finally:
        os.environ["CITYBRAIN_HOME"] = before or ""


def judge(city: Path, failed: Iterable[str] = ()) -> Report:
    """Holds the lake against the truth of a simulated city, however that was handed in and built.

    Raises UsageError where there is no such city, or nothing of it was handed in to this lake.
    """
    truth = city / "truth"
    if not truth.is_dir():
        raise UsageError(f"{city} is no simulated city: it has no folder truth/")
    told = list(play.outcomes(city))
    if not told:
        raise UsageError(f"nothing of {city} was handed in to {lake.home()}; let CITYBRAIN_HOME name where it was")
    return Report(
        judge_dirt(Counter((*found(told), *found_flags())), Counter((*planted(truth), *planted_flags(truth)))),
        judge_receipts(receipts(told), truth),
        judge_figures(truth),
        list(failed),
    )


def judge_dirt(seen: Counter[Finding], truth: Counter[Finding]) -> dict[str, Tally]:
    """By kind of dirt: planted, found at the very cell, and reported where nothing was planted."""
    tallies: dict[str, Tally] = {}
    missed, more = truth - seen, seen - truth
    for finding in sorted(seen | truth, key=str):
        tally = tallies.setdefault(finding.kind, Tally())
        tally.expected += truth[finding]
        tally.right += min(seen[finding], truth[finding])
        tally.false += more[finding]
        if missed[finding]:
            tally.wrong.append(f"没有发现：{finding}" + _times(missed[finding]))
        if more[finding]:
            tally.wrong.append(f"多报：{finding}" + _times(more[finding]))
    return tallies


def receipts(outcomes: Iterable[tuple[str, Outcome]]) -> dict[tuple[str, str], dict[str, int]]:
    """By table and file, what was counted of each delivery that was loaded."""
    return {(o.table.removeprefix("bronze."), o.file): o.counts for _, o in outcomes if o.status == "loaded"}


def _times(count: int) -> str:
    return f" ×{count}" if count > 1 else ""


def judge_receipts(counted: Mapping[tuple[str, str], Mapping[str, int]], truth: Path) -> Tally:
    """delivered = accepted + quarantined + set aside, and each of them as the simulator counted.

    ``counted``: by table and file what the receipt says; every file that the simulator handed in once must be there.
    """
    tally = Tally()
    for row in _rows(truth / "deliveries.csv"):
        if row["repeats_of"]:
            continue
        tally.expected += 1
        counts = dict(counted.get((row["table"], row["file"]), {}))
        expected = {ours: int(row[theirs]) for ours, theirs in COUNTS.items()}
        if counts == expected and counts["delivered"] == sum(counts.values()) - counts["delivered"]:
            tally.right += 1
        else:
            tally.wrong.append(f"{row['file']}: {counts or '没有入库'}，应为 {expected}")
    return tally


def judge_figures(truth: Path) -> dict[str, Tally]:
    """Every published value against the truth, and every true value that ought to be published."""
    key = ("indicator", "variant", "area", "period_kind", "period")
    expected = {tuple(row[name] for name in key): row["value"] for row in _rows(truth / "figures.csv")}
    with serve.connect() as db:
        journal = "SELECT indicator_id, variant, area_code, period_kind, period, value FROM gold.indicator_current"
        published = {tuple(row[:5]): row[5] for row in db.execute(journal).fetchall()}
        spans = "SELECT indicator_id, MIN(period_start) FILTER (period_kind = 'day'), MAX(as_of)"
        spoken = db.execute(f"{spans} FROM gold.indicator_current WHERE value IS NOT NULL GROUP BY 1").fetchall()
    return compare(expected, published, {indicator: (first, last) for indicator, first, last in spoken})


def compare(
    expected: Mapping[Cell, str], published: Mapping[Cell, float | None], spoken: Mapping[str, tuple[date | None, date]]
) -> dict[str, Tally]:
    """By variant. ``spoken``: of each indicator the first day and the last moment of which a value is published.

    The truth tells of the city's years, its months and its last days; what was published of earlier periods, of weeks
    and of quarters is not judged.
    A value that is empty says what a truth without a row says: there is none.
    """
    tallies: dict[str, Tally] = {}
    for cell, value in expected.items():
        if cell[3] == "day" and _is_quiet(date.fromisoformat(cell[4]), value, spoken.get(cell[0])):
            continue
        tally = tallies.setdefault(f"{cell[0]} {cell[1]}", Tally())
        tally.expected += 1
        if cell not in published:
            tally.wrong.append(f"没有发布：{' '.join(cell)}")
        elif agree(published[cell], value, BIN if cell[1].endswith(("_p50", "_p90")) else TOLERANCE):
            tally.right += 1
        else:
            tally.wrong.append(f"{' '.join(cell)}: {published[cell]}，应为 {value or '空'}")
    first: dict[tuple[str, ...], str] = {}
    for indicator, variant, _, kind, period in expected:
        for told in ((indicator, variant, kind), (kind,)):
            first[told] = min(period, first.get(told, period))
    for cell in published.keys() - expected.keys():
        indicator, variant, _, kind, period = cell
        begin = first.get((indicator, variant, kind), first.get((kind,)))
        if published[cell] is None or begin is None or period < begin:
            continue
        tally = tallies.setdefault(f"{cell[0]} {cell[1]}", Tally())
        tally.false += 1
        tally.wrong.append(f"多发布：{' '.join(cell)}: {published[cell]}")
    return tallies


def _is_quiet(day: date, truth: str, spoken: tuple[date | None, date] | None) -> bool:
    """Whether the source's own time begins later, with nothing to tell before, or ends earlier than the city's does."""
    if spoken is None:
        return False
    first, last = spoken
    return bool(first and day < first and not float(truth or 0)) or 0 < (day - last).days <= QUIET_DAYS


def agree(value: float | None, truth: str, tolerance: float) -> bool:
    if value is None or not truth:
        return value is None and not truth
    return abs(value - float(truth)) <= tolerance


def text(report: Report, examples: int = 5) -> str:
    """The report for people: what was planted, found and falsely reported; then what differs, with examples."""
    dirt = [_line(_name(kind), t) for kind, t in report.dirt.items()]
    figures = [_line(name, t) for name, t in sorted(report.figures.items())]
    lines = [
        serve.aligned([["差错（逐格）", "放入", "发现", "漏报", "误报"], *dirt]),
        "",
        serve.aligned([["指标口径", "应有", "一致", "不符", "多出"], *figures]),
        "",
        f"回执（报送 = 入库 + 隔离 + 另置）：{report.receipts.expected} 份，{report.receipts.right} 份与标准答案一致",
    ]
    if unproven := [_name(kind) for kind in dirt_kinds() if kind not in report.dirt]:
        lines.append(f"没有放入的差错：{'、'.join(unproven)}")
    for name, t in {**report.dirt, "回执": report.receipts, **report.figures}.items():
        lines += [f"✗ {_name(name)}：{example}" for example in t.wrong[:examples]]
        if len(t.wrong) > examples:
            lines.append(f"✗ {_name(name)}：……共 {len(t.wrong)} 处")
    lines += [f"✗ {failed}" for failed in report.failed]
    return "\n".join([*lines, "全部一致" if report.good else "与标准答案不一致"])


def _line(name: str, t: Tally) -> list[str]:
    return [name, *(str(n) for n in (t.expected, t.right, t.expected - t.right, t.false))]


def _name(kind: str) -> str:
    """The kind with its name in the catalogue of dirt."""
    named = {code: known.name for code, known in dirt_kinds().items()}
    named |= {rule.rule: rule.name for rule in dirt_rules().values()}
    named |= {flag.flag: flag.name for flag in dirt_flags().values() if not flag.dirt}
    return f"{kind} {named[kind]}" if kind in named else kind


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
