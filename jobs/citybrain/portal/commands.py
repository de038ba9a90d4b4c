"""`citybrain portal …`: the process, accounts and tokens. What is heavy is imported when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from citybrain.portal.audit import Actor
    from citybrain.portal.models import Account

app = typer.Typer(no_args_is_help=True, help="The upload portal (上报门户): its process, accounts and tokens.")
user_app = typer.Typer(no_args_is_help=True, help="Accounts.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens of the HTTP API.")
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")

Name = Annotated[str, typer.Argument(help="name of the account")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password; else one is made and printed.")]


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8090,
) -> None:
    """Serve the pages and the API until ended."""
    from citybrain.portal.process import run

    run(host, port)


@app.command()
def prepare() -> None:
    """Bring the database to this version; the first time, make the account `admin`, its password in secrets."""
    from citybrain.portal import accounts, process

    with _database() as (db, actor):
        if accounts.by_name(db, "admin") is None:
            accounts.add(db, actor, "admin", process.bureau(), "administrator", process.admin_password())
    print("ready")


@user_app.command("add")
def user_add(
    name: Name,
    department: Annotated[str, typer.Option(help="As tables name their owner, e.g. 区统计局.")],
    role: Annotated[str, typer.Option(help="uploader, steward or administrator.")] = "uploader",
    oidc: Annotated[bool, typer.Option("--oidc", help="No password: signs in by OpenID Connect.")] = False,
    password_stdin: Stdin = False,
) -> None:
    """Make an account."""
    from citybrain.portal import accounts

    password = None if oidc else _password(password_stdin)
    with _database() as (db, actor):
        accounts.add(db, actor, name, department, role, password)
    _show(name, None if password_stdin else password)


@user_app.command("list")
def user_list() -> None:
    """Who may sign in."""
    from sqlalchemy import select

    from citybrain.portal.models import Account

    with _database() as (db, _):
        for a in db.scalars(select(Account).order_by(Account.name)):
            how = "password" if a.password_hash else "oidc"
            print(f"{a.name:<20} {a.role:<14} {how:<9} {'active' if a.active else 'inactive':<9} {a.department}")


@user_app.command("password")
def user_password(name: Name, password_stdin: Stdin = False) -> None:
    """Give an account another password; its sessions end."""
    from citybrain.portal import accounts

    password = _password(password_stdin)
    with _database() as (db, actor):
        accounts.set_password(db, actor, _account(db, name), password)
    _show(name, None if password_stdin else password)


@user_app.command("disable")
def user_disable(name: Name) -> None:
    """Nobody signs in with it any more; what it did stays."""
    _set_active(name, False)


@user_app.command("enable")
def user_enable(name: Name) -> None:
    """It may sign in again."""
    _set_active(name, True)


@token_app.command("add")
def token_add(
    name: Name,
    title: Annotated[str, typer.Option(help="What uses it.")],
    days: Annotated[int, typer.Option(help="How long it is valid.")] = 365,
) -> None:
    """Make a token for an account and print it, this once."""
    from citybrain.portal import accounts

    with _database() as (db, actor):
        print(accounts.add_token(db, actor, _account(db, name), title, days))


@token_app.command("list")
def token_list(name: Name) -> None:
    """An account's tokens."""
    from sqlalchemy import select

    from citybrain.portal.models import Token

    with _database() as (db, _):
        for t in db.scalars(select(Token).where(Token.account_id == _account(db, name).id)):
            state = "revoked" if t.revoked_at else f"until {t.expires_at:%Y-%m-%d}"
            print(f"{t.id:<6} {state:<18} {t.title}")


@token_app.command("revoke")
def token_revoke(number: Annotated[int, typer.Argument(help="as `token list` shows it")]) -> None:
    """A token is valid no more."""
    from citybrain.portal import accounts
    from citybrain.portal.models import Token

    with _database() as (db, actor):
        token = db.get(Token, number)
        if token is None:
            raise accounts.AccountError(f"没有令牌 {number}")
        accounts.revoke_token(db, actor, token)


@contextmanager
def _database() -> Iterator[tuple[Session, Actor]]:
    """The portal's database, brought to this version; what is done goes to the audit under the name of who runs us."""
    from citybrain.portal import outside

    with outside.opened() as store, store.begin() as db:
        yield db, outside.operator()


def _account(db: Session, name: str) -> Account:
    from citybrain.portal import accounts

    account = accounts.by_name(db, name)
    if account is None:
        raise accounts.AccountError(f"没有账户 {name}")
    return account


def _set_active(name: str, active: bool) -> None:
    from citybrain.portal import accounts

    with _database() as (db, actor):
        accounts.set_active(db, actor, _account(db, name), active)


def _password(from_stdin: bool) -> str:
    import secrets

    return sys.stdin.readline().rstrip("\n") if from_stdin else secrets.token_urlsafe(12)


def _show(name: str, password: str | None) -> None:
    print(f"{name}  {password}" if password else name)
