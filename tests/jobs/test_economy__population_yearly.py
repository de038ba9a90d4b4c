from citybrain.runner.transform import transform
from tests.jobs.city import counted
from tests.tables import CONTRACTS, rows

TABLE = "gold.economy__population_yearly"


def test_at_the_end_of_a_year_the_number_published_last_stands_and_towns_do_not_change_the_district(given):
    published = given("""
        bronze.reference__population
        stat_year | area_code | resident_population | managed_population
        2020      | 440605    | 3000                |
        2020      | 440605011 | 2900                |
        2021      | 440605    | 3600                | 5000
        2023      | 440605    | 3700                |
        2023      | 440605011 | 3000                |
    """)
    population = transform(CONTRACTS["silver.population"], {"bronze.reference__population": published})
    cube = rows(counted(TABLE, population), "change_date", "town_code", "resident_change", "managed_change")

    def at(day, towns):
        found = [row for row in cube if str(row[0]) <= day and (row[1] in towns)]
        return sum(row[2] for row in found), sum(row[3] for row in found)

    everywhere = ("440605011", None)
    assert at("2020-12-30", everywhere) == (0, 0)
    assert at("2020-12-31", everywhere) == (3000, 0)
    assert at("2022-06-30", everywhere) == (3600, 5000)
    assert at("2024-01-01", everywhere) == (3700, 5000)
    assert at("2022-06-30", ("440605011",)) == (2900, 0)
    assert at("2024-01-01", ("440605011",)) == (3000, 0)
