"""What departments hand in and owe: taken, tried, corrected, withdrawn, mended."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citybrain.commands import Json, tell_readers

if TYPE_CHECKING:
    from citybrain.ingest import Outcome

app = typer.Typer()


@app.command()
def ingest(
    table: Annotated[str | None, typer.Argument(help="e.g. centre__work_order")] = None,
    file: Annotated[Path | None, typer.Argument(help="the file as the department sent it")] = None,
    inbox: Annotated[
        bool, typer.Option("--inbox", help="Take what lies in the inbox of the named tables, or of all.")
    ] = False,
    tables: Annotated[list[str] | None, typer.Option("--table", help="With --inbox: only these tables.")] = None,
    receipt: Annotated[str | None, typer.Option(help="Receipt number; by default made from the content.")] = None,
    sender: Annotated[str | None, typer.Option(help="Who handed the file in.")] = None,
    as_json: Json = False,
) -> None:
    """Land a file, type and check it, and load its good rows into bronze."""
    from citybrain import ingest as reception
    from citybrain.portal import outside

    if inbox:
        from citybrain.pull.run import watched

        given: Iterable[Outcome] = watched(tables)
    elif table and file:
        outside.note("command", table, what="ingest", file=file.name)
        given = [reception.ingest(table, file, receipt=receipt, sender=sender)]
    else:
        raise typer.BadParameter("give TABLE and FILE, or --inbox")
    # The inbox is drained by a DAG: its own events wake the rest, and a refusal is the department's affair.
    _tell(given, as_json, wake=not inbox)


@app.command("pull")
def pull_command(
    tables: Annotated[list[str] | None, typer.Argument(metavar="TABLE…", help="e.g. centre__work_order")] = None,
    as_json: Json = False,
) -> None:
    """Fetch what the named tables' systems have that is new, or all; land and load it. A failure stops no other."""
    from citybrain.pull import run as pulls

    results = []
    for result in pulls.pull(tables or ()):
        print(result.to_json() if as_json else result.text(), flush=True)
        results.append(result)
    tell_readers(result.table for result in results if result.status == "loaded")
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


@app.command()
def withdraw(receipt: Annotated[str, typer.Argument(help="Number of the receipt.")], as_json: Json = False) -> None:
    """Take the rows of a receipt out of the lake; original and receipt stay. Twice is once."""
    from citybrain import ingest as reception
    from citybrain.portal import outside

    outside.note("command", receipt, what="withdraw")
    _tell([reception.withdraw(receipt)], as_json)


@app.command("try")
def try_command(
    table: Annotated[str, typer.Argument(help="e.g. centre__work_order")], file: Path, as_json: Json = False
) -> None:
    """Tell what would become of a file; nothing is kept of it."""
    from citybrain import ingest as reception

    _tell([reception.trial(table, file)], as_json)


@app.command()
def correct(
    receipt: Annotated[str, typer.Argument(help="Number of the receipt that the file comes in place of.")],
    file: Path,
    sender: Annotated[str | None, typer.Option(help="Who handed the file in.")] = None,
    as_json: Json = False,
) -> None:
    """Take a file in place of a delivery, which is withdrawn then; its original and receipt stay."""
    from citybrain import ingest as reception
    from citybrain.portal import outside

    outside.note("command", receipt, what="correct", file=file.name)
    _tell([outcome for outcome in reception.correct(receipt, file, sender) if outcome], as_json)


@app.command()
def reingest(
    table: Annotated[str | None, typer.Option(help="All receipts of this table.")] = None,
    period: Annotated[str | None, typer.Option(help="With --table: only of 2026, 2026-03 or 2026-03-05.")] = None,
    receipt: Annotated[str | None, typer.Option(help="One receipt.")] = None,
    as_json: Json = False,
) -> None:
    """Parse kept originals again by today's contract and publish what is different."""
    from citybrain import ingest as reception
    from citybrain.portal import outside

    outside.note("command", receipt or table, what="reingest")
    outcomes = reception.reingest(table, period, receipt)
    _tell(outcomes, as_json)
    if not outcomes and not as_json:
        print(f"没有可以重读的报送：{table} {period or ''}".rstrip())


@app.command()
def quarantined(receipt: str, out: Path) -> None:
    """Write the quarantined rows of a receipt as a table (xlsx or csv, by its name) for the department to correct."""
    from citybrain import ingest as reception
    from citybrain.portal import outside

    outside.note("download", receipt, what="quarantine")
    print(f"{out}: {reception.quarantined(receipt, out)} rows")


