"""Handing in, step by step: what pages and API have in common."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from citybrain.contracts import Contract
from citybrain.ingest import UsageError, landing
from citybrain.ingest.landing import Receipt
from citybrain.portal import audit, jobs, names
from citybrain.portal.access import Refusal, User
from citybrain.portal.models import OPEN, PURPOSES, Delivery
from citybrain.portal.work import received

if TYPE_CHECKING:
    from citybrain.portal.app import Portal

NO_RECEIPT, NO_DELIVERY, NO_TABLE = "没有这个回执", "没有这次报送", "没有这张表"
COMPLETE = "这个文件已经传完"
REPAIR_LARGEST = 64 << 20


def table_of(portal: Portal, user: User, name: str) -> Contract:
    """Raises Refusal (404) where there is no such table, or none that he may see."""
    contract = portal.contracts.get(name)
    if contract is None or not user.sees(contract):
        raise Refusal(404, NO_TABLE)
    return contract


def receipt_of(portal: Portal, user: User, number: str) -> tuple[Contract, Receipt]:
    """Raises Refusal (404) where there is no such receipt, or one of a table that he may not see: the same answer."""
    try:
        receipt = landing.holder(number)
    except UsageError:
        raise Refusal(404, NO_RECEIPT) from None
    contract = portal.contracts.get(receipt.table.removeprefix("bronze."))
    if contract is None or not user.sees(contract):
        with portal.store.begin() as db:
            audit.record(db, user.actor, "denied", number)
        raise Refusal(404, NO_RECEIPT)
    return contract, receipt


def delivery_of(portal: Portal, user: User, id: str) -> tuple[Contract, Delivery]:
    with portal.store.begin() as db:
        delivery = db.get(Delivery, id)
    contract = portal.contracts.get(delivery.table) if delivery else None
    if delivery is None or contract is None or not user.sees(contract):
        if delivery is not None:
            with portal.store.begin() as db:
                audit.record(db, user.actor, "denied", id)
        raise Refusal(404, NO_DELIVERY)
    return contract, delivery


def shown(portal: Portal, user: User, id: str) -> tuple[Contract, Delivery]:
    """One that somebody looks at: noted where there is something to see, not while he waits for it."""
    contract, delivery = delivery_of(portal, user, id)
    if delivery.state == "checked":
        audit.note(portal.store, user.actor, "view", id)
    return contract, delivery


def own_delivery(portal: Portal, user: User, id: str) -> Delivery:
    """One that he may go on with: of a table that he hands in."""
    contract, delivery = delivery_of(portal, user, id)
    may_hand_in(user, contract)
    return delivery


def may_hand_in(user: User, contract: Contract) -> None:
    if not user.hands_in(contract):
        raise Refusal(403, f"这张表由{contract.owner}报送")


def begin(
    portal: Portal,
    user: User,
    table: str,
    file: str,
    size: int,
    purpose: str = "deliver",
    of_receipt: str | None = None,
    direct: bool = False,
) -> Delivery:
    """A delivery whose bytes are still to come."""
    contract = table_of(portal, user, table)
    may_hand_in(user, contract)
    _check_purpose(portal, user, contract, purpose, of_receipt)
    largest = largest_of(portal, purpose)
    if not 0 < size <= largest:
        hint = "文件是空的，请检查导出是否成功" if size == 0 else "文件太大，请用文件夹或接口报送"
        raise Refusal(413 if size > largest else 422, f"{hint}（网页报送最大 {largest >> 20} MB）")
    delivery = Delivery(
        id=secrets.token_hex(16), account_id=user.id, table=contract.name, purpose=purpose, of_receipt=of_receipt,
        file=names.safe(file), size=size, direct=direct,
    )  # fmt: skip
    with portal.store.begin() as db:
        mine = select(func.count()).select_from(Delivery).where(Delivery.account_id == user.id)
        if (db.scalar(mine.where(Delivery.state.in_(OPEN))) or 0) >= portal.settings.open_uploads:
            raise Refusal(429, "还有太多报送没有处理完，请先确认或放弃")
        db.add(delivery)
        audit.record(db, user.actor, "upload", delivery.id, table=contract.name, file=delivery.file, size=size)
    portal.work.file_of(delivery).parent.mkdir(parents=True)
    return delivery


def unfinished(
    portal: Portal, user: User, table: str, file: str, size: int, purpose: str, of_receipt: str | None
) -> list[Delivery]:
    """His uploads of such a file whose bytes have not all come, the latest first."""
    contract = table_of(portal, user, table)
    facts = {"account_id": user.id, "table": contract.name, "file": names.safe(file), "size": size,
             "purpose": purpose, "of_receipt": of_receipt, "direct": False, "state": "uploading"}  # fmt: skip
    with portal.store.begin() as db:
        return list(db.scalars(select(Delivery).filter_by(**facts).order_by(Delivery.created_at.desc())))


def digest(portal: Portal, delivery: Delivery, start: int) -> tuple[int, str]:
    """Where a piece of what has come ends, at most a chunk after ``start``, and the sha256 of it."""
    if delivery.state != "uploading":
        raise Refusal(409, COMPLETE)
    piece = b""
    with contextlib.suppress(FileNotFoundError), portal.work.file_of(delivery).open("rb") as stream:
        stream.seek(start)
        piece = stream.read(portal.settings.chunk)
    return start + len(piece), hashlib.sha256(piece).hexdigest()


def largest_of(portal: Portal, purpose: str) -> int:
    """Bytes of a file that a browser may send."""
    return min(REPAIR_LARGEST, portal.settings.largest) if purpose == "repair" else portal.settings.largest


def _check_purpose(portal: Portal, user: User, contract: Contract, purpose: str, of_receipt: str | None) -> None:
    if purpose not in PURPOSES:
        raise Refusal(422, f"没有这种报送：{purpose}")
    if (purpose == "deliver") != (of_receipt is None):
        raise Refusal(422, "更正和修正要指明回执，新的报送不能指明")
    if of_receipt is None:
        return
    of, receipt = receipt_of(portal, user, of_receipt)
    if of.table != contract.table:
        raise Refusal(422, f"回执 {of_receipt} 是另一张表（{of.title}）的")
    if purpose == "repair" and receipt.status != "loaded":
        raise Refusal(409, "这次报送没有入库，不能修正")


@contextlib.contextmanager
def appending(portal: Portal, delivery: Delivery, offset: int) -> Iterator[int]:
    """The end of an upload's file, open for one writer. Raises Refusal (409) where the offset is another, or somebody
    else is writing."""
    if delivery.state != "uploading":
        raise Refusal(409, COMPLETE)
    handle = os.open(portal.work.file_of(delivery), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(409, "这个文件正由另一个连接上传") from None
        if os.fstat(handle).st_size != offset:
            raise Refusal(409, "位置不对，请按已收到的位置续传")
        yield handle
    finally:
        os.close(handle)


def offset_of(portal: Portal, delivery: Delivery) -> int:
    return received(portal.work.file_of(delivery)) if delivery.state == "uploading" else delivery.size


def complete(portal: Portal, user: User, delivery: Delivery) -> bool:
    """Whether all bytes are here; if they just came, the file is looked at."""
    path: Path = portal.work.file_of(delivery)
    if delivery.state != "uploading":
        return True
    if received(path) < delivery.size:
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    with portal.store.begin() as db:
        audit.record(db, user.actor, "uploaded", delivery.id, size=delivery.size)
    portal.work.arrived(delivery.id)
    return True


def confirm(portal: Portal, user: User, id: str) -> None:
    """The sender has read the report and wants it loaded."""
    delivery = own_delivery(portal, user, id)
    with portal.store.begin() as db:
        found = db.get_one(Delivery, delivery.id, with_for_update=True)
        if found.state in ("loading", "done"):
            return  # asked twice
        if found.state != "checked" or not found.preview or found.preview["status"] == "refused":
            raise Refusal(409, "这次报送不能确认：还没有读完，或者没有被接收")
        found.state, found.attempts = "loading", 0
        audit.record(db, user.actor, "confirm", id, table=found.table)
    portal.work.take(id)


def drop(portal: Portal, user: User, id: str) -> None:
    """The sender gives it up; nothing of it stays."""
    own_delivery(portal, user, id)
    with portal.store.begin() as db:
        found = db.get_one(Delivery, id, with_for_update=True)
        if found.state == "dropped":
            return
        if found.state not in ("uploading", "checked", "failed"):
            raise Refusal(409, "这次报送正在处理或已经处理完，不能放弃")
        found.state, found.preview = "dropped", None
        audit.record(db, user.actor, "drop", id, table=found.table)
    portal.work.forget(id)


def retry(portal: Portal, user: User, id: str) -> None:
    """What failed for reasons outside of the file is tried again from the state in which it was."""
    own_delivery(portal, user, id)
    with portal.store.begin() as db:
        found = db.get_one(Delivery, id, with_for_update=True)
        if found.state != "failed":
            raise Refusal(409, "这次报送没有出错，不用重试")
        found.state = "loading" if found.direct or found.preview else "checking"
        found.attempts, found.error = 0, None
        audit.record(db, user.actor, "retry", id, table=found.table)
    portal.work.take(id)


def withdraw(portal: Portal, user: User, number: str) -> None:
    """The rows of a receipt leave the lake; original and receipt stay."""
    contract, receipt = receipt_of(portal, user, number)
    may_hand_in(user, contract)
    if receipt.status not in ("landed", "loaded", "withdrawing", "withdrawn"):
        raise Refusal(409, "这次报送没有入库，不用撤回")
    with portal.store.begin() as db:
        audit.record(db, user.actor, "withdraw", number, table=contract.name)
    portal.work.ask(jobs.withdraw, number)


def write(handle: int, block: bytes) -> None:
    """All of it: a full disk says so here."""
    while block:
        block = block[os.write(handle, block) :]
