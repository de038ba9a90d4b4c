"""Landing: the untouched original of every delivery, with ``receipt.json`` beside it, which is the authority.

``landing/<table>/<receipt>/{<original name>, receipt.json}``. A receipt appears whole (rename of a finished folder) or
not at all. Its number comes from the content, so the same bytes twice are one receipt.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from citybrain.ingest.dirt import file_issue
from citybrain.ingest.disk import copied, digest_of
from citybrain.ingest.outcome import (
    Counts,
    DamageError,
    Detected,
    Issue,
    IssueGroup,
    Model,
    SetAside,
    UsageError,
)
from citybrain.ingest.sniff import secrecy
from citybrain.lake import folder, sync

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_log = logging.getLogger(__name__)


class Repair(Model):
    """A table of corrected rows, handed in for a delivery."""

    file: str  # below ``repairs`` in the receipt's folder, unless it was destroyed
    sha256: str
    sender: str | None
    received_at: datetime


class Receipt(Model):
    """One delivery and what became of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: str
    table: str
    file: str
    sha256: str
    size: int
    sender: str | None
    received_at: datetime
    status: Literal["landed", "loaded", "refused", "destroyed", "withdrawing", "withdrawn"] = "landed"
    load: int = 1  # the first is 1; what is done with the delivery later has the next numbers
    contract: str | None = None  # fingerprint of the contract it was read by
    counts: Counts = Counts()
    refused_because: Issue | None = None
    summary: tuple[IssueGroup, ...] = ()
    issues: tuple[Issue, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    marks: dict[str, int] = {}  # noqa: RUF012  (pydantic copies defaults)
    detected: Detected | None = None
    repairs: tuple[Repair, ...] = ()
    destroyed_repairs: tuple[Repair, ...] = ()  # that bore a mark of secrecy: nothing else of them is left
    corrects: str | None = None  # the receipt that this one came in place of

    @property
    def folder(self) -> Path:
        return table_folder(self.table) / self.receipt

    @property
    def original(self) -> Path:
        return self.folder / self.file

    def changed(self, **values: object) -> Receipt:
        return self.model_copy(update=values)


def table_folder(table: str) -> Path:
    return folder("landing") / table.split(".")[1]


@contextlib.contextmanager
def locked(table: str) -> Iterator[None]:
    """One ingest at a time for a table; the lock goes with the process, however it ends."""
    with (folder("locks") / f"ingest.{table}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def receive(table: str, file: Path, receipt: str | None, sender: str | None) -> Receipt:
    """Copies the file into landing, or finds it there; an original that was changed or lost is restored then."""
    home = table_folder(table)
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    draft = home / f".draft-{os.getpid()}"
    draft.mkdir()
    try:
        size = copied(file, draft / file.name)
        with ThreadPoolExecutor(2) as pool:  # the disk and both processors at once
            synced, hashed = pool.submit(sync, draft / file.name), pool.submit(digest_of, draft / file.name)
            is_secret = secrecy(draft / file.name, file.name)
            synced.result()
            sha = hashed.result()
        number = _number(table, sha, receipt)
        if known := find(table, number):
            return _restored(_same(known, sha), draft / file.name)
        if receipt and (twin := _by_content(home, sha)):
            return _restored(twin, draft / file.name)
        if others := _tables_with(number):
            raise UsageError(f"回执号 {number} 已用于 {others[0]} 的一份报送，请另给一个")
        found = Receipt(
            receipt=number, table=table, file=file.name, sha256=sha, size=size, sender=sender, received_at=_now()
        )
        if is_secret:
            found = found.changed(status="destroyed", refused_because=file_issue("secret_file"))
            (draft / file.name).unlink()
        _write(draft / "receipt.json", found)
        _remember(home, sha, number)
        sync(draft)
        draft.rename(home / number)
        sync(home)
        return found
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def expected(table: str, file: Path) -> Receipt:
    """The receipt that a file has, or would get; nothing is written."""
    sha = digest_of(file)
    number, size = _number(table, sha, None), file.stat().st_size
    fresh = Receipt(receipt=number, table=table, file=file.name, sha256=sha, size=size, sender=None, received_at=_now())
    return find(table, number) or fresh


def find(table: str, receipt: str) -> Receipt | None:
    """None where there is no such delivery. Raises DamageError where its receipt is gone or cannot be read: it must not
    pass for one that never came."""
    path = table_folder(table) / receipt / "receipt.json"
    if not path.parent.exists():
        return None
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise DamageError(f"回执文件读不出：{path}（{why}）。已入库的行没有动，请从备份恢复这个文件") from error


def numbers(table: str) -> list[str]:
    """The receipt numbers of all deliveries of a table, also of those whose receipt cannot be read."""
    home = table_folder(table)
    found = home.iterdir() if home.exists() else ()
    return sorted(path.name for path in found if path.is_dir() and not path.name.startswith("."))


def in_order(found: Iterable[Receipt]) -> list[Receipt]:
    """As they arrived."""
    return sorted(found, key=lambda receipt: (receipt.received_at, receipt.receipt))


def receipts(table: str) -> list[Receipt]:
    """All deliveries of a table in the order in which they arrived, from the landing zone alone. Raises DamageError."""
    return in_order(receipt for number in numbers(table) if (receipt := find(table, number)))


def holder(receipt: str) -> Receipt:
    """The delivery with this number, whichever table it is of. Raises UsageError where there is none; DamageError."""
    for name in _tables_with(receipt) if _ID.fullmatch(receipt) else ():
        if found := find(f"bronze.{name}", receipt):
            return found
    raise UsageError(f"没有回执 {receipt}")


def _tables_with(receipt: str) -> list[str]:
    """Names of tables that have such a delivery. (``glob`` would pass by what may not be read, as if it had none.)"""
    return sorted(home.name for home in folder("landing").iterdir() if (home / receipt).exists())


def untouched(receipt: Receipt) -> Path:
    """The original. Raises DamageError unless it is, byte for byte, what came."""
    return _untouched(receipt, "原件", receipt.original, receipt.sha256)


def verify(receipt: Receipt) -> None:
    """Raises DamageError unless the original and all repairs are, byte for byte, what came."""
    untouched(receipt)
    for repair in receipt.repairs:
        _untouched(receipt, "修正表", receipt.folder / "repairs" / repair.file, repair.sha256)


def _untouched(receipt: Receipt, what: str, path: Path, sha: str) -> Path:
    if path.is_file() and digest_of(path) == sha:
        return path
    how = "与收到时不同（sha256 不符）" if path.is_file() else "不见了"
    kept = f"回执 {receipt.receipt} 的{what}{how}：{path}"
    raise DamageError(f"{kept}。没有重新读取，已入库的行没有动，请从备份恢复这个文件")


def update(receipt: Receipt) -> Receipt:
    """Rewrites receipt.json whole; a reader sees the old or the new one."""
    draft = receipt.folder / ".receipt.json.part"
    try:
        _write(draft, receipt)
        draft.replace(receipt.folder / "receipt.json")
    finally:
        draft.unlink(missing_ok=True)
    sync(receipt.folder)
    return receipt


def again(receipt: Receipt, sender: str | None) -> Receipt:
    """A withdrawn delivery that is handed in once more: a new load, received now."""
    return update(receipt.changed(status="landed", load=receipt.load + 1, received_at=_now(), sender=sender))


def in_place_of(receipt: Receipt, corrects: str | None) -> Receipt:
    """Noted as the correction of that receipt; None: as a delivery of its own."""
    return receipt if receipt.corrects == corrects else update(receipt.changed(corrects=corrects))


def keep_repair(receipt: Receipt, file: Path, sender: str | None) -> Receipt:
    """Copies a table of repairs beside the original and notes it; the same bytes are noted once."""
    name = f"{len(receipt.repairs) + 1}-{file.name}"
    home = receipt.folder / "repairs"
    home.mkdir(exist_ok=True)
    copied(file, home / f".{name}.part")
    sha = digest_of(home / f".{name}.part")
    if any(known.sha256 == sha for known in receipt.repairs):
        (home / f".{name}.part").unlink()
        return receipt
    sync(home / f".{name}.part")
    (home / f".{name}.part").replace(home / name)
    sync(home)
    noted = Repair(file=name, sha256=sha, sender=sender, received_at=_now())
    return update(receipt.changed(repairs=(*receipt.repairs, noted)))


def note_destroyed(receipt: Receipt, file: Path, sender: str | None) -> Receipt:
    """Of a table of repairs with a mark of secrecy name, hash, sender and time stay, once; nothing is copied."""
    sha = digest_of(file)
    if any(known.sha256 == sha for known in receipt.destroyed_repairs):
        return receipt
    noted = Repair(file=file.name, sha256=sha, sender=sender, received_at=_now())
    return update(receipt.changed(destroyed_repairs=(*receipt.destroyed_repairs, noted)))


def destroy(receipt: Receipt) -> Receipt:
    """The bytes go; name, hash, sender and time stay."""
    receipt.original.unlink(missing_ok=True)
    return update(receipt.changed(status="destroyed", detected=None, issues=(), summary=()))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _number(table: str, sha: str, given: str | None) -> str:
    if given is None:
        return f"R-{hashlib.sha256(f'{table}:{sha}'.encode()).hexdigest()[:16]}"
    if not _ID.fullmatch(given):
        raise UsageError(f"回执号只能用字母、数字和 . _ -，不能是“{given}”")
    return given


def _same(known: Receipt, sha: str) -> Receipt:
    if known.sha256 != sha:
        raise UsageError(f"回执号 {known.receipt} 已用于另一个文件“{known.file}”")
    return known


def _restored(known: Receipt, copy: Path) -> Receipt:
    """The same bytes have come again: they stand in for an original that is no longer what came."""
    original = known.original
    if known.status != "destroyed" and not (original.is_file() and digest_of(original) == known.sha256):
        _log.warning("%s: 原件已不是收到时的，以再次报送的同一文件恢复", original)
        copy.replace(original)
        sync(known.folder)
    return known


def _remember(home: Path, sha: str, number: str) -> None:
    """An index of contents, so that the same bytes under another receipt number are seen. It may be deleted."""
    (home / ".content").mkdir(exist_ok=True)
    (home / ".content" / sha).write_text(number)


def _by_content(home: Path, sha: str) -> Receipt | None:
    if not (home / ".content").exists():
        for known in receipts(f"bronze.{home.name}"):
            _remember(home, known.sha256, known.receipt)
    entry = home / ".content" / sha
    return find(f"bronze.{home.name}", entry.read_text()) if entry.exists() else None


def _write(path: Path, receipt: Receipt) -> None:
    with path.open("wb") as stream:
        stream.write(TypeAdapter(Receipt).dump_json(receipt, indent=1))
        stream.flush()
        os.fsync(stream.fileno())


def _sweep(home: Path) -> None:
    """What a killed process left: the lock is ours, so no draft is anybody's."""
    for draft in home.glob(".draft-*"):
        shutil.rmtree(draft)
