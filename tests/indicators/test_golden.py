"""Published figures, and the rules that they stand on, over hand-drawn cubes."""

import pytest

from citybrain.indicators.registry import registry
from tests.indicators.drawn import TOWNS, cubes, value

ZHUZHOU = (
    """
    gold.governance__work_order_flow_daily
    stat_date  | town_code | reported_count | accepted_count | filed_count | dispatched_count
    2024-03-10 | 440605011 | 51571          | 51571          | 51229       | 49151
    """,
    """
    gold.governance__work_order_due_daily
    stage | due_date   | change_date | town_code | due_count | done_count | done_on_time_count | rework_order_count
    结案  | 2024-03-10 | 2024-03-10  | 440605011 | 52434     | 43523      | 40394              | 276
    """,
)


@pytest.mark.parametrize(
    ("id", "variant", "expected"),
    [
        ("WO02", "rate", 99.34),
        ("WO03", "rate", 95.94),
        ("WO07", "due", 83.01),
        ("WO08", "due_once", 77.04),
        ("WO10", "due", 0.53),
    ],
)
def test_the_bulletin_of_zhuzhou_is_reproduced(id, variant, expected):  # GV1
    with cubes(*ZHUZHOU) as db:
        assert round(value(db, id, variant, "2024-03", "2024-03-31")[2], 2) == expected


def test_a_ratio_of_the_whole_is_the_ratio_of_sums_not_the_mean_of_ratios():  # GV3: events and parts of one month
    events, parts = TOWNS
    with cubes(
        """
        gold.governance__work_order_flow_daily
        stat_date  | town_code | filed_count
        2024-05-02 | 440605011 | 971
        2024-05-02 | 440605124 | 25
        """,
        """
        gold.governance__work_order_due_daily
        stage | due_date   | change_date | town_code | due_count | done_count | done_on_time_count
        结案  | 2024-05-02 | 2024-05-02  | 440605011 | 956       | 902        | 730
        结案  | 2024-05-02 | 2024-05-02  | 440605124 | 16        | 9          | 7
        """,
    ) as db:
        month, as_of = "2024-05", "2024-05-31"
        assert value(db, "WO07", "due", month, as_of, events)[2] == pytest.approx(94.35, abs=0.005)
        assert value(db, "WO07", "due", month, as_of, parts)[2] == pytest.approx(56.25, abs=0.005)
        assert value(db, "WO07", "due", month, as_of) == (911, 972, pytest.approx(93.72, abs=0.005))
        assert value(db, "WO08", "due_once", month, as_of)[2] == pytest.approx(75.82, abs=0.005)
        assert value(db, "WO02", "count", month, as_of)[2] == 996


@pytest.mark.parametrize(("promised", "expected"), [("10", 92.59), ("6", 95.56)])
def test_the_compression_of_135_days_is_that_of_the_district(promised, expected):  # GV13
    item = f"""
        gold.services__item_daily
        change_date | item_count | promised_days_sum | statutory_days_sum | ratio_sum
        2021-06-01  | 1          | {promised}        | 135                | {int(promised) / 135:.8f}
    """
    with cubes(item) as db:
        for variant in ("sum_ratio", "mean_of_ratios"):
            assert round(value(db, "GS08", variant, "2021-10", "2021-10-31")[2], 2) == expected
        assert value(db, "GS08", "sum_ratio", "2021-05", "2021-10-31")[2] is None, "not seen yet"


def test_a_ratio_without_a_denominator_has_no_value_and_a_count_of_nothing_is_zero():  # GV16
    with cubes() as db:
        for id, variant in (("WO02", "rate"), ("WO07", "due"), ("WO09", "rate"), ("GS09", "on_time")):
            assert value(db, id, variant, "2024-05", "2024-05-31") == (0, 0, None)
        assert value(db, "WO13", "natural_p50", "2024-05", "2024-05-31") == (None, 0, None)
        assert value(db, "WO01", "reported", "2024-05", "2024-05-31") == (0, None, 0)


def test_an_order_counts_in_the_district_also_where_its_town_is_not_known():
    with cubes(
        """
        gold.governance__work_order_flow_daily
        stat_date  | town_code | reported_count
        2024-05-02 | 440605011 | 3
        2024-05-03 |           | 4
        """
    ) as db:
        assert value(db, "WO01", "reported", "2024-05", "2024-05-31")[2] == 7
        assert value(db, "WO01", "reported", "2024-05", "2024-05-31", TOWNS[0])[2] == 3
        assert value(db, "WO01", "reported", "2024-05-02", "2024-05-31")[2] == 3


