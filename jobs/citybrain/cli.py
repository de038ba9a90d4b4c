"""The command line: the same verbs as the DAGs' tasks, so that what the Airflow UI shows is what one types.

Exit codes: 0 fine, 1 some rows or tables failed, 2 wrong usage or contract, 3 the input was refused,
4 the environment (disk, Java, port). Heavy imports happen inside the commands.
"""

from __future__ import annotations

import sys

import typer

from citybrain.commands import deliveries, engineering
from citybrain.portal import commands as portal_commands

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__
)
app.add_typer(deliveries.app)
app.add_typer(engineering.app)
app.add_typer(portal_commands.app, name="portal")


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
