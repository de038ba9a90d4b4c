"""Create a database in PostgreSQL unless it is there. Run by infra/stack.py in an environment that has psycopg2.

    python infra/postgres.py airflow        the server's address is in $CITYBRAIN_POSTGRES

Prints `created` or `exists`. The address stays out of the command line, where everybody could read the password.
"""

from __future__ import annotations

import os
import sys

import psycopg2
from psycopg2 import errors, sql


def main(name: str) -> int:
    address = os.environ["CITYBRAIN_POSTGRES"]
    try:
        connection = psycopg2.connect(address, dbname="postgres", connect_timeout=10)
    except psycopg2.OperationalError as error:
        print(f"PostgreSQL does not let us in: {error}", file=sys.stderr)
        return 1
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", [name])
        if cursor.fetchone():
            print("exists")
            return 0
        try:
            cursor.execute(
                sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(name))
            )
        except errors.DuplicateDatabase:
            print("exists")
            return 0
        except psycopg2.Error as error:
            print(f"cannot create the database {name!r}: {error}", file=sys.stderr)
            return 1
    print("created")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