def test_what_is_due_later_than_as_of_or_became_known_later_does_not_count():
    with cubes(
        """
        gold.governance__work_order_due_daily
        stage | due_date   | change_date | due_count | done_count | done_on_time_count
        结案  | 2024-05-02 | 2024-05-02  | 1         | 0          | 0
        结案  | 2024-05-02 | 2024-05-20  | 0         | 1          | 0
        结案  | 2024-05-28 | 2024-05-28  | 1         | 0          | 0
        """
    ) as db:
        assert value(db, "WO07", "due", "2024-05", "2024-05-10") == (0, 1, 0)
        assert value(db, "WO07", "due", "2024-05", "2024-05-20") == (1, 1, 100)
        assert value(db, "WO07", "due", "2024-05", "2024-06-30") == (1, 2, 50)


def test_carried_over_orders_are_those_overdue_and_open_when_the_period_began():
    with cubes(
        """
        gold.governance__work_order_due_daily
        stage | due_date   | change_date | due_count | done_count | done_on_time_count
        结案  | 2024-05-10 | 2024-05-10  | 4         | 3          | 3
        """,
        """
        gold.governance__work_order_state_daily
        change_date | stage | state      | order_change
        2024-04-20  | 结案  | 待办超期   | 2
        2024-05-01  | 结案  | 待办超期   | 1
        2024-05-15  | 结案  | 待办超期   | -1
        2024-04-20  | 处置  | 待办超期   | 9
        """,
    ) as db:
        assert value(db, "WO08", "due_once", "2024-05", "2024-05-31") == (3, 4, 75)
        assert value(db, "WO08", "due_carry", "2024-05", "2024-05-31") == (3, 6, 50)
        assert value(db, "WO09", "count", "2024-05", "2024-05-31")[2] == 9


def test_percentiles_grow_linearly_inside_a_bin_of_one_hour():
    with cubes(
        """
        gold.governance__handling_hours_daily
        stat_date  | clock    | hours_bin | handled_count | handling_seconds
        2024-05-02 | 自然时间 | 2         | 4             | 21600
        2024-05-03 | 自然时间 | 10        | 6             | 205200
        2024-05-03 | 工作时间 | 1         | 1             | 1800
        """
    ) as db:
        month, as_of = "2024-05", "2024-05-31"
        assert value(db, "WO13", "natural_p50", month, as_of) == (None, 10, pytest.approx(9 + 1 / 6, abs=1e-4))
        assert value(db, "WO13", "natural_p90", month, as_of)[2] == pytest.approx(9 + 5 / 6, abs=1e-4)
        assert value(db, "WO13", "natural_mean", month, as_of) == (226800, 10, 6.3)
        assert value(db, "WO13", "work_p50", "2024-05-03", as_of)[2] == 0.5
        assert value(db, "WO13", "natural_p50", "2024-05-02", as_of)[2] == 1.5


def entities(firms, individuals, people, managed=0):
    """The stock at the end of a year and the people at the end of the year before; at its own end there are more."""
    return (
        f"""
        gold.economy__entity_daily
        change_date | entity_kind | entity_change | row_count
        2021-12-31  | 企业        | {firms}       | 1
        2021-12-31  | 个体工商户  | {individuals} | 1
        """,
        f"""
        gold.economy__population_yearly
        change_date | resident_change | managed_change
        2020-12-31  | {people}        | {managed}
        2021-12-31  | {people // 50}  | {managed // 50}
        """,
    )


def test_firms_per_thousand_people_are_those_of_the_national_bulletin():  # GV10
    with cubes(*entities(32_315_000, 0, 1_390_080_000)) as db:
        assert round(value(db, "MK03", "resident_firms", "2021", "2021-12-31")[2], 2) == 23.25


def test_entities_per_thousand_name_the_population_they_stand_on():  # GV18: 3.6 million residents, 5 million in all
    with cubes(*entities(150_000, 270_000, 3_600_000, 5_000_000)) as db:
        assert round(value(db, "MK03", "resident", "2021", "2021-12-31")[2], 1) == 116.7
        assert round(value(db, "MK03", "managed", "2021", "2021-12-31")[2], 1) == 84.0
        titles = {name: v.title for name, v in registry().indicator("MK03").variants.items()}
        assert "常住人口" in titles["resident"]
        assert "管理人口" in titles["managed"]


def test_the_stock_at_a_month_s_end_is_that_of_its_beginning_with_all_that_changed():
    with cubes(
        """
        gold.economy__entity_daily
        change_date | entity_kind | entity_change | new_count | exit_count | moved_in_count | moved_out_count
        2025-12-31  | 企业        | 100           | 0         | 0          | 0              | 0
        2026-01-05  | 企业        | 4             | 5         | 2          | 2              | 1
        2026-02-05  | 企业        | -3            | 0         | 3          | 0              | 0
        """
    ) as db:
        month, as_of = "2026-01", "2026-02-28"
        assert value(db, "MK01", "all", "2025-12", as_of)[2] == 100
        assert value(db, "MK01", "all", month, as_of)[2] == 104
        assert value(db, "MK02", "net", month, as_of)[2] == 3
        assert value(db, "MK02", "net_with_moves", month, as_of)[2] == 4
        assert value(db, "MK02", "exit", "2026", as_of)[2] == 5


