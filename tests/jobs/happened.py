"""What may happen to the deliveries of a city: they come, are withdrawn, corrected, repaired, read anew, come again."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest
import yaml

from citybrain import contracts
from citybrain.contracts.load import ROOT
from citybrain.ingest import correct, ingest, quarantined, reingest, repair, withdraw
from citybrain.ingest.outcome import Column, Outcome

FULLS = "market__entity_full"
KINDS = ("withdraw", "correct", "repair", "reingest", "hand in again")
REFUSING = ("centre__work_order", "centre__work_order_event", "services__case", "services__rating", "hotline__order",
            "urban__case")  # fmt: skip
RULE, REFUSED = "then", "那时不收。"  # the site's rule of the first day, and what it says
RIGHT = {"timestamp": "2026-09-08 09:05:00", "date": "2026-09-08"}  # in place of what is no time


@dataclass(frozen=True)
class Step:
    """Something that happens to one of the deliveries that it can happen to, whichever ``which`` says."""

    kind: str
    which: int


@dataclass(frozen=True)
class History:
    """Deliveries of three days, and what happens besides on the second and the third."""

    deliveries: tuple[tuple[str, ...], ...]  # table/file
    steps: tuple[tuple[Step, ...], ...]
    refusing: str  # the source of which the site's rules refused some rows on the first day
    formulas: tuple[str, ...]  # tables whose formulas were others on the first two days
    codes: tuple[str, ...]  # code tables that lose a tenth on the third
    large: int  # rows from which on a table is kept and brought up to date as a large one


def files_of(inbox: Path) -> dict[str, Path]:
    """The project's code tables and what departments sent, by table/file."""
    codes = {f"reference__{path.stem}/{path.name}": path for path in sorted((ROOT / "schemas/codes").glob("*.csv"))}
    sent = sorted(path for path in inbox.rglob("*") if path.is_file())
    return codes | {f"{path.parent.name}/{path.name}": path for path in sent}


def source_of(file: str) -> str:
    return file.split("/")[0]


