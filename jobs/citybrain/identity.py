"""Who somebody is, and how it stays hidden: pseudonyms, and the check digits of identity numbers.

A pseudonym is a keyed HMAC. The key lies in ``$CITYBRAIN_HOME/secrets``; only the functions that run on Spark's workers
read it, so that it stands in no query plan, no log and no table. Workers must see the same file (a shared folder or a
mounted secret on a cluster). pyspark is imported where a Column is made: ingest uses the check digits without it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from citybrain import lake

if TYPE_CHECKING:
    from pyspark.sql import Column

Domain = Literal["person", "phone"]
KEY_BYTES = 32
WITHHELD = ("保密", "不详", "匿名", "未提供")


# Pseudonyms.


def key_path() -> Path:
    """Where the key of the pseudonyms lies."""
    return lake.home() / "secrets" / "pseudonym.key"


def ensure_key(path: Path | None = None) -> Path:
    """Makes the key where there is none, readable by its owner alone; two processes at once agree on one."""
    path = path or key_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(own, path)  # whole or not at all, and never over a key that is there
        except FileExistsError:
            pass
        finally:
            own.unlink()
    return path


def key_id(path: Path | None = None) -> str:
    """Which key it is, without telling it: goes into fingerprints, so that another key means a full build."""
    key = bytes.fromhex((path or key_path()).read_text(encoding="ascii").strip())
    return hmac.new(key, b"citybrain/key-id", hashlib.sha256).hexdigest()[:8]


def pseudonym(column: Column | str, domain: Domain, key: Path | None = None) -> Column:
    """The pseudonym of an identity number or telephone number: 32 hexadecimal digits, the same wherever it occurs.

    Before hashing a value is normalised (full-width forms, blanks, case; of telephones the country code and signs, and
    of several the first). Null, masked and withheld values, and what is shorter than six characters, have no pseudonym;
    ``is_masked`` tells masked from null. The same digits as a person's and as a telephone's number give different ones.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.functions import arrow_udf

    work = _hasher(str(key or key_path()), domain)
    # The lambda bears no type hints: Spark would resolve those of `work` and refuse them.
    hashed: Callable[[Column], Column] = cast(Any, arrow_udf)(lambda values: work(values), "string")
    value = F.col(column) if isinstance(column, str) else column
    return hashed(F.when(~is_masked(value), value))


def is_masked(column: Column | str) -> Column:
    """Whether a value hides what it should say (440605********1234, 138××××5678, 保密); false for null."""
    from pyspark.sql import functions as F

    value = F.trim(F.col(column) if isinstance(column, str) else column)
    return F.coalesce(value.rlike(r"[*＊×✱]|[xXＸ]{2}|[●•]{2}") | value.isin(*WITHHELD), F.lit(False))


def _hasher(path: str, domain: Domain) -> Callable[[Any], Any]:
    """The function that workers run. It holds the key's path, never the key; its imports are its own, so that no worker
    needs this package."""

    def normalised(value: str) -> str:
        import re
        import unicodedata

        text = re.sub(r"\s", "", unicodedata.normalize("NFKC", value)).upper()
        if domain == "phone":
            first = next((part for part in re.split(r"[/、,;|转]", text) if part), "")
            text = re.sub(r"^(?:00)?86(?=1\d{10}$|0\d{9,11}$)", "", re.sub(r"\D", "", first))
        return text if len(text) >= 6 else ""

    def pseudonyms(values: Any) -> Any:
        import hashlib
        import hmac

        import pyarrow as pa

        with open(path, encoding="ascii") as lines:  # noqa: PTH123  (a worker's function uses the plain library)
            master = bytes.fromhex(lines.read().strip())
        own = hmac.new(master, f"citybrain/pseudonym/{domain}".encode(), hashlib.sha256).digest()

        def one(value: str | None) -> str | None:
            text = normalised(value) if value else ""
            return hmac.new(own, text.encode(), hashlib.sha256).hexdigest()[:32] if text else None

        return pa.array([one(value) for value in values.to_pylist()], pa.string())

    return pseudonyms


# Check digits, as SQL that DuckDB and Spark read alike.

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def id_card_invalid_sql(column: str) -> str:
    """True for an 18-digit identity number that GB 11643 rejects: shape, date of birth, check digit (MOD 11-2).

    The county is not judged (people keep the code of their birth year's county); nor are masked values, the old numbers
    of 15 digits, and null.
    """
    text = f"upper(trim({column}))"
    date = f"concat(substr({text}, 7, 4), '-', substr({text}, 11, 2), '-', substr({text}, 13, 2))"
    total = " + ".join(f"(ascii(substr({text}, {i}, 1)) - 48) * {w}" for i, w in enumerate(_ID_WEIGHTS, start=1))
    return _invalid(
        text,
        f"length({text}) = 15 AND {_digits_only(text)}",
        f"length({text}) = 18 AND {_digits_only(f'substr({text}, 1, 17)')}",
        f"substr({text}, 7, 2) IN ('18', '19', '20') AND try_cast({date} AS DATE) IS NOT NULL "
        f"AND substr({text}, 18, 1) = substr('10X98765432', ({total}) % 11 + 1, 1)",
    )


def uscc_invalid_sql(column: str) -> str:
    """True for a unified social credit code that GB 32100 rejects: shape and check character (MOD 31).

    Masked values, old registration numbers of 15 digits, and null are not judged.
    """
    text = f"upper(trim({column}))"
    total = " + ".join(
        f"(instr('{_USCC_DIGITS}', substr({text}, {i}, 1)) - 1) * {pow(3, i - 1, 31)}" for i in range(1, 18)
    )
    return _invalid(
        text,
        f"length({text}) = 15 AND {_digits_only(text)}",
        f"length({text}) = 18 AND translate({text}, '{_USCC_DIGITS}', '') = ''",
        f"substr({text}, 18, 1) = substr('{_USCC_DIGITS}', (31 - ({total}) % 31) % 31 + 1, 1)",
    )


def _invalid(text: str, not_judged: str, shape: str, rule: str) -> str:
    hidden = f"{text} IS NULL OR {text} = '' OR {text} LIKE '%*%' OR {text} LIKE '%×%'"
    return f"(CASE WHEN {hidden} OR {not_judged} THEN FALSE WHEN {shape} THEN NOT ({rule}) ELSE TRUE END)"


def _digits_only(text: str) -> str:
    return f"translate({text}, '0123456789', '') = ''"
