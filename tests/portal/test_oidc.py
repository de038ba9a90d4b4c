"""Sign-in by a provider that the test starts on loopback: discovery, code, PKCE, a signed token."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Form
from joserfc import jwt
from joserfc.jwk import RSAKey

from citybrain.portal.settings import Oidc
from tests.portal.conftest import EVENT, owner
from tests.portal.served import Person, Served, free_port, serving

KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
STRANGE = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})


class Provider:
    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.person: dict[str, str] = {}
        self.asked: dict[str, str] = {}
        self.key = KEY

    def app(self) -> FastAPI:
        app, url = FastAPI(), self.url

        @app.get("/.well-known/openid-configuration")
        def discovery() -> dict[str, Any]:
            places = {n: f"{url}/{n}" for n in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return {"issuer": url, **places, "id_token_signing_alg_values_supported": ["RS256"]}

        @app.get("/jwks_uri")
        def keys() -> dict[str, Any]:
            return {"keys": [KEY.as_dict(private=False)]}

        @app.post("/token_endpoint")
        def token(code: str = Form(), code_verifier: str = Form()) -> dict[str, Any]:
            now = int(time.time())
            claims = {"iss": url, "aud": "portal", "iat": now, "exp": now + 60, "nonce": self.asked["nonce"]}
            signed = jwt.encode({"alg": "RS256", "kid": "1"}, {**claims, **self.person}, self.key)
            return {"access_token": "x", "token_type": "Bearer", "id_token": signed}

        return app


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    found = Provider()
    port = urlsplit(found.url).port or 0
    server = uvicorn.Server(uvicorn.Config(found.app(), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield found
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def by_oidc(home: Any, served: Served, provider: Provider) -> Iterator[Served]:
    with serving(oidc=Oidc(provider.url, "portal", "secret"), requests=100_000) as found:
        found.account("oidc-li", owner(EVENT), password=None)
        yield found


def enter(served: Served, provider: Provider, state: str = "") -> httpx.Response:
    person = Person(served.url)
    begun = person.get("/oidc/start?next=/receipts")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    provider.asked = {name: values[0] for name, values in asked.items()}
    assert asked["code_challenge_method"] == ["S256"]
    return person.get("/oidc/finish", params={"code": "c", "state": state or provider.asked["state"]})


def test_who_has_an_account_comes_in_and_nobody_else(by_oidc: Served, provider: Provider) -> None:
    provider.person = {"sub": "42", "preferred_username": "oidc-li"}
    answer = enter(by_oidc, provider)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/receipts")
    assert by_oidc.audited(account="oidc-li")[-1].action == "sign_in"
    assert enter(by_oidc, provider, state="forged").status_code == 401
    for person in (
        {"sub": "43", "preferred_username": "oidc-li"},  # the name was given to somebody else
        {"sub": "44", "preferred_username": "centre"},  # has a password
        {"sub": "45", "preferred_username": "nobody"},
    ):
        provider.person = person
        assert enter(by_oidc, provider).status_code == 403
        refused = by_oidc.audited(account=person["preferred_username"])[-1]
        assert (refused.action, refused.detail) == ("sign_in_failed", {"by": "oidc"})
    provider.person, provider.key = {"sub": "42", "preferred_username": "oidc-li"}, STRANGE
    try:
        assert enter(by_oidc, provider).status_code == 401
    finally:
        provider.key = KEY
