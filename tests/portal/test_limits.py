"""How often one may try, ask and begin: counted for whom it is, whatever he says of himself."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from citybrain.portal import accounts, audit, shield
from citybrain.portal.audit import Actor
from tests.portal.conftest import EVENT, owner
from tests.portal.served import PASSWORD, Person, Program, Served, serving

REQUESTS, UPLOADS = 4, 2
HERE, ELSEWHERE = "127.0.0.2", "127.0.0.3"  # of no proxy


class Clock(SimpleNamespace):
    """The minutes by which requests are counted."""

    def next_minute(self) -> None:
        self.now += 60


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    found = Clock(now=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shield, "time", SimpleNamespace(monotonic=lambda: found.now))
        yield found


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Served]:
    """A portal that bears little."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYBRAIN_HOME", str(tmp_path_factory.mktemp("narrow") / "home"))
        with serving(requests=REQUESTS, open_uploads=UPLOADS, workers=1) as served:
            served.account("centre", owner(EVENT))
            yield served


def me(program: Program) -> int:
    return program.api("GET", "/me").status_code


def test_a_key_may_ask_so_often_in_a_minute_and_others_are_not_held_up(narrow: Served, clock: Clock) -> None:
    clock.next_minute()
    often, other = (Program(narrow.url, narrow.token("centre")) for _ in range(2))
    assert [me(often) for _ in range(REQUESTS)] == [200] * REQUESTS
    refused = often.api("GET", "/me")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert "过于频繁" in refused.text
    assert me(other) == 200
    clock.next_minute()
    assert me(often) == 200


def test_an_address_may_ask_twenty_times_as_often_with_whatever_keys(narrow: Served, clock: Clock) -> None:
    clock.next_minute()
    program = Program(narrow.url, "", HERE)
    for n in range(20 * REQUESTS):
        program.headers["Authorization"] = f"Bearer cbp_{n}"
        assert me(program) == 401
    stranger = Person(narrow.url, HERE)
    stranger.headers["X-Forwarded-For"] = "203.0.113.9"
    assert stranger.get("/login").status_code == 429
    assert Person(narrow.url, ELSEWHERE).get("/login").status_code == 200


def test_an_account_may_have_so_many_deliveries_open(narrow: Served, clock: Clock) -> None:
    clock.next_minute()
    program = Program(narrow.url, narrow.token("centre"))
    begun = [program.begin(EVENT, f"{n}.csv", 10) for n in range(UPLOADS + 1)]
    assert [b.status_code for b in begun] == [201] * UPLOADS + [429]
    assert "还有太多报送没有处理完" in begun[-1].json()["detail"]
    clock.next_minute()
    assert program.api("DELETE", f"/uploads/{begun[0].json()['id']}").status_code == 204
    assert program.begin(EVENT, "又.csv", 10).status_code == 201


def test_an_address_may_be_wrong_thirty_times_with_whatever_names(served: Served) -> None:
    assert accounts.WRONG_OF_ADDRESS == 30
    with served.portal.store.begin() as db:
        for n in range(accounts.WRONG_OF_ADDRESS - 2):
            audit.record(db, Actor(f"name-{n}", HERE), "sign_in_failed")
    forged = Person(served.url, HERE)
    codes = []
    for n in range(3):  # somebody else each time, by what he says
        forged.headers["X-Forwarded-For"] = f"203.0.113.{n}"
        codes.append(forged.sign_in(f"other-{n}", "不是这个密码吧").status_code)
    assert codes == [401, 401, 429]
    assert [a.address for a in served.audited(action="sign_in_limited", account="other-2")] == [HERE]
    assert Person(served.url, HERE).sign_in("centre", PASSWORD).status_code == 429
    assert Person(served.url, ELSEWHERE).sign_in("centre", PASSWORD).status_code == 303


def test_only_a_proxy_is_believed_and_only_what_it_says_itself(served: Served) -> None:
    for address, said, known in (
        (None, "203.0.113.7, 198.51.100.4", "198.51.100.4"),  # the proxy adds whom it sees; the rest was sent to it
        (ELSEWHERE, "198.51.100.5", ELSEWHERE),
    ):
        person = Person(served.url, address)
        person.headers["X-Forwarded-For"] = said
        name = f"from-{known}"
        assert person.sign_in(name, "不是这个密码吧").status_code == 401
        assert [a.address for a in served.audited(action="sign_in_failed", account=name)] == [known]
