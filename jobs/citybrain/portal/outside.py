"""The portal's database for whoever is not the portal: the command line, the morning digest.

A home on which no portal was ever prepared has none; what is heavy is imported where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from citybrain.portal.settings import database_url, is_prepared

if TYPE_CHECKING:
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
