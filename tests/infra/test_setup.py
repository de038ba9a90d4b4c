"""The set-up: what is done stays, what is half done is done again; who may not install is told what to ask for."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import engines
import packages
import programs
import setup
from machine import VENVS, UserError, choose_python


class Workshop:
    """A set-up in a folder of its own; commands are written down, and `uv venv` makes an empty environment."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.done, self.break_at = folder, [], ""
        (folder / "envs").mkdir()
        (folder / "envs/superset.lock").write_text("superset==1\n", "utf-8")
        monkeypatch.setattr(setup, "VENVS", folder / "venvs")
        monkeypatch.setattr(setup, "ENVS", folder / "envs")
        monkeypatch.setattr(setup, "venv_python", lambda name: folder / "venvs" / name / "bin/python")
        monkeypatch.setattr(setup, "uv_settings", lambda _: {})
        monkeypatch.setattr(setup, "run", self.run)

    def run(self, doing: str, command: Sequence[str | Path], *_: object, **__: object) -> None:
        self.done.append(doing)
        if self.break_at and self.break_at in doing:
            raise KeyboardInterrupt
        if "making the environment" in doing:
            binaries = self.folder / "venvs/superset/bin"
            binaries.mkdir(parents=True, exist_ok=True)
            (binaries / "python").unlink(missing_ok=True)
            (binaries / "python").symlink_to("/bin/true")

    def make(self) -> list[str]:
        self.done.clear()
        setup.make_environment("superset", Path("tool"))
        return [doing.removeprefix("superset: ") for doing in self.done]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


WHOLE = [
    "making the environment",
    "installing 1 packages",
    "checking that the versions go together",
    "Chinese without the guesses",
]


def test_an_environment_is_made_once(workshop: Workshop) -> None:
    assert workshop.make() == WHOLE
    assert workshop.make() == []


def test_a_changed_lock_is_installed_into_what_is_there(workshop: Workshop) -> None:
    workshop.make()
    (workshop.folder / "envs/superset.lock").write_text("superset==2\n", "utf-8")
    assert workshop.make() == WHOLE[1:]
    assert workshop.make() == []


@pytest.mark.parametrize("name", setup.ENVIRONMENTS)
def test_the_packages_of_an_environment_are_compiled(name: str) -> None:
    modules = [*(VENVS / name).glob("lib/python*/site-packages/*/__init__.py")]
    assert len(modules) > 100
    assert [m for m in modules if not [*(m.parent / "__pycache__").glob("__init__.*.pyc")]] == []


@pytest.mark.parametrize("moment", ["making", "installing", "checking", "Chinese"])
def test_an_interrupted_environment_is_made_again(workshop: Workshop, moment: str) -> None:
    workshop.break_at = moment
    with pytest.raises(KeyboardInterrupt):
        workshop.make()
    workshop.break_at = ""
    assert workshop.make() == WHOLE


def test_an_interrupted_update_is_made_again_from_nothing(workshop: Workshop) -> None:
    workshop.make()
    (workshop.folder / "envs/superset.lock").write_text("superset==2\n", "utf-8")
    workshop.break_at = "installing"
    with pytest.raises(KeyboardInterrupt):
        workshop.make()
    workshop.break_at = ""
    assert workshop.make() == WHOLE


