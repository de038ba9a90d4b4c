"""The supervisor: what it says and does when things are there already, are in the way, or fall over."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import components
import metadata
import processes
import stack
from settings import BAD_SETTING

SERVER = "from http.server import *; HTTPServer(('127.0.0.1', {port}), SimpleHTTPRequestHandler).serve_forever()"


class Toy(components.Component):
    """A small web server in place of the large ones."""

    name, title, environment, port_setting = "toy", "Toy", "toy", "TOY_PORT"
    number = 0
    code = SERVER
    prepared = 0

    @property
    def port(self) -> int:
        return self.number

    def command(self) -> list[str | Path]:
        return [sys.executable, "-c", self.code.format(port=self.port)]

    def env(self) -> dict[str, str]:
        return {}

    def prepare(self) -> None:
        type(self).prepared += 1

    def trouble(self, record: processes.Record) -> str | None:
        return None if processes.port_answers("127.0.0.1", record.port or 0) else "not listening yet"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int) -> Iterator[Path]:
    for name in ("CITYBRAIN_POSTGRES", "CITYBRAIN_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("CITYBRAIN_START_TIMEOUT", "20")
    monkeypatch.setattr(stack, "COMPONENTS", (Toy,))
    monkeypatch.setattr(stack, "GROUPS", {"all": ("toy",)})
    monkeypatch.setattr(stack, "STOPPING", (("toy",),))
    monkeypatch.setattr(stack, "check_set_up", lambda _: None)
    monkeypatch.setattr(Toy, "number", free_port)
    monkeypatch.setattr(Toy, "code", SERVER)
    monkeypatch.setattr(Toy, "prepared", 0)
    yield tmp_path / "var"
    stack.main(["down"])


def test_up_twice_is_up_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.main(["up"]) == 0
    first = (home / "run/toy.json").read_text("utf-8")
    assert stack.main(["up"]) == 0
    assert "Toy: already running" in capsys.readouterr().out
    assert (home / "run/toy.json").read_text("utf-8") == first
    assert Toy.prepared == 1


def test_down_ends_it_and_frees_the_port(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack.main(["up"])
    assert stack.main(["down"]) == 0
    assert "Toy: ended" in capsys.readouterr().out
    assert processes.port_is_free("127.0.0.1", Toy.number)
    assert stack.main(["down"]) == 0
    assert "nothing was running" in capsys.readouterr().out


def test_who_needs_another_starts_when_that_one_is_healthy(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Late(Toy):
        name, title, after = "late", "Late", "toy"
        code = "import time; time.sleep(600)"

        def trouble(self, record: processes.Record) -> str | None:
            return None

    monkeypatch.setattr(stack, "COMPONENTS", (Toy, Late))
    monkeypatch.setattr(stack, "GROUPS", {"all": ("toy", "late")})
    monkeypatch.setattr(stack, "STOPPING", (("late",), ("toy",)))
    monkeypatch.setattr(Late, "port", None)
    assert stack.main(["up"]) == 0
    said = capsys.readouterr().out
    assert said.index("Toy: ready") < said.index("Late: starting")
    assert stack.main(["down"]) == 0
    monkeypatch.setattr(Toy, "code", "raise SystemExit('no')")
    assert stack.main(["up"]) == stack.UNHEALTHY
    assert "Late: not started, for it needs toy" in capsys.readouterr().out
    assert not (home / "run/late.json").exists()


def test_another_citybrain_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    monkeypatch.delenv("CITYBRAIN_BIN", raising=False)
    assert stack.product_env(stack.Settings())["CITYBRAIN_BIN"].endswith("infra/bin/citybrain")
    monkeypatch.setenv("CITYBRAIN_BIN", "/opt/citybrain")
    assert stack.product_env(stack.Settings())["CITYBRAIN_BIN"] == "/opt/citybrain"


def test_status_tells_healthy_from_crashed_and_stopped(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def state() -> tuple[int, str]:
        capsys.readouterr()
        code = stack.main(["status", "--json"])
        return code, json.loads(capsys.readouterr().out)[0]["state"]

    assert state() == (stack.UNHEALTHY, "stopped")
    stack.main(["up"])
    assert state() == (0, "healthy")
    record = processes.Record.load(home / "run/toy.json")
    assert record
    processes.send(processes.members(record).values(), stack.processes.signal.SIGKILL)
    processes._wait(record, {}, 5)
    assert state() == (stack.UNHEALTHY, "ended by itself")
    assert stack.main(["up"]) == 0
    assert state() == (0, "healthy")


def test_a_taken_port_is_named_with_its_setting_and_nothing_starts(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", Toy.number)):
        assert stack.main(["up"]) == stack.PORT_TAKEN
    said = capsys.readouterr().err
    assert f"port {Toy.number} for Toy is in use by pid" in said
    assert "TOY_PORT" in said
    assert not (home / "run/toy.json").exists()


def test_who_falls_over_is_reported_with_the_end_of_its_log(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Toy, "code", "raise SystemExit('no wheels today')")
    assert stack.main(["up"]) == stack.UNHEALTHY
    said = capsys.readouterr().err
    assert "Toy ended by itself" in said
    assert "no wheels today" in said


def test_who_never_gets_healthy_is_given_up(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CITYBRAIN_START_TIMEOUT", "1")
    monkeypatch.setattr(Toy, "code", "import time; print('thinking', flush=True); time.sleep(300)")
    assert stack.main(["up"]) == stack.UNHEALTHY
    said = capsys.readouterr().err
    assert "not healthy after 1 s: not listening yet" in said
    assert "thinking" in said


def test_what_is_not_set_up_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("CITYBRAIN_HOME", str(home))
    monkeypatch.setattr(stack, "VENVS", home / "no-venvs")
    assert stack.main(["up", "superset"]) == stack.NOT_SET_UP
    assert "make setup" in capsys.readouterr().err
    monkeypatch.setattr(stack, "COMPONENTS", ())  # for the fixture's own end


def test_an_unknown_component_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stack.main(["up", "toi"]) == stack.USAGE
    assert "no component 'toi'; there are: toy all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [("CITYBRAIN_SPARK_PORT", "x"), ("CITYBRAIN_AIRFLOW_PORT", "70000"), ("CITYBRAIN_POSTGRES", "mysql://h/")],
)
def test_a_wrong_setting_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        assert stack.main(["status"]) == BAD_SETTING
    assert name in capsys.readouterr().err


def test_secrets_are_ours_alone_and_stay(home: Path) -> None:
    settings = stack.Settings()
    settings.secrets.all()
    files = {path.name: path.read_text("utf-8") for path in (home / "secrets").iterdir()}
    assert {"airflow_passwords.json", "superset_admin_password", "superset_secret_key"} <= set(files)
    assert len(set(files.values())) == len(files)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (home / "secrets").iterdir())
    assert (home / "secrets").stat().st_mode & 0o777 == 0o700
    stack.Settings().secrets.all()
    assert {path.name: path.read_text("utf-8") for path in (home / "secrets").iterdir()} == files


def test_one_setting_moves_both_metadata_databases_to_postgresql(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stack.Settings()
    assert (
        components.Airflow(settings).env()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        == f"sqlite:///{home}/airflow/airflow.db"
    )
    monkeypatch.setenv("CITYBRAIN_POSTGRES", "postgresql://u:p%40@db:5433?sslmode=require")
    settings = stack.Settings()
    airflow = components.Airflow(settings).env()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    superset = components.Superset(settings).env()["CITYBRAIN_SUPERSET_DATABASE"]
    assert airflow == "postgresql+psycopg2://u:p%40@db:5433/airflow?sslmode=require"
    assert superset == "postgresql+psycopg2://u:p%40@db:5433/superset?sslmode=require"
    monkeypatch.delenv("CITYBRAIN_POSTGRES")


def test_no_secret_is_in_a_command_line(home: Path) -> None:
    settings = stack.Settings()
    settings.secrets.all()
    kept = [path.read_text("utf-8") for path in (home / "secrets").iterdir()]
    for component in components.COMPONENTS:
        line = " ".join(map(str, component(settings).command()))
        assert not any(secret in line for secret in kept)


class Prepared(components.Superset):
    """Superset's database, prepared by a command of the test's."""

    def env(self, database: str | None = None) -> dict[str, str]:
        return {"DATABASE": (database or "").removeprefix("sqlite:///")}


def prepare(home: Path, code: str) -> None:
    file = home / "superset/superset.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    connect = "import os, sqlite3; c = sqlite3.connect(os.environ['DATABASE']); "
    command = [sys.executable, "-c", connect + code]
    metadata.prepare_database(Prepared(stack.Settings()), "superset", file, command, [])


def tables(home: Path) -> list[str]:
    with sqlite3.connect(home / "superset/superset.db") as database:
        return [name for (name,) in database.execute("select name from sqlite_master order by name")]


def test_a_half_made_database_is_never_taken_for_a_whole(home: Path) -> None:
    with pytest.raises(stack.UserError, match="preparing its database: ended with code 1"):
        prepare(home, "c.execute('create table half (x)'); c.commit(); raise SystemExit(1)")
    assert not (home / "superset/superset.db").exists()
    prepare(home, "c.execute('create table whole (x)'); c.commit()")
    assert tables(home) == ["whole"]


def test_a_failed_migration_leaves_the_old_database_and_what_was_in_its_log(home: Path) -> None:
    prepare(home, "c.execute('create table first (x)'); c.commit()")
    file = home / "superset/superset.db"
    # A service that was killed leaves its last writes in the write-ahead log.
    crash = f"import os, sqlite3; c = sqlite3.connect({str(file)!r}); c.execute('pragma journal_mode=wal'); "
    crash += "c.execute('create table late (x)'); c.commit(); os._exit(0)"
    subprocess.run([sys.executable, "-c", crash], check=True)
    assert file.with_name("superset.db-wal").stat().st_size > 0
    (home / "superset/prepared").write_text("of another version", "ascii")
    with pytest.raises(stack.UserError):
        prepare(home, "c.execute('drop table first'); c.commit(); raise SystemExit(1)")
    assert tables(home) == ["first", "late"]
    prepare(home, "c.execute('create table second (x)'); c.commit()")
    assert tables(home) == ["first", "late", "second"]


def test_a_prepared_database_is_not_prepared_again(home: Path) -> None:
    prepare(home, "c.execute('create table once (x)'); c.commit()")
    prepare(home, "raise SystemExit('again')")
    (home / "superset/superset.db").unlink()
    prepare(home, "c.execute('create table twice (x)'); c.commit()")
    assert tables(home) == ["twice"]


def test_env_can_be_read_by_a_shell(home: Path, root: Path) -> None:
    command = f'eval "$({sys.executable} infra/stack.py env)" && echo "$CITYBRAIN_HOME"'
    said = subprocess.run(["sh", "-c", command], cwd=root, capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(home)
