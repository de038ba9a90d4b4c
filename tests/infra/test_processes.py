"""Whose process is whose: all of ours end, and nobody else's, whatever its name or its number."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import processes
from processes import Record
from tests.waiting import wait_until

Start = Callable[..., Record]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    records: list[Record] = []
    children: list[subprocess.Popen[bytes]] = []

    def begin(command: str, ready: int = 1) -> Record:
        """Start a shell command; return when at least `ready` processes are there."""
        name = f"c{len(records)}"
        record, child = processes.start(
            tmp_path / f"{name}.json", name, ["bash", "-c", command], os.environ, tmp_path / f"{name}.log", tmp_path
        )
        records.append(record)
        children.append(child)
        wait_until(lambda: len(processes.members(record)) >= ready, 10)
        return record

    yield begin
    for record in records:
        processes.send(processes.members(record).values(), signal.SIGKILL)
    for child in children:
        child.wait(10)


def alive(pid: int) -> bool:
    found = processes.stat(pid)
    return found is not None and not found.zombie


def test_a_whole_tree_ends(start: Start) -> None:
    record = start("sleep 300 & (sleep 301 & sleep 302) & wait", ready=4)
    tree = list(processes.members(record))
    count, killed = processes.end(record, 1)
    assert count == len(tree) >= 4
    assert killed == 0
    assert not any(alive(pid) for pid in tree)


def test_a_child_in_a_session_of_its_own_ends_too(start: Start) -> None:
    record = start("setsid sleep 300 & wait", ready=2)
    wait_until(lambda: len({process.session for process in processes.members(record).values()}) == 2, 10)
    processes.end(record, 1)
    assert not processes.members(record)


def test_orphans_of_a_crashed_leader_are_found(start: Start) -> None:
    record = start("sleep 300 & setsid sleep 301 & wait", ready=3)
    orphans = [pid for pid in processes.members(record) if pid != record.pid]
    assert record.pid
    os.kill(record.pid, signal.SIGKILL)
    wait_until(lambda: processes.leader(record) is None, 10)
    assert sorted(processes.members(record)) == sorted(orphans)
    processes.end(record, 1)
    assert not any(alive(pid) for pid in orphans)


def test_who_does_not_listen_is_killed(start: Start) -> None:
    record = start("trap '' TERM; while true; do sleep 0.2; done")
    count, killed = processes.end(record, 0.3, again=0.3)
    assert count >= 1
    assert killed >= 1
    assert not processes.members(record)


def test_who_drains_is_given_the_time(start: Start, tmp_path: Path) -> None:
    record = start("trap 'sleep 1; touch drained; exit 0' TERM; touch ready; while true; do sleep 0.1; done")
    wait_until((tmp_path / "ready").exists, 10)
    _, killed = processes.end(record, 5)
    assert killed == 0
    assert (tmp_path / "drained").exists()


def test_a_stranger_of_the_same_name_lives_on(start: Start) -> None:
    with subprocess.Popen(["bash", "-c", "sleep 300 & wait"], start_new_session=True) as stranger:
        try:
            processes.end(start("sleep 300 & wait", ready=2), 1)
            assert alive(stranger.pid)
            assert stranger.poll() is None
        finally:
            os.killpg(stranger.pid, signal.SIGKILL)


def test_a_number_given_out_again_is_not_ours() -> None:
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as stranger:
        try:
            seen = processes.stat(stranger.pid)
            assert seen
            stale = Record("x", "token", processes.boot_id(), "", 0, None, stranger.pid, seen.started - 1)
            assert processes.leader(stale) is None
            assert processes.members(stale) == {}
            assert processes.end(stale, 0.1) == (0, 0)
            assert stranger.poll() is None
            assert processes.leader(replace(stale, started=seen.started))  # with the right moment it would be
        finally:
            stranger.kill()


def test_a_record_of_before_the_last_boot_is_about_nobody(start: Start, tmp_path: Path) -> None:
    record = start("sleep 300")
    path = tmp_path / "record.json"
    record.save(path)
    assert Record.load(path) == record
    replace(record, boot="another").save(path)
    assert Record.load(path) is None


def test_a_broken_record_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"name": "x"', "utf-8")
    assert Record.load(tmp_path / "r.json") is None


def test_interrupted_between_intent_and_start_it_is_found_by_its_token(start: Start) -> None:
    record = start("sleep 300")
    intent = replace(record, pid=None, started=None)
    assert record.pid in processes.members(intent)


def test_whose_first_thread_has_ended_is_still_there(start: Start) -> None:
    """A JVM does so at its end: it looks like a zombie, and its port is still taken."""
    code = "import threading, time, ctypes; threading.Thread(target=time.sleep, args=(300,)).start();"
    code += "ctypes.CDLL(None).pthread_exit(None)"
    record = start(f"exec {sys.executable} -c '{code}'")
    assert record.pid
    state = Path(f"/proc/{record.pid}/status")
    wait_until(lambda: "State:\tZ" in state.read_text("utf-8"), 10)
    assert processes.leader(record)
    processes.end(record, 0.5, again=0.5)
    assert not alive(record.pid)


def test_a_taken_port_is_seen_with_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert not processes.port_is_free("127.0.0.1", number)
        assert processes.port_answers("127.0.0.1", number)
        assert processes.port_owner(number).startswith(f"pid {os.getpid()} (")
    assert processes.port_is_free("127.0.0.1", number)
    assert not processes.port_answers("127.0.0.1", number)
    assert processes.port_owner(number) == ""


def test_a_port_taken_on_all_interfaces_is_taken_here() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not processes.port_is_free("127.0.0.1", server.getsockname()[1])


def test_the_shims_end_with_their_starter(root: Path, tmp_path: Path) -> None:
    """Airflow's task runner is killed: its job must not go on beside the retry."""
    shim = (root / "infra/bin/citybrain").read_text("utf-8")
    job = f'"{sys.executable}" -c "import os, time; print(os.getpid(), flush=True); time.sleep(300)"'
    script = tmp_path / "infra/bin/citybrain"
    script.parent.mkdir(parents=True)
    script.write_text(shim.replace('"$root/.venvs/spark/bin/citybrain" "$@"', job), "utf-8")
    assert job in script.read_text("utf-8")
    runner = subprocess.Popen(["sh", "-c", f"sh {script} & wait"], stdout=subprocess.PIPE, text=True)
    assert runner.stdout
    pid = int(runner.stdout.readline())
    runner.kill()
    runner.wait()
    wait_until(lambda: not alive(pid), 5)
