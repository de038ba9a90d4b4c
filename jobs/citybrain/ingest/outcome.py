"""What became of a delivery, in the words that the sender, the portal and the CLI read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from citybrain.contracts.model import Severity


class Refused(Exception):  # noqa: N818  (a verdict about a file, not a failure)
    """The file as a whole is not taken; ``rule`` is of the dirt catalogue, ``facts`` fill its message."""

    def __init__(self, rule: str, **facts: object) -> None:
        super().__init__(rule)
        self.rule = rule
        self.facts = facts


class IngestError(Exception):
    """The surroundings failed (disk, permissions, lake); nothing was half done and the same call may be repeated."""

    exit_code = 4


class DamageError(IngestError):
    """What landing keeps is no longer what came: a receipt, an original or a repair was changed or is gone. Nothing was
    done; to repeat it helps only after somebody has restored it."""


class UsageError(ValueError):
    """The call itself is wrong: no such table or file, or a receipt number that belongs to another file."""

    exit_code = 2


class SecretFileError(UsageError):
    """It bears a mark of secrecy: whoever holds a copy on our behalf must destroy it."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Issue(Model):
    """One finding: a broken rule at a cell, at a row, or of the file as a whole (then without a row)."""

    rule: str
    dirt: str | None = None
    severity: Severity
    fix: Literal["department", "bureau"]
    column: str | None = None
    header: str | None = None
    sheet: str | None = None
    row: int | None = None
    cell: str | None = None
    text: str | None = None
    message: str


class IssueGroup(Model):
    """How often a rule was broken in a column."""

    rule: str
    dirt: str | None
    severity: Severity
    column: str | None
    header: str | None
    count: int


class Counts(Model):
    """Every delivered row is in exactly one of the other three."""

    delivered: int = 0
    accepted: int = 0
    quarantined: int = 0
    set_aside: int = 0

    @property
    def adds_up(self) -> bool:
        return self.delivered == self.accepted + self.quarantined + self.set_aside


class SetAside(Model):
    """A row that is no record: a total, a repeated header, or the same row once more (``of`` is the one kept)."""

    row: int
    why: Literal["total", "header", "repeat"]
    of: int | None = None


def record(row: int) -> str:
    return f"第 {row - 1} 条记录"


class Column(Model):
    """A column of the file: where it stands, how it is headed, which field it became."""

    position: int
    letter: str  # empty where the file has no columns that a person could count: JSON
    header: str
    field: str | None = None
    stated: str | None = None  # not a column of the file: what its title says for every row
    factor: str | None = None  # from the unit that the file states to the agreed one, as a fraction: 10000, 1/1000
    since_1904: bool = False  # dates of a workbook that counts days from there

    def cell(self, row: int) -> str:
        """Where the sender finds it: a cell of a sheet, or a record of JSON (row 1 is made of its keys) and the key."""
        return f"{self.letter}{row}" if self.letter else f"{record(row)}的“{self.header}”"


class Detected(Model):
    """What was found about the file's form."""

    kind: Literal["csv", "xlsx", "xls", "html", "json"]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_rows: tuple[int, ...] = ()
    titles: tuple[str, ...] = ()
    unit_row: int | None = None
    footer_rows: tuple[int, ...] = ()
    columns: tuple[Column, ...] = ()


class Outcome(Model):
    """The answer to one delivery."""

    receipt: str
    table: str
    title: str
    file: str
    status: Literal["loaded", "already", "refused", "withdrawn", "failed", "tried"]
    load: int
    sha256: str
    size: int
    sender: str | None
    received_at: str
    corrects: str | None = None  # the receipt that this one came in place of
    counts: dict[str, int]  # delivered = accepted + quarantined + set_aside
    changes: dict[str, int] = {}  # of a delivery taken up again: rows of bronze added, changed and gone
    refused_because: Issue | None = None
    summary: tuple[IssueGroup, ...] = ()
    issues: tuple[Issue, ...] = ()  # the first of each group; all of them are in ops.issue
    set_aside: tuple[SetAside, ...] = ()  # the first ones
    marks: dict[str, int] = {}  # "column:Xnn" → rows read through that rule
    detected: Detected | None = None

    @property
    def exit_code(self) -> int:
        """0 taken in full or withdrawn, 1 rows quarantined or the program failed, 3 refused, 4 disk or lake failed."""
        if self.status in ("refused", "failed"):
            unfinished = self.refused_because and self.refused_because.rule == "not_finished"
            return 3 if self.status == "refused" else 4 if unfinished else 1
        return 1 if self.counts.get("quarantined") and self.status != "withdrawn" else 0

    def to_json(self) -> str:
        return self.model_dump_json()
