"""In which order the workers take what waits for them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from citybrain.portal import accounts
from citybrain.portal.models import Delivery
from citybrain.portal.settings import Settings
from citybrain.portal.store import Store
from citybrain.portal.work import Work
from tests.portal.served import PASSWORD, TEST


def test_who_waits_for_a_report_comes_before_what_is_confirmed(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'portal.db'}")
    store.migrate()
    with store.begin() as db:
        account = accounts.add(db, TEST, "某人", accounts.departments()[0], "uploader", PASSWORD)
        db.flush()
        for id, state in (("first", "loading"), ("load", "loading"), ("check", "checking"), ("later", "checking")):
            db.add(Delivery(id=id, account_id=account.id, table="t", purpose="deliver", file="f", size=1, state=state))
    work, order, go_on = Work(store, Settings(workers=1)), [], threading.Event()

    def through(id: str) -> None:
        order.append(id)
        assert go_on.wait(60)

    monkeypatch.setattr(work, "_through", through)
    work.take("first")
    while not order:
        pass  # the one worker has it
    for id in ("load", "check", "later"):
        work.take(id)
    go_on.set()
    work._threads.shutdown(wait=True)
    assert order == ["first", "check", "later", "load"]
    store.engine.dispose()
