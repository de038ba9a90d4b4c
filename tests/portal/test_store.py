"""The state: migrations make what the models say, in both databases; the audit cannot be changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from citybrain.portal import accounts, audit
from citybrain.portal.audit import Actor
from citybrain.portal.models import Account, Audit, Base, now
from citybrain.portal.sessions import COOKIE
from citybrain.portal.settings import database_url
from citybrain.portal.store import Store
from tests.portal.conftest import EVENT, owner
from tests.portal.drawn import events
from tests.portal.served import PASSWORD, TEST, Person, Program, free_port, serving


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server of the test's own, as infra/README asks for."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    folder, port = Path(tempfile.mkdtemp(prefix="citybrain-portal-")), free_port()
    if drop:
        shutil.chown(folder, "postgres")
    make = [*drop, binaries[-1] / "initdb", "-D", folder / "data", "-U", "citybrain", "-A", "trust"]
    subprocess.run(make, check=True, capture_output=True, cwd="/")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
    control = [*drop, binaries[-1] / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd="/")
    server = f"postgresql://citybrain@127.0.0.1:{port}"
    try:
        make = [sys.executable, Path(__file__).parents[2] / "infra/postgres.py", "portal"]
        subprocess.run(make, check=True, env={**os.environ, "CITYBRAIN_POSTGRES": server})
        yield server
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], capture_output=True, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    if request.param == "sqlite":
        found = Store(f"sqlite:///{tmp_path / 'portal.db'}")
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CITYBRAIN_POSTGRES", request.getfixturevalue("postgres"))
            found = Store(database_url())
    found.migrate()
    yield found
    found.engine.dispose()


def test_migrations_make_what_the_models_say_and_run_once(store: Store) -> None:
    store.migrate()
    with store.engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_audit_can_be_added_to_and_nothing_else(store: Store) -> None:
    with store.begin() as db:
        audit.record(db, Actor("某人", "127.0.0.1"), "sign_in", why="试")
    emptied = ["TRUNCATE audit", "TRUNCATE audit CASCADE"] if store.engine.dialect.name == "postgresql" else []
    for sql in ("UPDATE audit SET account = 'x'", "DELETE FROM audit", *emptied):
        with pytest.raises(DBAPIError, match="append-only"), store.begin() as db:
            db.execute(text(sql))
    with store.begin() as db:
        kept = db.scalars(select(Audit)).one()
    assert (kept.account, kept.detail, (now() - kept.at).total_seconds() < 60) == ("某人", {"why": "试"}, True)


def test_passwords_and_tokens_are_not_in_the_database(store: Store) -> None:
    department = accounts.departments()[0]
    with store.begin() as db:
        account = accounts.add(db, TEST, "某人", department, "uploader", PASSWORD)
        token = accounts.add_token(db, TEST, account, "系统", 1)
    with store.begin() as db:
        assert accounts.of_token(db, token) is db.get(Account, account.id)
        stored = " ".join(
            str(tuple(row)) for t in ("account", "token", "audit") for row in db.execute(text(f"SELECT * FROM {t}"))
        )
    assert "$argon2id$" in stored
    assert PASSWORD not in stored
    assert token.removeprefix(accounts.TOKEN_PREFIX) not in stored


@pytest.mark.postgres
def test_a_delivery_goes_on_after_a_restart_with_all_state_in_postgresql(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CITYBRAIN_POSTGRES", postgres)
    content = events(good=3, bad=1)
    with serving(workers=1) as served:
        served.account("restarted", owner(EVENT))
        program = Program(served.url, served.token("restarted"))
        half = program.begin(EVENT, "半.csv", len(content)).json()["id"]
        assert program.piece(half, content[:50]).status_code == 204
        waiting = program.hand_in(EVENT, "等.csv", events())
        assert waiting["state"] == "checked"
        session = served.signed_in("restarted").session
    with serving(workers=1) as served:
        program.base_url = served.url
        assert program.api("HEAD", f"/uploads/{half}").headers["upload-offset"] == "50"
        assert program.piece(half, content[50:], 50).status_code == 204
        assert program.settled(half)["preview"]["counts"]["accepted"] == 3
        receipts = [program.confirmed(id)["receipt"] for id in (half, waiting["id"])]
        assert program.api("POST", f"/receipts/{receipts[0]}/withdraw").json()["status"] == "withdrawn"
        listed = {r["receipt"]: r["status"] for r in program.api("GET", "/receipts").json()}
        assert listed == dict(zip(receipts, ("withdrawn", "loaded"), strict=True))
        person = Person(served.url)
        person.cookies.set(COOKIE, session)
        assert person.get("/").status_code == 200
        done = [a.action for a in served.audited(account="restarted") if a.action not in ("view", "sign_in")]
        assert done == [
            *("upload", "upload", "uploaded", "uploaded"),
            *("confirm", "loaded", "confirm", "loaded", "withdraw"),
        ]
        wrong = [Person(served.url).sign_in("restarted", "不是这个密码吧").status_code for _ in range(6)]
        assert wrong == [401] * accounts.WRONG_OF_NAME + [429]
        assert Person(served.url).sign_in("restarted", PASSWORD).status_code == 429
    assert not (tmp_path / "home/portal/portal.db").exists()
