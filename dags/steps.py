"""What all DAGs share: the one operator, the policy, the assets. Airflow starts processes, which do the work."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Any

from airflow.sdk import Asset, AssetAlias, AssetAny, BaseOperator, Context, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from citybrain.contracts.load import ROOT
from citybrain.render import airflow as plan

ZONE = "Asia/Shanghai"
TAGS = ("bronze", "silver", "gold", "serving", "upkeep")

# Exit codes of `citybrain`.
OK, SOME_FAILED, USAGE, REFUSED = 0, 1, 2, 3

# The process is started on a leash: when it is let go (the kernel tells it), the whole group ends, a JVM too.
LEASH = ("sh", "-c", 'trap "trap - TERM; kill -TERM 0" TERM; "$@" & wait "$!"', "leash")


def asset(table: str) -> Asset:
    return Asset(name=table, uri=plan.asset_uri(table))


def at(cron: str) -> CronTriggerTimetable:
    """A schedule in Shanghai's time. What was due before Airflow was there is not made up for.

    Zero is said, because where nothing is said Airflow starts what was due within the last tenth of the interval.
    """
    return CronTriggerTimetable(cron, timezone=ZONE, run_immediately=timedelta())


def any_of(tables: tuple[str, ...]) -> AssetAny:
    """A schedule: news of any one table will do. (A list would wait for all of them.)"""
    return AssetAny(*(asset(table) for table in tables))


def policy(process: plan.Process, tag: str, limit: timedelta) -> dict[str, Any]:
    """The arguments that every DAG has in common."""
    by_hand = shlex.join(["citybrain", *process.command])
    return {
        "doc_md": f"{process.title}\n\nBy hand, without Airflow: `{by_hand}`",
        "tags": [tag],
        "catchup": False,
        "max_active_runs": 1,
        "default_args": {
            "owner": process.owner,
            "retries": 2,
            "retry_delay": timedelta(minutes=1),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "execution_timeout": limit,
        },
    }


class Citybrain(BaseOperator):
    """One process `citybrain …`, which ends when the task ends, however that does. Returns what it said in JSON."""

    template_fields = ("command",)
    child: subprocess.Popen[str] | None = None

    def __init__(self, *, command: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.command = command

    def execute(self, context: Context) -> Any:  # noqa: ARG002
        with TemporaryFile("w+", encoding="utf-8") as answer:
            code = self._run(answer)
            answer.seek(0)
            said = plan.results(answer.read())
        for line in filter(None, map(plan.line, said)):
            self.log.info("%s", line)
        if code == OK or (code in (SOME_FAILED, REFUSED) and said):
            return said
        if code == USAGE:
            raise AirflowFailException("citybrain does not accept the command or a contract; see above")
        raise AirflowException(f"citybrain ended with code {code}; see above")

    def on_kill(self) -> None:
        self._end(signal.SIGTERM)

    def _run(self, answer: IO[str]) -> int:
        """The answer goes into a file and the talk to the task's log, so neither waits for the other to be read."""
        watched = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()
        binary = os.environ.get("CITYBRAIN_BIN") or str(ROOT / "infra/bin/citybrain")
        self.log.info("%s", shlex.join([binary, *self.command]))
        self.child = subprocess.Popen(
            [*watched, *LEASH, binary, *self.command],
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=_environment(),
            start_new_session=True,  # a group of its own, so that all of it can be ended
        )
        try:
            for line in self.child.stderr or ():
                self.log.info("%s", line.rstrip())
            return self.child.wait()
        finally:
            if self.child.poll() is None:
                self._end(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    self.child.wait(timeout=20)
                self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.child and self.child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, how)


def _environment() -> dict[str, str]:
    """Airflow's secrets stay with Airflow; and the DAG itself tells of news, so the process shall not tell it again."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "_AIRFLOW"))}
    return {**kept, "CITYBRAIN_AIRFLOW_URL": ""}


class Telling(Citybrain):
    """A process that brings tables up to date. Those that hold something new wake their readers; no other does.

    Events count only when the task succeeds, so it succeeds when some tables failed; it returns the complaints, and the
    verdict on them is the next task's.
    """

    def execute(self, context: Context) -> list[str]:
        said = super().execute(context)
        if not said:
            raise AirflowSkipException("nothing has arrived")
        (alias,) = self.outlets
        for table, facts in plan.news(said).items():
            context["outlet_events"][alias].add(asset(table), extra=facts)
        return plan.complaints(said)


@task
def verdict(complaints: list[str]) -> None:
    """Fails the run, without a second try, when tables failed or were blocked; by now the others woke their readers."""
    if complaints:
        raise AirflowFailException("\n".join(complaints))


def bring_up_to_date(process: plan.Process) -> None:
    """The two tasks of a process that changes tables."""
    verb = process.command[0]
    told = Telling(task_id=verb, command=process.command, outlets=[AssetAlias(process.dag_id)])
    verdict.override(task_id="pull_verdict" if verb == "pull" else "verdict")(told.output)
