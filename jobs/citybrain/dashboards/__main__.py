"""python -m citybrain.dashboards check | render | import | shot"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from citybrain.contracts import ContractError
from citybrain.dashboards.bundle import bundle, project
from citybrain.dashboards.check import problems
from citybrain.dashboards.files import DashboardError
from citybrain.dashboards.importer import import_all
from citybrain.dashboards.shot import shoot
from citybrain.dashboards.superset import Superset, SupersetError


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="citybrain.dashboards")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("check", help="boards, charts, data sets and indicators fit together; needs no server")
    render = verbs.add_parser("render", help="write the assets bundle to a zip file")
    render.add_argument("out", type=Path)
    put = verbs.add_parser("import", help="put the boards into a running Superset; may be repeated")
    put.add_argument("--url", required=True)
    put.add_argument("--user", default="admin")
    put.add_argument("--password-file", type=Path, required=True)
    put.add_argument("--viewer-password-file", type=Path, help="add the user `viewer`; made if the file is missing")
    shot = verbs.add_parser("shot", help="a picture of a board, and what the browser complained about")
    shot.add_argument("path", help="for example /superset/dashboard/one-map/?standalone=1")
    shot.add_argument("out", type=Path)
    shot.add_argument("--url", required=True)
    shot.add_argument("--user", default="admin")
    shot.add_argument("--password-file", type=Path, required=True)
    shot.add_argument("--size", default="1920x1080")
    given = parser.parse_args()
    try:
        return _run(given)
    except (DashboardError, ContractError) as error:
        say(str(error))
        return 2
    except SupersetError as error:
        say(str(error))
        return 4


def _run(given: argparse.Namespace) -> int:
    if given.verb == "check":
        return _check()
    if given.verb == "render":
        given.out.write_bytes(bundle(project()))
    elif given.verb == "import":
        _import(given)
    elif given.verb == "shot":
        return _shot(given)
    return 0


def _import(given: argparse.Namespace) -> None:
    superset = Superset(given.url, given.user, given.password_file.read_text("utf-8").strip())
    import_all(project(), superset, say, given.viewer_password_file)


def _check() -> int:
    this = project()
    found = problems(this)
    for problem in found:
        say(problem)
    counted = f"{len(this.files.boards)} boards, {len(this.charts)} charts, {len(this.datasets)} data sets"
    say(f"{counted}: {len(found)} problems")
    return 2 if found else 0


def _shot(given: argparse.Namespace) -> int:
    width, height = (int(n) for n in given.size.split("x"))
    password = given.password_file.read_text("utf-8").strip()
    report = shoot(given.url, given.path, given.out, given.user, password, (width, height))
    say(yaml.safe_dump(vars(report), allow_unicode=True, sort_keys=False).rstrip())
    return 0 if report.good else 1


sys.exit(main())
