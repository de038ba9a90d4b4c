"""What engineers do: contracts, tables, figures, upkeep, and cities to try it all on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from citybrain.commands import Json, Tables, tell_readers

app = typer.Typer()
contracts_app = typer.Typer(no_args_is_help=True, help="The declarations of all tables.")
app.add_typer(contracts_app, name="contracts")
LEAST = 0.0001  # scale: a dozen orders in 13 months
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same city.")]
Months = Annotated[int, typer.Option(min=1, help="How many months of deliveries.")]


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
    if delivered := [name for name in chosen if name in declared and not declared[name].build]:
        raise typer.BadParameter(f"{', '.join(delivered)}: not computed, but delivered; see `citybrain ingest`")

    def tell(result: runner.Result) -> None:
        print(result.to_json() if as_json else _line(result), flush=True)

    results = runner.run(chosen, full=full, tell=tell)
    tell_readers(r.table for r in results if r.status == "published")
    if not all(r.ok for r in results):
        raise typer.Exit(1)


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

    tell_readers([_step(table, steps.publish)["table"]])


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
    """Write down why figures were restated; then compact, checkpoint and vacuum the named tables, or all.

    What a consumer has still to read stays.
    """
    from citybrain import maintain as upkeep
    from citybrain.indicators import query

    def tell(done: upkeep.Upkeep) -> None:
        files = f"files {done.files_before} → {done.files_after}, deleted {done.deleted}"
        print(
            done.to_json() if as_json else f"{done.table:<44} {done.status:<10} {files:<36} {done.reason}", flush=True
        )

    written, left = query.keep_restatements()
    if not as_json:
        print(f"restatements: {written} explained, {left} left for the next time", flush=True)
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
    period: Annotated[
        str | None, typer.Option(help="2026, 2026Q1, 2026-03, 2026-W10, 2026-03-05; else the month.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="One of the indicator's variants.")] = None,
    as_of: Annotated[str | None, typer.Option(help="The day described; by default the period's end.")] = None,
    known_at: Annotated[str | None, typer.Option(help="As published by then; with --as-of, as known then.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Walk from the number to receipts and rows.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="With --trace: rows shown.")] = 10,
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
def docs(out: Path) -> None:
    """Render the data dictionary (page and xlsx), the indicators and the check results (Chinese, without internet)."""
    from citybrain import docs as pages

    print(pages.write(out))


@app.command()
def verify(
    seed: Seed = 1,
    months: Months = 2,
    scale: Annotated[float, typer.Option(min=LEAST, help="1 is about 120,000 orders in 13 months.")] = 0.05,
    city: Annotated[Path | None, typer.Option(help="Judge the lake that this simulated city was handed in to.")] = None,
) -> None:
    """Simulate a city, run everything, hold findings, receipts and figures against the truth; exit 1 if they differ."""
    from citybrain import verify as proof

    if city:
        report = proof.judge(city)
    else:
        report = proof.verify(seed, months, scale, say=lambda line: print(line, file=sys.stderr, flush=True))
    print(proof.text(report))
    raise typer.Exit(0 if report.good else 1)


@app.command()
def demo(
    scale: Annotated[float, typer.Option(min=LEAST, help="Size of the simulated city.")] = 0.25,
    seed: Seed = 1,
    months: Months = 13,
) -> None:
    """Simulate a city and let Airflow run the pipeline. The stack must be up (`make demo` sees to it)."""
    from citybrain import demo as show

    show.run(seed=seed, scale=scale, months=months)
