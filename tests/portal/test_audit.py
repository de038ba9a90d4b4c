"""Every call of the portal, and every command of the operator, is in the audit, or named here with the reason why not.

A call that nobody thought of is in neither list, and fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import typer
from fastapi.routing import iter_route_contexts
from sqlalchemy import select, update
from typer.testing import CliRunner

from citybrain.cli import app as citybrain
from citybrain.commands import deliveries
from citybrain.ingest import quarantined
from citybrain.portal import commands, outside
from citybrain.portal.models import Account, Audit, Delivery, Token
from tests.portal.conftest import CASE, EVENT, owner
from tests.portal.drawn import events
from tests.portal.served import OFFSET, PASSWORD, Person, Served

# ---- calls -----------------------------------------------------------------------------------------------------------

RECORDED = {
    "POST /login": "sign_in", "POST /logout": "sign_out", "POST /account/password": "password",
    "POST /account/tokens": "token_add", "POST /account/tokens/{number}/revoke": "token_revoke",
    "GET /admin/accounts": "view", "POST /admin/accounts": "account_add", "GET /admin/audit": "view",
    "POST /admin/accounts/{number}/password": "password", "POST /admin/accounts/{number}/active": "account_change",
    "GET /tables/{name}/template.xlsx": "template", "GET /duties": "view", "GET /tickets": "view",
    "GET /quality": "view", "GET /deliveries/{id}": "view", "GET /deliveries/{id}/report.xlsx": "download",
    "POST /deliveries/{id}/confirm": "confirm", "POST /deliveries/{id}/retry": "retry",
    "POST /deliveries/{id}/drop": "drop", "GET /receipts": "view", "GET /receipts/{number}": "view",
    "GET /receipts/{number}/report.json": "download", "GET /receipts/{number}/report.xlsx": "download",
    "GET /receipts/{number}/quarantine.xlsx": "download", "GET /receipts/{number}/original": "download",
    "POST /receipts/{number}/withdraw": "withdraw",
    "GET /api/v1/tables/{table}/template": "template", "POST /api/v1/uploads": "upload",
    "PATCH /api/v1/uploads/{id}": "uploaded", "GET /api/v1/uploads/{id}": "view",
    "GET /api/v1/uploads/{id}/report.xlsx": "download", "POST /api/v1/uploads/{id}/confirm": "confirm",
    "POST /api/v1/uploads/{id}/retry": "retry", "DELETE /api/v1/uploads/{id}": "drop",
    "GET /api/v1/receipts": "view", "GET /api/v1/receipts/{receipt}": "view",
    "GET /api/v1/receipts/{receipt}/report.xlsx": "download",
    "GET /api/v1/receipts/{receipt}/quarantine.xlsx": "download",
    "GET /api/v1/receipts/{receipt}/original": "download", "POST /api/v1/receipts/{receipt}/withdraw": "withdraw",
    "GET /api/v1/duties": "view", "GET /api/v1/tickets": "view", "GET /api/v1/quality": "view",
}  # fmt: skip
NOT_RECORDED = {
    "a form, or help: nothing that was handed in is shown but names": {
        "GET /login", "GET /account", "GET /", "GET /tables/{name}", "GET /receipts/{number}/correct",
        "GET /receipts/{number}/repair", "GET /guide", "GET /guide/problems", "GET /api/docs", "GET /api/v1/me",
        "GET /api/v1/tables",
    },
    "how far an upload is: its beginning and its end are recorded": {
        "HEAD /api/v1/uploads/{id}", "GET /api/v1/uploads", "GET /api/v1/uploads/{id}/sha256",
    },
    "asked by machines, without an account": {"GET /health", "GET /api/openapi.json", "HEAD /api/openapi.json"},
    "leads to the bureau's own sign-in; who comes back is recorded, see test_oidc": {
        "GET /oidc/start", "GET /oidc/finish",
    },
}  # fmt: skip
ELSEWHERE = {"GET /oidc/start", "GET /oidc/finish"}


class Walker:
    """An administrator of a department that delivers, who can do all there is; with what it can be done to."""

    def __init__(self, served: Served) -> None:
        self.served = served
        served.account("walker", owner(EVENT), "administrator")
        self.person = served.signed_in("walker")
        self.waiting = self.delivery()
        self.receipt = self.person.loaded(EVENT, "走.csv", events())

    def delivery(self, state: str = "checked") -> str:
        id = str(self.person.hand_in(EVENT, "走.csv", events())["id"])
        if state != "checked":
            with self.served.portal.store.begin() as db:
                db.execute(update(Delivery).where(Delivery.id == id).values(state=state))
        return id

    def upload(self) -> tuple[str, bytes]:
        content = events()
        return self.person.begin(EVENT, "走.csv", len(content)).json()["id"], content

    def account(self) -> int:
        return self.served.account("walked", owner(CASE)).id

    def token(self) -> int:
        self.served.token("walker")
        with self.served.portal.store.begin() as db:
            query = select(Token.id).join(Account).where(Account.name == "walker").order_by(Token.id.desc())
            return int(db.scalars(query).first() or 0)

    def ask(self, call: str) -> Callable[[], httpx.Response]:
        """The call, with what has to be there before it."""
        method, path = call.split()
        person, given = self.person, {"name": EVENT, "table": EVENT, "number": self.receipt, "receipt": self.receipt}
        fields, more = {}, {}
        match call:
            case "POST /login":
                fields = {"name": "walker", "password": PASSWORD}
            case "POST /account/password":
                fields = {"old": PASSWORD, "new": PASSWORD, "again": PASSWORD}
            case "POST /account/tokens":
                fields = {"title": "走", "days": 1}
            case "POST /account/tokens/{number}/revoke":
                given["number"] = self.token()
            case "POST /admin/accounts":
                fields = {"name": "walked-in", "department": owner(CASE)}
            case "POST /admin/accounts/{number}/password" | "POST /admin/accounts/{number}/active":
                given["number"], fields = self.account(), {"active": "true"}
            case "POST /api/v1/uploads":
                more["json"] = {"table": EVENT, "file": "走.csv", "size": 1}
            case "GET /api/v1/uploads":
                more["params"] = {"table": EVENT, "file": "走.csv", "size": 1}
            case "GET /api/v1/uploads/{id}/sha256":
                given["id"], _ = self.upload()
            case "PATCH /api/v1/uploads/{id}":
                given["id"], more["content"] = self.upload()
                more["headers"] = {"Content-Type": OFFSET, "Upload-Offset": "0"}
            case _ if path.endswith("/retry"):
                given["id"] = self.delivery("failed")
            case _ if path.endswith(("/confirm", "/drop")) or method == "DELETE":
                given["id"] = self.delivery()
        url = path.format(**{"id": self.waiting, **given})
        if path.startswith("/api/v1"):
            return lambda: person.api(method, url.removeprefix("/api/v1"), **more)
        if method == "POST":
            return lambda: person.submit(url, **fields)
        return lambda: person.request(method, url)


def calls(served: Served) -> set[str]:
    return {f"{m} {r.path}" for r in iter_route_contexts(served.app.routes) for m in r.methods or ()}


def test_every_call_is_in_the_audit_or_is_known_not_to_be(served: Served) -> None:
    silent = set().union(*NOT_RECORDED.values())
    assert calls(served) == set(RECORDED) | silent
    walker = Walker(served)
    for call in [*sorted(silent - ELSEWHERE), *sorted(RECORDED)]:
        if call == "POST /logout":
            continue
        asked = walker.ask(call)
        before = len(served.audited(account="walker", address="127.0.0.1"))
        answer = asked()
        new = served.audited(account="walker", address="127.0.0.1")[before:]
        assert answer.status_code < 400, (call, answer.text)
        assert [a.action for a in new] in ([RECORDED.get(call)], [RECORDED.get(call), "sign_in"], []), call
        assert bool(new) == (call in RECORDED), call
        if call in ("POST /login", "POST /account/password"):
            walker.person.page("/account")
    walker.person.submit("/logout")
    assert served.audited(account="walker")[-1].action == "sign_out"


def test_what_a_row_tells(served: Served) -> None:
    admin = served.signed_in("admin")
    admin.page("/admin/accounts")
    admin.submit("/admin/accounts", name="told", department=owner(CASE), role="uploader")
    with served.portal.store.begin() as db:
        number = db.scalars(select(Account.id).where(Account.name == "told")).one()
    admin.submit(f"/admin/accounts/{number}/active", active="false")
    admin.get(f"/tables/{EVENT}/template.xlsx")
    admin.submit("/account/tokens", title="系统", days=3)
    with served.portal.store.begin() as db:
        token = db.scalars(select(Token.id).where(Token.title == "系统")).one()
    admin.submit(f"/account/tokens/{token}/revoke")
    assert Person(served.url).sign_in("told", "不是这个密码吧").status_code == 401
    rows = [(a.account, a.action, a.subject, a.detail) for a in served.audited(address="127.0.0.1")[-7:]]
    assert rows == [
        ("admin", "view", None, {"what": "账户管理"}),
        ("admin", "account_add", "told", {"department": owner(CASE), "role": "uploader"}),
        ("admin", "account_change", "told", {"active": False}),
        ("admin", "template", EVENT, {}),
        ("admin", "token_add", f"admin/{token}", {"title": "系统", "days": 3}),
        ("admin", "token_revoke", str(token), {"title": "系统"}),
        ("told", "sign_in_failed", None, {}),
    ]


# ---- commands --------------------------------------------------------------------------------------------------------

COMMANDS = {
    "ingest": ["command", "loaded"], "correct": ["command", "loaded", "withdraw"], "repair": ["command", "loaded"],
    "reingest": ["command", "loaded"], "withdraw": ["command", "withdraw"], "quarantined": ["download"],
    "portal prepare": ["account_add"], "portal user add": ["account_add"], "portal user password": ["password"],
    "portal user disable": ["account_change"], "portal user enable": ["account_change"],
    "portal token add": ["token_add"], "portal token revoke": ["token_revoke"],
}  # fmt: skip
SILENT_COMMANDS = {
    "nothing of the file is kept": {"try"},
    "every step of every attempt is in ops.pull": {"pull"},
    "a form without data": {"template"},
    "lists without cells, for whoever can read the lake's files anyway": {
        "duties", "digest", "tickets", "receipts", "quality", "portal user list", "portal token list",
    },
    "the process; what is done in it is recorded": {"portal serve"},
}  # fmt: skip


def names(app: typer.Typer, before: str = "") -> Iterator[str]:
    for command in app.registered_commands:
        yield f"{before}{command.name or command.callback.__name__}"
    for group in app.registered_groups:
        yield from names(group.typer_instance, f"{before}{group.name} ")


def run(*words: object) -> None:
    done = CliRunner().invoke(citybrain, [str(word) for word in words], input=f"{PASSWORD}\n")
    assert done.exit_code in (0, 1), (words, done.output, done.exception)
    assert done.exit_code == 0 or isinstance(done.exception, SystemExit), (words, done.exception)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def rows() -> list[Audit]:
    with outside.opened() as store, store.begin() as db:
        return list(db.scalars(select(Audit).order_by(Audit.id)))


def test_every_command_is_in_the_audit_or_is_known_not_to_be(own_home: Path, tmp_path: Path) -> None:
    known = {*names(deliveries.app), *names(commands.app, "portal ")}
    assert known == set(COMMANDS) | set().union(*SILENT_COMMANDS.values())

    def file(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    first, second = (file(f"{n}.csv", events(good=1, bad=1)) for n in ("一", "二"))
    run("portal", "prepare")
    run("ingest", EVENT, first)
    number = rows()[-1].subject
    quarantined(number, form := tmp_path / "改.csv")
    run("quarantined", number, tmp_path / "隔离.xlsx")
    run("repair", number, file("改好.csv", form.read_bytes().replace(b"2026-02-30", b"2026-02-28")))
    run("reingest", "--receipt", number)
    run("correct", number, second)
    run("withdraw", rows()[-2].subject)
    for words in ("add 某人 --department 区统计局", "password 某人", "disable 某人", "enable 某人"):
        run("portal", "user", *words.split(), *(["--password-stdin"] if "able" not in words else []))
    run("portal", "token", "add", "某人", "--title", "系统")
    run("portal", "token", "revoke", 1)
    for words in ("duties", "digest", "tickets", "receipts", "quality", "portal user list", "portal token list 某人"):
        run(*words.split())
    run("try", EVENT, first)
    run("template", EVENT, tmp_path / "模板.xlsx")
    order = ["portal prepare", "ingest", "quarantined", "repair", "reingest", "correct", "withdraw"]
    order += [f"portal user {w}" for w in ("add", "password", "disable", "enable")]
    order += ["portal token add", "portal token revoke"]
    assert set(order) == set(COMMANDS)
    kept = rows()
    assert [a.action for a in kept] == [action for name in order for action in COMMANDS[name]]
    assert {(a.account, a.address) for a in kept} == {(outside.operator().name, "command line")}
    assert (kept[1].subject, kept[1].detail) == (EVENT, {"what": "ingest", "file": "一.csv"})
    assert kept[2].detail == {"table": EVENT, "file": "一.csv", "rows": 1}


def test_a_secret_file_that_the_operator_brings_is_recorded_with_its_hash(own_home: Path, tmp_path: Path) -> None:
    with outside.opened():
        pass
    secret = tmp_path / "通报.csv"
    secret.write_bytes("机密★一年\n工单编号,序号\n".encode())
    assert CliRunner().invoke(citybrain, ["ingest", EVENT, str(secret)]).exit_code == 3
    good = tmp_path / "流转.csv"
    good.write_bytes(events(good=1, bad=1))
    run("ingest", EVENT, good)
    number = rows()[-1].subject
    assert CliRunner().invoke(citybrain, ["repair", str(number), str(secret)]).exit_code != 0
    sha = hashlib.sha256(secret.read_bytes()).hexdigest()
    told = [(a.detail["file"], a.detail["sha256"]) for a in rows() if a.action == "destroyed"]
    assert told == [("通报.csv", sha)] * 2


def test_where_there_is_no_portal_a_command_makes_none(own_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "流转.csv"
    file.write_bytes(events(good=1, bad=0))
    run("ingest", EVENT, file)
    run("digest")
    assert not (own_home / "portal").exists()


def test_what_cannot_be_recorded_is_not_done(own_home: Path, tmp_path: Path) -> None:
    with outside.opened():
        pass
    (own_home / "portal/portal.db").write_bytes(b"no database at all " * 100)
    file = tmp_path / "流转.csv"
    file.write_bytes(events(good=1, bad=0))
    done = CliRunner().invoke(citybrain, ["ingest", EVENT, str(file)])
    assert isinstance(done.exception, outside.Unrecorded)
    assert not (own_home / "landing").exists()
