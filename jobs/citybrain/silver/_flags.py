"""Quality flags: names of what is wrong with a row, sorted, each once."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F


def flags(conditions: Mapping[str, Column]) -> Column:
    """The names whose condition holds (null does not)."""
    named = [F.when(condition, F.lit(name)) for name, condition in conditions.items()]
    return F.array_sort(F.array_compact(F.array(*named)))