class Home:
    """A lake's home into which deliveries come, and what became of each."""

    def __init__(self, files: dict[str, Path], folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.files, self.folder, self.environment = files, folder, environment
        self.held: dict[str, tuple[str, Outcome]] = {}  # receipt → file, what was said of it
        self.withdrawn: list[str] = []

    def receive(self, names: Sequence[str]) -> None:
        for name in names:
            outcome = ingest(source_of(name), self.files[name])
            assert outcome.status in ("loaded", "already"), outcome
            self.held[outcome.receipt] = name, outcome

    @contextmanager
    def refusing(self, source: str) -> Iterator[None]:
        """Meanwhile the site has a rule by which it refuses a third of the source's rows."""
        rules = Path(f"expectations/bronze/{source}.yaml")
        said = yaml.safe_load((ROOT / rules).read_text("utf-8"))["rules"] if (ROOT / rules).exists() else []
        key = contracts.load()[f"bronze.{source}"].key[0]
        ours = {"rule": RULE, "where": f"right({key}, 1) IN ('1', '4', '7')", "message": REFUSED}
        said.append({**ours, "severity": "block", "fix": "bureau", "dirt": None})
        own = self.folder / "site" / rules
        own.parent.mkdir(parents=True)
        own.write_text(yaml.safe_dump({"rules": said}, allow_unicode=True), "utf-8")
        with self.environment.context() as then:
            then.setenv("CITYBRAIN_SCHEMAS", str(self.folder / "site"))
            yield

    def take(self, steps: Sequence[Step], refused: str) -> None:
        for step in steps:
            if step.kind == "reingest":
                self.read_anew(refused)
            else:
                getattr(self, step.kind.replace(" ", "_"))(step.which)

    def read_anew(self, source: str) -> None:
        """What the rule of the first day refused is taken, unless it was withdrawn, corrected or repaired since."""
        refused = {
            receipt for receipt, (_, outcome) in self.held.items() if RULE in {group.rule for group in outcome.summary}
        }
        assert refused <= {outcome.receipt for outcome in reingest(table=source) if outcome.changes.get("added")}

    def withdraw(self, which: int) -> None:
        receipt = self._chosen(which)
        name, _ = self.held.pop(receipt)
        assert withdraw(receipt).changes["gone"]
        self.withdrawn.append(name)

    def hand_in_again(self, which: int) -> None:
        """What was withdrawn last, or else something that is there."""
        name = self.withdrawn.pop() if self.withdrawn else self.held[self._chosen(which)][0]
        self.receive([name])

    def correct(self, which: int) -> None:
        self._correct(self._chosen(which, uncorrected=True))

    def correct_what_came_once(self) -> None:
        sources = [source_of(name) for name, _ in self.held.values()]
        for receipt, (name, _) in list(self.held.items()):
            if sources.count(source_of(name)) == 1 and source_of(name) != FULLS and not name.startswith("reference__"):
                self._correct(receipt)

    def repair(self, which: int) -> None:
        """Cells that say no time, or nothing, are filled; relations between columns are left as they are."""
        receipt = self._chosen(which, quarantined=True)
        form = self.folder / f"{receipt}.csv"
        quarantined(receipt, form)
        name, outcome = self.held[receipt]
        assert outcome.detected
        filled(form, outcome.table, outcome.detected.columns)
        repaired = repair(receipt, form)
        assert repaired.changes["added"]
        self.held[receipt] = name, repaired

    def change_codes(self, names: Sequence[str]) -> None:
        for name in names:
            ingest(f"reference__{name}", shortened(self.files[f"reference__{name}/{name}.csv"], self.folder))

    def _correct(self, receipt: str) -> None:
        name, _ = self.held.pop(receipt)
        file = shortened(self.files[name], self.folder)
        new, old = correct(receipt, file)
        assert new.status in ("loaded", "already"), new
        assert old
        assert old.status == "withdrawn"
        self.files[f"{name} corrected"] = file
        self.held[new.receipt] = f"{name} corrected", new

    def _chosen(self, which: int, quarantined: bool = False, uncorrected: bool = False) -> str:
        able = [
            receipt
            for receipt, (name, outcome) in self.held.items()
            if source_of(name) != FULLS
            and not name.startswith("reference__")
            and outcome.counts["accepted"]  # of some the rule of the first day left none
            and not (uncorrected and f"{name} corrected" in self.files)  # it would be a copy of what is there
            and (not quarantined or (outcome.counts["quarantined"] and source_of(name) != "hotline__call_day"))
        ]
        return able[which % len(able)]


def filled(form: Path, table: str, columns: Sequence[Column]) -> None:
    """A form of quarantined rows with something right in the first cell that each row's reason names."""
    contract, places = contracts.load()[table], {column.letter: n for n, column in enumerate(columns)}
    with form.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = csv.reader(stream)
    for number, row in enumerate(rows):
        letter = re.match("[A-Z]+", row[-1])
        assert letter, row
        if REFUSED in row[-1]:
            continue  # nothing is wrong with it by today's rules
        place = places[letter[0]]
        field = contract.field(columns[place].field or "")
        row[1 + place] = RIGHT.get(field.type) or field.example or str(70 + number)  # first stands the row's number
    with form.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def shortened(path: Path, folder: Path) -> Path:
    """A table without a tenth of its rows, of those behind its middle: the last may be notes."""
    changed = folder / f"shorter-{path.name}"
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path, data_only=True)  # what formulas gave would be lost
        sheet = book.active
        sheet.delete_rows(1 + sheet.max_row // 2, _tenth(sheet.max_row))
        book.save(changed)
    else:
        lines = path.read_bytes().splitlines(keepends=True)
        begin = len(lines) // 2
        changed.write_bytes(b"".join(lines[:begin] + lines[begin + _tenth(len(lines)) :]))
    return changed


def _tenth(count: int) -> int:
    return max(2, count // 10)
