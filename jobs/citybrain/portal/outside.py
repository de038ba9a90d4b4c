"""The portal's database for whoever is not the portal: the command line, the morning digest.

A home on which no portal was ever prepared has none; what is heavy is imported where there is one.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from citybrain.portal.settings import database_url, is_prepared

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from citybrain.ingest import Outcome
    from citybrain.portal.audit import Actor
    from citybrain.portal.store import Store


@dataclass(frozen=True)
class Failed:
    """A delivery that was not processed for a reason outside of its file; it waits until somebody tries it again."""

    table: str  # without its layer
    file: str
    sender: str
    why: str


@contextmanager
def opened() -> Iterator[Store]:
    """The database, brought to this version."""
    from citybrain.portal.store import Store

    store = Store(database_url())
    try:
        store.migrate()
        yield store
    finally:
        store.engine.dispose()


class Unrecorded(RuntimeError):  # noqa: N818
    """The audit cannot be written; what had not begun is not done."""

    exit_code = 4


def operator() -> Actor:
    """Who runs this process, as the operating system knows him."""
    from citybrain.portal.audit import Actor

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Actor(f"{name}@{os.uname().nodename}", "command line")


@contextmanager
def recording() -> Iterator[tuple[Session, Actor] | None]:
    """The audit (操作记录), for what the operator does; None where there is no portal. Raises Unrecorded."""
    if not is_prepared():
        yield None
        return
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with opened() as store, store.begin() as db:
            yield db, operator()
    except SQLAlchemyError as error:
        raise Unrecorded(f"the audit of the portal cannot be written: {error}") from error


def note(action: str, subject: str | None = None, **detail: Any) -> None:
    """What the operator does, before he does it."""
    with recording() as found:
        if found:
            from citybrain.portal import audit

            audit.record(*found, action, subject, **detail)


def note_outcome(outcome: Outcome) -> None:
    """What became of it; a trial leaves nothing."""
    if outcome.status == "tried":
        return
    with recording() as found:
        if found:
            from citybrain.portal import audit

            audit.record_outcome(*found, outcome)


def failed() -> list[Failed]:
    """What the bureau has to look into, the oldest first."""
    if not is_prepared():
        return []
    from sqlalchemy import select

    from citybrain.portal.models import Account, Delivery

    query = select(Delivery, Account.name).join(Account, Account.id == Delivery.account_id)
    query = query.where(Delivery.state == "failed", Delivery.fix == "bureau").order_by(Delivery.changed_at)
    with opened() as store, store.begin() as db:
        return [Failed(d.table, d.file, name, d.error or "") for d, name in db.execute(query)]
