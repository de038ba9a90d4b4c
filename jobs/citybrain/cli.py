"""The command line: the same verbs as the DAGs' tasks, so that what the Airflow UI shows is what one types.

Exit codes: 0 fine, 1 some rows or tables failed, 2 wrong usage or contract, 3 the input was refused,
4 the environment (disk, Java, port). Heavy imports happen inside the commands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from citybrain.portal import commands as portal_commands

if TYPE_CHECKING:
    from citybrain.ingest import Outcome

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__
)
contracts_app = typer.Typer(no_args_is_help=True, help="The declarations of all tables.")
app.add_typer(contracts_app, name="contracts")
app.add_typer(portal_commands.app, name="portal")

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
Tables = Annotated[list[str] | None, typer.Argument(metavar="TABLE…", help="e.g. silver.work_order")]


@contracts_app.command("check")
def contracts_check() -> None:
    """Every contract, rule and indicator holds together and keeps its promises, or file and line of what does not."""
    from citybrain import contracts
    from citybrain.contracts import gate
    from citybrain.indicators import registry

    tables = contracts.load()
    indicators = registry.load()
    kept = gate.check()
    print(f"{len(tables)} tables and {len(indicators.indicators)} indicators hold together; {kept} keep their promises")


@contracts_app.command("publish")
def contracts_publish() -> None:
    """Promise every table as it is now: from here on `check` refuses what breaks it unsaid."""
    from citybrain.contracts import gate

    print(gate.publish())


@contracts_app.command("export")
def contracts_export(out: Path) -> None:
    """Write every contract in the Open Data Contract Standard v3, one YAML file a table."""
    from citybrain import contracts
    from citybrain.render import odcs

    print(f"{len(odcs.export(contracts.load().values(), out))} contracts in {out}")


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

    if inbox:
        from citybrain.pull.run import watched

        given: Iterable[Outcome] = watched(tables)
    elif table and file:
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
    _tell_readers(result.table for result in results if result.status == "loaded")
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


@app.command()
def withdraw(receipt: Annotated[str, typer.Argument(help="Number of the receipt.")], as_json: Json = False) -> None:
    """Take the rows of a receipt out of the lake; original and receipt stay. Twice is once."""
    from citybrain import ingest as reception

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

    _tell(reception.reingest(table, period, receipt), as_json)


@app.command()
def quarantined(receipt: str, out: Path) -> None:
    """Write the quarantined rows of a receipt as a table (xlsx or csv, by its name) for the department to correct."""
    from citybrain import ingest as reception

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

    _tell([reception.repair(receipt, file, sender)], as_json)


def _tell(given: Iterable[Outcome], as_json: bool, wake: bool = True) -> None:
    """Prints each outcome as it comes and, unless a DAG does, wakes those who read what has changed."""
    from citybrain import ingest as reception

    outcomes = []
    for outcome in given:
        print(outcome.to_json() if as_json else reception.report_text(outcome), flush=True)
        outcomes.append(outcome)
    if wake:
        _tell_readers(o.table for o in outcomes if o.status in ("loaded", "withdrawn"))
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
def run(
    tables: Tables = None,
    every: Annotated[bool, typer.Option("--all", help="All silver and gold tables.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Compute anew, publish the differences.")] = False,
    as_json: Json = False,
) -> None:
    """Build, check and publish tables, inputs first."""
    from citybrain import contracts, runner

    declared = contracts.load()
    chosen = [c.table for c in declared.values() if c.build] if every else list(tables or [])
    if not chosen:
        raise typer.BadParameter("name tables, or --all")

    def tell(result: runner.Result) -> None:
        print(result.to_json() if as_json else _line(result), flush=True)

    results = runner.run(chosen, full=full, tell=tell)
    _tell_readers(r.table for r in results if r.status == "published")
    if not all(r.ok for r in results):
        raise typer.Exit(1)


def _tell_readers(tables: Iterable[str]) -> None:
    """Wakes the readers of what was published by hand; where Airflow itself is the caller, it tells them."""
    from citybrain import hints

    hints.published(tables)


def _line(result: Any) -> str:
    rows = " ".join(f"{kind} {n}" for kind, n in result.rows.items() if n)
    return f"{result.table:<44} {result.status:<10} {rows:<30} {result.seconds:6.1f}s  {result.reason}"


def _step(table: str, verb: Callable[[str], Any]) -> Any:
    outcome = verb(table)
    print(json.dumps(outcome, ensure_ascii=False, default=str))
    return outcome


@app.command()
def build(table: str) -> None:
    """Stage the difference of one table."""
    from citybrain.runner import steps

    _step(table, steps.build)


@app.command()
def check(table: str) -> None:
    """Judge the staged difference; exit 1 if a blocking rule is broken."""
    from citybrain.runner import steps

    outcome = steps.check(table)
    print(json.dumps(outcome, ensure_ascii=False, default=str))
    if outcome["blocking"]:
        raise typer.Exit(1)


@app.command()
def publish(table: str) -> None:
    """Commit the staged difference, once."""
    from citybrain.runner import steps

    _tell_readers([_step(table, steps.publish)["table"]])


@app.command()
def lag(as_json: Json = False) -> None:
    """Tables whose inputs are newer than what they hold, and whether the serving file lags behind gold.

    Blocked tables are named apart: until an input or a rule changes, building them again would change nothing.
    """
    from citybrain import serve
    from citybrain.runner.lag import look

    found, serving = look(), serve.lags()
    if as_json:
        answer = {"tables": found.tables, "blocked": found.blocked, "serving": serving}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        lines = [*found.tables, *(["serving"] if serving else [])]
        lines += [f"{table} is blocked: {why}" for table, why in found.blocked.items()]
        print("\n".join(lines) or "nothing lags")


@app.command()
def maintain(
    tables: Tables = None,
    keep_days: Annotated[
        float, typer.Option(min=0, max=7, help="How long replaced files stay at least; longer than any reader reads.")
    ] = 7,
    as_json: Json = False,
) -> None:
    """Compact, checkpoint and vacuum the named tables, or all; what a consumer has still to read stays."""
    from citybrain import maintain as upkeep

    def tell(done: upkeep.Upkeep) -> None:
        files = f"files {done.files_before} → {done.files_after}, deleted {done.deleted}"
        print(
            done.to_json() if as_json else f"{done.table:<44} {done.status:<10} {files:<36} {done.reason}", flush=True
        )

    if not all(done.ok for done in upkeep.maintain(list(tables or []), keep_days, tell)):
        raise typer.Exit(1)


@app.command("serve")
def serve_command() -> None:
    """Build the serving file from gold and swap it in."""
    from citybrain import serve

    print(serve.publish())


@app.command()
def sql(query: str, as_json: Json = False) -> None:
    """Ask the serving file, read-only."""
    from citybrain import serve

    print(serve.sql(query, as_json=as_json))


@app.command()
def indicator(
    indicator_id: Annotated[str, typer.Argument(metavar="ID", help="e.g. WO08")],
    area: Annotated[str | None, typer.Option(help="Division code; by default the district.")] = None,
    period: Annotated[str | None, typer.Option(help="2026, 2026-03 or 2026-03-05; by default the month.")] = None,
    variant: Annotated[str | None, typer.Option(help="One of the indicator's variants.")] = None,
    as_of: Annotated[str | None, typer.Option(help="The moment described (a day).")] = None,
    known_at: Annotated[str | None, typer.Option(help="As it had been published by then.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Walk from the number to receipts and rows.")] = False,
    limit: Annotated[int, typer.Option(help="With --trace: rows shown.")] = 10,
    revisions: Annotated[bool, typer.Option("--revisions", help="Every publication, and what moved it.")] = False,
    as_json: Json = False,
) -> None:
    """A figure with its formula, variant and sources."""
    from citybrain.indicators import query

    answer = query.indicator(indicator_id, area=area, period=period, variant=variant, as_of=as_of, known_at=known_at)
    steps = query.trace(answer, limit=limit) if trace else None
    history = query.revisions(answer) if revisions else ()
    print((query.answer_json if as_json else query.answer_text)(answer, steps, history))


@app.command()
def simulate(
    out: Path,
    seed: Annotated[int, typer.Option(help="Same seed, same city.")] = 1,
    months: Annotated[int, typer.Option(help="How many months of deliveries.")] = 13,
    scale: Annotated[float, typer.Option(help="1 is about 120,000 work orders in 13 months.")] = 1.0,
) -> None:
    """Make a simulated city (模拟数据): files as departments send them, and the truth about them."""
    from citybrain import simulate as simulator

    simulator.simulate(out, seed=seed, months=months, scale=scale)
    print(out)


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


@app.command()
def docs(out: Path) -> None:
    """Render the data dictionary (page and xlsx), the indicators and the check results (Chinese, without internet)."""
    from citybrain import docs as pages

    print(pages.write(out))


@app.command()
def verify(
    seed: Annotated[int, typer.Option(help="Same seed, same city.")] = 1,
    months: Annotated[int, typer.Option(help="How many months of deliveries.")] = 2,
    scale: Annotated[float, typer.Option(help="1 is about 120,000 orders in 13 months.")] = 0.05,
) -> None:
    """Simulate a city, run everything, hold findings, receipts and figures against the truth; exit 1 if they differ."""
    from citybrain import verify as proof

    report = proof.verify(seed, months, scale, say=lambda line: print(line, file=sys.stderr, flush=True))
    print(proof.text(report))
    raise typer.Exit(0 if report.good else 1)


@app.command()
def demo(
    scale: Annotated[float, typer.Option(help="Size of the simulated city.")] = 0.25,
    seed: Annotated[int, typer.Option(help="Same seed, same city.")] = 1,
    months: Annotated[int, typer.Option(help="How many months of deliveries.")] = 13,
) -> None:
    """Simulate a city and let Airflow run the pipeline. The stack must be up (`make demo` sees to it)."""
    from citybrain import demo as show

    show.run(seed=seed, scale=scale, months=months)


def main() -> None:
    """Run a command; what a person can mend is said in one line, without a traceback."""
    try:
        app(standalone_mode=True)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or ''}", 4)
    except Exception as error:
        if code := getattr(error, "exit_code", None):  # errors that say what a person can do carry their code
            _fail(str(error), code)
        raise


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"citybrain: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