NANHAI = """
    gold.economy__macro_monthly
    stat_date  | macro_indicator    | ytd_level | level_count | ytd_growth | growth_count | ytd_growth_change | growth_change_count | part_level | whole_level | published_count
    2021-07-31 | 规上工业增加值     | 930.66    | 1           | 5.5        | 1            | -1.6              | 1                   |            |             | 1
    2021-07-31 | 先进制造业增加值   | 414.06    | 1           |            | 0            |                   | 0                   | 414.06     | 930.66      | 1
    2021-07-31 | 高技术制造业增加值 | 87.30     | 1           |            | 0            |                   | 0                   | 87.30      | 930.66      | 1
    2021-07-31 | 社会消费品零售总额 | 742.37    | 1           |            | 0            |                   | 0                   |            |             | 1
    2021-07-31 | 固定资产投资       |           | 0           | -14.3      | 1            |                   | 0                   |            |             | 1
    2021-07-31 | 工业投资           |           | 0           | 34.1       | 1            |                   | 0                   |            |             | 1
    2021-07-31 | 一般公共预算收入   | 151.75    | 1           | 3.5        | 1            |                   | 0                   |            |             | 1
    2021-07-31 | 税收总额           | 309.81    | 1           |            | 0            |                   | 0                   |            |             | 1
"""  # noqa: E501


@pytest.mark.parametrize(
    ("id", "variant", "expected"),
    [
        ("EC02", "level", 930.66),
        ("EC02", "growth", 5.5),
        ("EC02", "growth_change", -1.6),
        ("EC03", "advanced", 44.49),
        ("EC03", "hitech", 9.38),
        ("EC05", "level", 742.37),
        ("EC06", "fai", -14.3),
        ("EC06", "industry", 34.1),
        ("EC07", "level", 151.75),
        ("EC07", "growth", 3.5),
    ],
)
def test_the_economy_of_nanhai_in_seven_months_is_reproduced(id, variant, expected):  # GV8, NH-ECO
    with cubes(NANHAI) as db:
        assert round(value(db, id, variant, "2021-07", "2021-07-31")[2], 2) == expected


def test_only_value_added_grows_at_comparable_prices():
    titles = {(indicator.id, variant.title) for indicator, variant in registry().variants()}
    assert {id for id, title in titles if "可比价" in title} == {"EC02"}


def test_what_was_not_published_has_no_value_and_all_taxes_are_no_part_of_the_revenue():  # GV9
    with cubes(NANHAI) as db:
        for id, variant in (("EC08", "share"), ("EC02", "growth_current"), ("EC05", "growth"), ("EC06", "fai_change")):
            assert value(db, id, variant, "2021-07", "2021-07-31")[2] is None, (id, variant)
        assert value(db, "EC02", "growth", "2021-06", "2021-07-31")[2] is None


@pytest.mark.parametrize(
    ("valid", "good", "expected"),
    [(91, 51 + 35, 94.5), (31, 25, 80.6)],
    ids=["奈曼, first quarter", "August 2017, 31 valid days"],
)
def test_good_days_are_a_share_of_valid_days(valid, good, expected):  # GV11
    day = f"""
        gold.environment__air_daily
        stat_date  | air_scope | station_code | valid_day_count | good_day_count
        2017-08-31 | 全区      | 全区         | {valid}         | {good}
        2017-08-31 | 测点      | NH01         | 31              | 31
    """
    with cubes(day) as db:
        assert round(value(db, "EN01", "district", "2017-08", "2017-08-31")[2], 1) == expected
        assert value(db, "EN01", "station", "2017-08", "2017-08-31")[2] == 100
        assert value(db, "EN01", "district", "2017-07", "2017-08-31")[2] is None


def test_the_mean_of_pm25_is_that_of_the_days_that_have_one():
    with cubes(
        """
        gold.environment__air_daily
        stat_date  | air_scope | station_code | town_code | pm25_mean | pm25_day_count
        2026-03-01 | 全区      | 全区         |           | 20        | 1
        2026-03-02 | 全区      | 全区         |           |           | 0
        2026-03-03 | 全区      | 全区         |           | 31        | 1
        2026-03-01 | 测点      | NH01         | 440605011 | 18        | 1
        2026-03-01 | 测点      | NH02         | 440605124 | 22        | 1
        """
    ) as db:
        assert value(db, "EN02", "district", "2026-03", "2026-03-31") == (51, 2, 25.5)
        assert value(db, "EN02", "station", "2026-03", "2026-03-31", TOWNS[0])[2] == 18
