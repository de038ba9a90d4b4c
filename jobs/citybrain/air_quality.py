"""The air quality index of a day (AQI), from concentrations of six pollutants, as Columns.

Breakpoints and formula: HJ 633-2012, table 1 and (1); what makes a day valid: GB 3095-2012 table 4 and HJ 663-2013.
Concentrations in µg/m³, CO in mg/m³; O3 is the greatest mean of eight hours in a row.
"""

from functools import reduce
from itertools import pairwise

from pyspark.sql import Column
from pyspark.sql import functions as F

MIN_HOURS = 20  # of a day's mean
WINDOW, MIN_WINDOW_HOURS, MIN_WINDOWS = 8, 6, 14  # of the greatest mean of eight hours
GOOD = 100  # 优良: an AQI up to here
INDEX = (0, 50, 100, 150, 200, 300, 400, 500)
BREAKPOINTS = {
    "pm25": (0, 35, 75, 115, 150, 250, 350, 500),
    "pm10": (0, 50, 150, 250, 350, 420, 500, 600),
    "so2": (0, 50, 150, 475, 800, 1600, 2100, 2620),
    "no2": (0, 40, 80, 180, 280, 565, 750, 940),
    "co": (0, 2, 4, 14, 24, 36, 48, 60),
    "o3": (0, 100, 160, 215, 265, 800),
}
NAMES = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3"}


def sub_index(pollutant: str, concentration: Column) -> Column:
    """IAQI, rounded up; concentrations count in whole µg/m³ and tenths of mg/m³. Beyond the last breakpoint it is the
    last index (500; of O3's eight hours 300)."""
    points = BREAKPOINTS[pollutant]
    c = F.round(concentration, 1 if pollutant == "co" else 0)
    spans = list(zip(pairwise(points), pairwise(INDEX), strict=False))

    def within(found: Column, span: tuple[tuple[int, int], tuple[int, int]]) -> Column:
        (low, high), (least, most) = span
        index = F.ceil((c - low) * (most - least) / (high - low) + least)
        return found.when(c <= high, index)

    return reduce(within, spans, F.when(c.isNull(), F.lit(None).cast("bigint"))).otherwise(INDEX[len(points) - 1])


def index_of_day(indices: dict[str, Column]) -> Column:
    """The greatest sub-index where all six are known, or where one alone is beyond 100; else the day is not valid."""
    greatest = F.greatest(*indices.values())
    known = reduce(lambda a, b: a & b, (index.isNotNull() for index in indices.values()))
    return F.when(known | (greatest > GOOD), greatest)


def primary(indices: dict[str, Column], index: Column) -> Column:
    """The pollutants that make the index, where it is above 50."""
    named = [F.when(sub == index, F.lit(NAMES[name])) for name, sub in indices.items()]
    return F.when(index > INDEX[1], F.concat_ws(",", *named))
