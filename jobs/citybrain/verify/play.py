"""The play that is judged: a city hands in what it has, some of it is taken back, and all is built, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from citybrain import contracts, runner, serve, simulate
from citybrain.contracts.load import folders
from citybrain.ingest import Outcome, ingest, landing, reingest, withdraw
from citybrain.ingest.flow import contract_of, outcome_of

# Tables of which a file of another city is handed in by mistake and withdrawn again; none looks at what came before.
MISTAKEN = ("centre__work_order", "centre__work_order_event", "market__entity", "services__case", "urban__case")
CORRECTS = "更正"  # in the name of a file that corrects another; with the first of them the second part begins
Say = Callable[[str], None]


def play(city: Path, seed: int, months: int, scale: float, say: Say) -> list[str]:
    """Simulates a city into ``city`` and builds it in two parts. The first holds, by mistake, files of another city,
    which tell other things of the same orders and entities; they are withdrawn before the second, and one delivery is
    read anew. Gives the tables that could not be built, with the reason."""
    say(f"simulating a city (模拟数据): seed {seed}, {months} months, scale {scale:g}")
    simulate.simulate(city, seed=seed, months=months, scale=scale)
    other = city.with_name("other")
    simulate.simulate(other, seed=seed + 1, months=1, scale=scale / 5)
    say("ingesting the first part")
    sent = list(deliveries(city))
    cut = next((n for n, (_, path) in enumerate(sent) if CORRECTS in path.name), len(sent))
    first = [ingest(table, path) for table, path in sent[:cut]]
    mistaken = [ingest(table, sorted((other / "inbox" / table).iterdir())[0]) for table in MISTAKEN]
    failed = build(say)
    say(f"withdrawing {len(mistaken)} deliveries, reading one anew, ingesting the second part")
    for outcome in mistaken:
        withdraw(outcome.receipt)
    reingest(receipt=next(o.receipt for o in reversed(first) if o.status == "loaded"))
    for table, path in sent[cut:]:
        ingest(table, path)
    return failed + build(say)


def build(say: Say) -> list[str]:
    """Everything that lags, inputs first, and the serving file; the tables that failed."""
    say("building")
    tables = [table for table, contract in contracts.load().items() if contract.build]
    results = runner.run(tables, tell=lambda r: say(f"{r.table} {r.status} {r.extent}") if r.rows else None)
    serve.publish()
    return [f"{r.table}: {r.status} {r.reason}" for r in results if not r.ok]


def deliveries(city: Path) -> Iterator[tuple[str, Path]]:
    """The project's code lists, then everything that the departments sent, in the order of its sending."""
    for folder in folders():
        for path in sorted((folder / "codes").glob("*.csv")):
            yield f"reference__{path.stem}", path
    for path in sorted((path for path in (city / "inbox").rglob("*") if path.is_file()), key=lambda p: (p.name, p)):
        yield path.parent.name, path


def outcomes(city: Path) -> Iterator[tuple[str, Outcome]]:
    """By the name of the file what became of each delivery, whoever handed it in: the receipts say so. Of files with
    the same bytes the receipt names the first."""
    for table, path in deliveries(city):
        contract = contract_of(table)
        receipt = landing.expected(contract.table, path)
        if receipt.status != "landed":  # it was handed in
            yield path.name, outcome_of(contract, receipt, already=receipt.file != path.name)