@app.command()
def repair(
    receipt: str,
    file: Annotated[Path, typer.Argument(help="the corrected table; 行号 says which rows")],
    sender: Annotated[str | None, typer.Option(help="Who corrected it.")] = None,
    as_json: Json = False,
) -> None:
    """Take corrected rows in place of quarantined ones; the original stays as it came."""
    from citybrain import ingest as reception
    from citybrain.ingest.disk import digest_of
    from citybrain.ingest.outcome import SecretFileError
    from citybrain.portal import outside

    outside.note("command", receipt, what="repair", file=file.name)
    try:
        _tell([reception.repair(receipt, file, sender)], as_json)
    except SecretFileError:
        outside.note("destroyed", receipt, purpose="repair", file=file.name, sha256=digest_of(file))
        raise


@app.command()
def template(table: str, out: Path) -> None:
    """Write the upload template of a bronze table."""
    from citybrain import contracts
    from citybrain.template import write_template

    declared = contracts.load()
    name = table if table.startswith("bronze.") else f"bronze.{table}"
    if name not in declared:
        raise contracts.ContractError(f"no such table: {name}")
    write_template(declared[name], out)
    print(out)


def _tell(given: Iterable[Outcome], as_json: bool, wake: bool = True) -> None:
    """Prints and records each outcome as it comes and, unless a DAG does, wakes those who read what has changed."""
    from citybrain import ingest as reception
    from citybrain.portal import outside

    outcomes = []
    for outcome in given:
        outside.note_outcome(outcome)
        print(outcome.to_json() if as_json else reception.report_text(outcome), flush=True)
        outcomes.append(outcome)
    if wake:
        tell_readers(o.table for o in outcomes if o.status in ("loaded", "withdrawn"))
    worst = max((o.exit_code for o in outcomes if wake or o.status == "failed"), default=0)
    if worst:
        raise typer.Exit(worst)


AsOf = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="By default today.")]
Owner = Annotated[str | None, typer.Option(help="Only of this department.")]


@app.command()
def duties(
    as_of: AsOf = None,
    owner: Owner = None,
    every: Annotated[bool, typer.Option("--all", help="What was delivered in time, too.")] = False,
    as_json: Json = False,
) -> None:
    """The reporting calendar: who owes what by which working day; the reminders (催报) of what is late."""
    from citybrain.duties import calendar_text, digest, register

    found = register.register(as_of and as_of.date(), owner)
    shown = [d for d in found if every or d.status in ("late", "due")]
    if as_json:
        print("\n".join(json.dumps(duty.row(), ensure_ascii=False, default=str) for duty in shown))
    else:
        print(digest.reminder_text(found), calendar_text.table(shown), sep="\n\n")


@app.command("digest")
def digest_command(
    as_of: AsOf = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write reminders to ops.reminder, the text below reports/.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The morning digest: what is late, due today, failed, blocked, refused, drifted, or not mended in time."""
    from citybrain import ops
    from citybrain.duties import digest

    found = digest.digest(as_of and as_of.date())
    kept = str(digest.keep(found)) if keep else ""
    if as_json:
        print(json.dumps({"table": ops.REMINDER, "status": "written" if keep else "shown", "rows": found.counts}))
    print(digest.text(found), *([f"\n{kept}"] if kept else []), sep="\n", file=sys.stderr if as_json else sys.stdout)


@app.command("tickets")
def tickets_command(
    as_of: AsOf = None,
    owner: Owner = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
    as_json: Json = False,
) -> None:
    """Problem-data tickets (问题数据工单): rows that were kept out, and by when they are to be mended."""
    from citybrain.duties import calendar_text, tickets

    found = tickets.tickets(as_of and as_of.date())
    shown = [t for t in found if (every or t.left) and owner in (None, t.acts)]
    if as_json:
        print("\n".join(json.dumps(ticket.row(), ensure_ascii=False, default=str) for ticket in shown))
    else:
        print(calendar_text.tickets(shown))


@app.command()
def receipts(
    table: Annotated[str | None, typer.Argument(help="e.g. centre__work_order; by default all")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What has been handed in, and what became of it."""
    from citybrain import contracts
    from citybrain.duties import calendar_text
    from citybrain.ingest import flow
    from citybrain.portal import reports

    every = (c for c in contracts.load().values() if c.delivery)
    found = reports.recent([flow.contract_of(table)] if table else every, limit)
    if as_json:
        print("\n".join(r.model_dump_json(exclude={"issues", "summary", "set_aside", "detected"}) for r in found))
    else:
        print(calendar_text.receipts(found))


@app.command("quality")
def quality_command(as_of: AsOf = None, owner: Owner = None, as_json: Json = False) -> None:
    """How good deliveries were (质量评分), by the six dimensions of GB/T 36344, the best first."""
    from citybrain.duties import calendar_text, score

    found = score.scores(as_of and as_of.date(), owner)
    if as_json:
        print("\n".join(json.dumps(s.row(), ensure_ascii=False, default=str) for s in found))
    else:
        print(calendar_text.scores(found))
