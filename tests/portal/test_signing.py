"""Who comes in: passwords, sessions, attempts, cookies, forms of strangers, headers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from citybrain.portal import accounts, sessions
from citybrain.portal.models import Account, Session, now
from citybrain.portal.sessions import BEFORE, COOKIE
from citybrain.portal.signing import local
from tests.portal.conftest import CASE, EVENT, owner
from tests.portal.served import PASSWORD, Person, Program, Served, serving


def test_a_session_begins_with_the_password_and_ends_with_sign_out(served: Served) -> None:
    person = Person(served.url)
    assert person.get("/").headers["location"] == "/login?next=/"
    assert person.sign_in("centre", "不是这个密码吧").status_code == 401
    answer = person.sign_in("centre", PASSWORD, next="/receipts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/receipts")
    flags = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{COOKIE}="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(flags.split("; "))
    kept = person.session
    assert person.get("/").status_code == 200
    assert person.submit("/logout").status_code == 303
    thief = Person(served.url)
    thief.cookies.set(COOKIE, kept)
    assert thief.get("/").status_code == 303
    assert [a.action for a in served.audited(account="centre")[-2:]] == ["sign_in", "sign_out"]


def test_every_sign_in_is_another_session(served: Served) -> None:
    person = Person(served.url)
    person.cookies.set(COOKIE, "planted", domain="127.0.0.1", path="/")
    assert person.sign_in("centre", PASSWORD).status_code == 303
    assert person.session != "planted"
    assert served.signed_in("centre").session != person.session


def test_wrong_attempts_are_counted_also_for_names_that_nobody_has(served: Served) -> None:
    for name in ("limited", "nobody-at-all"):
        served.account("limited", owner(EVENT))
        person = Person(served.url)
        codes = [person.sign_in(name, "不是这个密码吧").status_code for _ in range(6)]
        assert codes == [401] * accounts.WRONG_OF_NAME + [429]
        assert person.sign_in(name, PASSWORD).status_code == 429
    assert served.audited(action="sign_in_limited", account="limited")


def test_a_form_without_our_token_does_nothing(served: Served, centre: Person) -> None:
    for headers, data in (
        ({}, {}),
        ({}, {"csrf": "0" * 64}),
        ({"Origin": "http://elsewhere.example"}, {"csrf": centre.csrf}),
    ):
        answer = centre.post("/account/tokens", data={"title": "偷", "days": 1, **data}, headers=headers)
        assert answer.status_code == 403
    assert centre.post("/api/v1/uploads", json={"table": EVENT, "file": "x.csv", "size": 1}).status_code == 403
    stranger = Person(served.url)
    assert stranger.post("/login", data={"name": "centre", "password": PASSWORD}).status_code == 403
    assert not served.audited(action="token_add", account="centre")


def test_sessions_grow_old(served: Served) -> None:
    for column, age in (("seen_at", sessions.IDLE), ("created_at", sessions.LONGEST)):
        person = served.signed_in("centre")
        with served.portal.store.begin() as db:
            session = db.get_one(Session, accounts.key_of(person.session))
            setattr(session, column, now() - age - timedelta(seconds=1))
        assert person.get("/").status_code == 303


def test_another_password_ends_the_sessions_that_the_old_one_opened(served: Served) -> None:
    served.account("changing", owner(EVENT))
    here, elsewhere = served.signed_in("changing"), served.signed_in("changing")
    fresh = "另一个很长的密码-456"
    assert here.submit("/account/password", old="错了错了错了错了错了", new=fresh, again=fresh).status_code == 400
    assert here.submit("/account/password", old=PASSWORD, new="短", again="短").status_code == 400
    assert here.submit("/account/password", old=PASSWORD, new=fresh, again=fresh).status_code == 303
    assert here.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 303
    assert Person(served.url).sign_in("changing", PASSWORD).status_code == 401


@pytest.mark.parametrize(
    "path", ["//elsewhere.example", "/\\elsewhere.example", "http://elsewhere.example", "x", "/a\r\nb"]
)
def test_nobody_is_led_elsewhere(path: str) -> None:
    assert local(path) == "/"


def test_headers_of_every_answer(served: Served, centre: Person) -> None:
    for path in ("/login", "/nothing", "/api/v1/me", "/static/portal.css", "/"):
        headers = centre.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert path.startswith("/static/") or headers["cache-control"] == "no-store"
    for path in ("/", "/account", f"/tables/{EVENT}"):
        page = centre.get(path).text
        assert "style=" not in page
        assert "<script>" not in page
        assert "http" not in page.replace("http-equiv", "")


def test_accounts_are_made_and_shut_by_administrators(served: Served, centre: Person) -> None:
    assert centre.get("/admin/accounts").status_code == 404
    assert centre.get("/admin/audit").status_code == 404
    admin = served.signed_in("admin")
    admin.page("/admin/accounts")
    made = admin.submit("/admin/accounts", name="new-one", department=owner(CASE), role="uploader")
    password = made.text.split("<code>")[1].split("</code>")[0]
    person = served.signed_in("new-one", password)
    with served.portal.store.begin() as db:
        account = db.query(Account).filter_by(name="new-one").one()
    assert admin.submit(f"/admin/accounts/{account.id}/active", active="false").status_code == 303
    assert person.get("/").status_code == 303
    assert Person(served.url).sign_in("new-one", password).status_code == 401
    assert "new-one" in admin.get("/admin/audit?subject=new-one").text


def test_tokens_are_for_the_api_and_can_be_revoked(served: Served) -> None:
    served.account("by-token", owner(EVENT))
    token = served.token("by-token")
    program = Program(served.url, token)
    assert program.api("GET", "/me").json() == {"name": "by-token", "department": owner(EVENT), "role": "uploader"}
    person = served.signed_in("by-token")
    number = person.get("/account").text.split("/account/tokens/")[1].split("/")[0]
    other = served.signed_in("centre")
    assert other.submit(f"/account/tokens/{number}/revoke").status_code == 404
    assert person.submit(f"/account/tokens/{number}/revoke").status_code == 303
    assert program.api("GET", "/me").status_code == 401
    assert Program(served.url, "cbp_nothing").api("GET", "/me").status_code == 401


def test_a_session_is_no_use_beside_a_wrong_token(centre: Person) -> None:
    answer = centre.get("/api/v1/me", headers={"Authorization": "Bearer cbp_wrong"})
    assert answer.status_code == 401


def test_behind_https_cookies_and_pages_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    with serving(secure=True) as served:
        served.account("centre", owner(EVENT))
        page = Person(served.url).get("/login")
        token = page.text.split('name="csrf" value="')[1].split('"')[0]
        (before,) = (c for c in page.headers.get_list("set-cookie") if c.startswith(f"{BEFORE}="))
        browser = Person(served.url)
        browser.headers["cookie"] = before.partition(";")[0]  # as a browser sends it back, over HTTPS
        answer = browser.post("/login", data={"csrf": token, "name": "centre", "password": PASSWORD})
        assert answer.status_code == 303
        (session,) = (c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{COOKIE}="))
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert all({"HttpOnly", "Secure", "SameSite=lax"} <= set(cookie.split("; ")) for cookie in (before, session))
