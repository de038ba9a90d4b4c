"""The commands of `citybrain`, by whom they concern; what is heavy is imported when a command runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
Tables = Annotated[list[str] | None, typer.Argument(metavar="TABLE…", help="e.g. silver.work_order")]


def tell_readers(tables: Iterable[str]) -> None:
    """Wakes the readers of what was published by hand; where Airflow itself is the caller, it tells them."""
    from citybrain import hints

    hints.published(tables)
