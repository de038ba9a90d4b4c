"""Free text as silver keeps it: without personal numbers."""

from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F

from citybrain.redaction import redacted, redaction_count

DIGIT = "[0-9０-９]"


def without_numbers(column: str) -> Column:
    """The text redacted. Whatever is redacted holds a digit, and most texts hold none: they are let through at once."""
    return F.when(F.col(column).rlike(DIGIT), redacted(column)).otherwise(F.col(column))


def places_redacted(*columns: str) -> Column:
    """How many places of the texts are redacted."""
    any_digit = reduce(or_, (F.coalesce(F.col(column).rlike(DIGIT), F.lit(False)) for column in columns))
    return F.when(any_digit, redaction_count(*columns)).otherwise(F.lit(0))