def test_a_moved_environment_is_made_again(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.make()
    moved = workshop.folder / "elsewhere"
    (workshop.folder / "venvs").rename(moved)
    monkeypatch.setattr(setup, "VENVS", moved)
    assert workshop.make()[0] == "making the environment"


def test_an_environment_whose_python_is_gone_is_made_again(workshop: Workshop) -> None:
    workshop.make()
    python = workshop.folder / "venvs/superset/bin/python"
    python.unlink()
    python.symlink_to(workshop.folder / "no-such-python")
    assert workshop.make() == WHOLE


def test_a_changed_translation_is_compiled_in(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.make()
    ours = workshop.folder / "zh.json"
    ours.write_text("{}", "utf-8")
    monkeypatch.setattr(setup, "CHINESE", (setup.CHINESE[0], ours))
    assert workshop.make() == WHOLE[1:]


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "a.jar").write_bytes(b"a")
    sums = tmp_path / "sums"
    sums.write_text(f"{hashlib.sha256(b'a').hexdigest()}  a.jar\n", "utf-8")
    monkeypatch.setattr(engines, "JAR_SUMS", sums)
    monkeypatch.setattr(engines, "ROOT", tmp_path)
    return folder


def test_known_jars_are_accepted(jars: Path) -> None:
    assert engines.jars_complete(jars)


def test_a_missing_a_changed_and_a_stray_jar_are_each_refused(jars: Path) -> None:
    (jars / "b.jar").write_bytes(b"b")
    assert engines.wrong_jars(jars) == ["b.jar is not in sums"]
    (jars / "b.jar").unlink()
    (jars / "a.jar").write_bytes(b"x")
    assert engines.wrong_jars(jars) == ["a.jar is not the file that sums names"]
    (jars / "a.jar").unlink()
    assert engines.wrong_jars(jars) == ["a.jar is missing"]
    assert not engines.jars_complete(jars)


def test_a_failing_command_is_shown_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "VENVS", tmp_path)
    monkeypatch.setattr(programs, "LOG", tmp_path / "setup.log")
    with pytest.raises(UserError) as caught:
        programs.run("trying", ["sh", "-c", "echo no such mirror >&2; exit 7"], "Check the mirror.")
    message = str(caught.value)
    assert "trying: `sh` ended with code 7" in message
    assert "no such mirror" in message
    assert "Check the mirror." in message


def test_what_a_killed_setup_left_running_holds_up_the_next(tmp_path: Path, root: Path) -> None:
    """Else the next one would clear an environment that is still being written."""
    begin = f"import sys; sys.path.insert(0, {str(root / 'infra')!r}); import programs; from pathlib import Path; "
    begin += f"programs.VENVS = Path({str(tmp_path)!r}); programs.LOG = programs.VENVS / 'setup.log'\n"
    work = "with programs.alone(): programs.run('working', ['sh', '-c', 'touch begun; sleep 2; touch ended'])"
    first = subprocess.Popen([sys.executable, "-c", begin + f"programs.ROOT = programs.VENVS\n{work}"])
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    first.kill()
    first.wait()
    assert not (tmp_path / "ended").exists()
    check = "with programs.alone(): sys.exit(not (programs.VENVS / 'ended').exists())"
    assert subprocess.run([sys.executable, "-c", begin + check], timeout=30).returncode == 0


def missing(fatal: bool) -> list[packages.Need]:
    return [packages.Need(("some-package", "other"), "a purpose", lambda: False, fatal)]


def test_without_root_the_line_to_ask_for_is_printed_and_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "needs", lambda _: missing(fatal=False))
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    packages.system_packages(tests=False, may_install=True)
    assert "apt-get install some-package" in capsys.readouterr().out


def test_without_root_and_without_what_nothing_works_without_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "needs", lambda _: missing(fatal=True))
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match="apt-get install some-package") as caught:
        packages.system_packages(tests=False, may_install=True)
    assert caught.value.code == 3


def test_as_root_the_first_package_that_is_known_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(packages, "needs", lambda _: missing(fatal=False))
    monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(packages, "known_to_apt", lambda package: package == "other")
    monkeypatch.setattr(packages, "run", lambda doing, *_: done.append(doing))
    packages.system_packages(tests=False, may_install=True)
    assert done == ["apt-get update", "apt-get install other"]


def test_this_machine_has_what_the_demo_needs() -> None:
    lacking = [need.packages[0] for need in packages.needs(tests=False) if need.fatal and not need.present()]
    assert lacking == []


def test_setup_runs_with_the_standard_library_alone(root: Path) -> None:
    python = choose_python()
    command = [
        python,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(root / 'infra')!r}); import setup, stack",
    ]
    assert subprocess.run(command, capture_output=True, text=True).stderr == ""
