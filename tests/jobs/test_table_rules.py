"""The table rules of silver and gold: each lets a sound table pass and finds the fault that it is there for."""

import pytest

from tests.tables import CONTRACTS, draw

RULES = {(t, r.rule): r.sql for t, c in CONTRACTS.items() if c.layer != "bronze" for r in c.rules}

SOUND = [
    """
    silver.town
    town_code | valid_to
    440605011 |
    440605012 | 2013-01-01
    """,
    """
    silver.village
    village_code | town_code | valid_to
    440605011001 | 440605011 |
    """,
    """
    silver.boundary
    area_code
    440605
    """,
    """
    silver.department
    department_code | valid_to
    D01             |
    """,
    """
    silver.category
    major_category_code | major_category | minor_category_code
    01                  | 公用设施       | 0101
    01                  | 公用设施       | 0102
    """,
    """
    silver.calendar_day
    calendar_date | day_kind | is_workday
    2026-02-28    | 调休上班 | true
    2026-03-01    | 周末     | false
    """,
    """
    silver.deadline_rule
    deadline_rule_id | channel | request_type | major_category_code | urgency | limit_type | limit_value | roll | valid_from | valid_to
    R1               | *       | *            | *                   | *       | work_day   | 7           | none | 2018-01-01 | 2022-01-01
    R2               | *       | *            | *                   | *       | work_day   | 5           | next | 2022-01-01 |
    R3               | *       | 咨询         | *                   | *       | work_hour  | 4           | none | 2018-01-01 |
    """,  # noqa: E501
    """
    silver.population
    stat_year | area_code | resident_population
    2024      | 440605    | 1000
    2024      | 440605011 | 991
    2023      | 440605    | 1000
    """,
    """
    silver.work_order
    town_code | accepted_at      | final_deadline_at | quality_flags
    440605011 | 2026-03-02T09:00 | 2026-03-05T17:30  | []
    440605011 |                  |                   | unmatched_category
    """,
    """
    silver.work_order_event
    event_no | quality_flags
    1        | []
    """,
    """
    silver.service_case
    town_code | quality_flags
    440605011 | special_procedure_open
    """,
    """
    silver.service_item
    item_code | promised_work_days | statutory_work_days
    A         | 5                  | 5
    B         | 5                  |
    """,
    """
    gold.governance__work_order_flow_daily
    stat_date  | reported_count | accepted_count | filed_count | dispatched_count | disposed_count | closed_count
    2026-03-02 | 1              | 0              | 0           | 0                | 0              | 0
    """,
    """
    gold.governance__work_order_due_daily
    stage | due_date   | change_date | due_count | done_count | done_on_time_count | suspended_count | rework_order_count
    结案  | 2026-03-05 | 2026-03-05  | 2         | 1          | 1                  | 0               | 1
    结案  | 2026-03-05 | 2026-03-06  | 0         | 0          | 0                  | 1               | 0
    结案  | 2026-03-05 | 2026-03-07  | -1        | 0          | 0                  | -1              | 0
    """,  # noqa: E501
    """
    gold.governance__work_order_state_daily
    change_date | stage | state    | order_change
    2026-03-05  | 处置  | 待立案   | 2
    2026-03-05  | 结案  | 待立案   | 2
    2026-03-06  | 处置  | 待立案   | -1
    2026-03-06  | 处置  | 按期办结 | 1
    """,
    """
    gold.governance__handling_hours_daily
    stat_date  | hours_bin | handled_count | handling_seconds
    2026-03-05 | 2         | 2             | 7201
    2026-03-05 | 1         | 1             | 0
    """,
    """
    gold.governance__event_point_daily
    stat_date  | event_count
    2026-03-05 | 1
    """,
    """
    gold.services__case_daily
    stat_date  | received_count | finished_count | promised_days_sum | statutory_days_sum
    2026-03-05 | 1              | 0              | 1.0               | 0.0
    """,
    """
    gold.services__case_due_daily
    due_date   | change_date | town_code | due_count | early_count | on_time_count
    2026-03-05 | 2026-03-05  | 440605011 | 2         | 0           | 1
    2026-03-05 | 2026-03-07  | 440605011 | 0         | 0           | 1
    """,
    """
    gold.services__item_daily
    change_date | item_count | promised_days_sum | statutory_days_sum
    2026-03-05  | 1          | 1.0               | 2.0
    """,
    """
    silver.market_entity
    town_code | quality_flags
    440605011 | old_registration_number
    """,
    """
    silver.place_name
    place_name | town_code | valid_from | valid_to
    罗村       | 440605012 | 2003-01-01 | 2013-01-01
    罗村       | 440605124 | 2013-01-01 |
    """,
    """
    gold.economy__entity_daily
    change_date | town_code | entity_change | new_count | exit_count | moved_in_count | moved_out_count
    2025-12-31  | 440605011 | 5             | 0         | 0          | 0              | 0
    2026-01-20  | 440605011 | -1            | 1         | 2          | 1              | 1
    """,
    """
    gold.economy__population_yearly
    change_date | resident_change
    2025-12-31  | 7
    """,
    """
    silver.macro_month
    macro_indicator    | stat_year | stat_month | stat_date  | ytd_level
    社会消费品零售总额 | 2021      | 7          | 2021-07-31 | 742.37
    商品零售           | 2021      | 7          | 2021-07-31 | 674.45
    餐饮收入           | 2021      | 7          | 2021-07-31 | 67.92
    一般公共预算收入   | 2021      | 7          | 2021-07-31 | 151.75
    税收收入           | 2021      | 7          | 2021-07-31 | 110.2
    一般公共预算收入   | 2021      | 6          | 2021-06-30 | 130
    一般公共预算收入   | 2020      | 7          | 2020-07-31 | 146.6
    商品零售           | 2020      | 7          | 2020-07-31 | 600
    餐饮收入           | 2020      | 7          | 2020-07-31 | 60
    """,
    """
    gold.economy__macro_monthly
    part_level | whole_level
    414.06     | 930.66
               |
    """,
    """
    silver.air_hour
    quality_flags
    []
    """,
    """
    gold.environment__air_daily
    aqi | valid_day_count | good_day_count
    45  | 1               | 1
    145 | 1               | 0
        | 0               | 0
    """,
    """
    silver.hotline_day
    stat_date
    2026-02-28
    2026-03-01
    """,
    """
    gold.governance__hotline_daily
    stat_date  | inbound_count | agent_count | answered_count | answered_in_15s_count
    2026-03-05 | 4             | 4           | 4              | 4
    """,
    """
    silver.service_rating
    quality_flags
    []
    """,
    """
    silver.urban_case
    town_code | quality_flags
    440605011 | []
    """,
    """
    silver.hotline_order
    town_code | quality_flags
    440605011 | []
    """,
    """
    silver.urban_component
    quality_flags
    []
    """,
    """
    silver.fire_incident
    town_code
    440605011
    """,
    """
    gold.services__rating_daily
    rating_count | good_rating_count | active_count | active_good_count | bad_rating_count | rectified_count
    3            | 2                 | 2            | 1                 | 1                | 1
    """,
    """
    gold.reference__area
    area_code    | area_name | area_level | parent_code | resident_population
    440605       | 南海区    | 区         |             | 7
    1            | 一        | 镇街       | 440605      | 1
    2            | 二        | 镇街       | 440605      | 1
    3            | 三        | 镇街       | 440605      | 1
    4            | 四        | 镇街       | 440605      | 1
    5            | 五        | 镇街       | 440605      | 1
    6            | 六        | 镇街       | 440605      | 1
    7            | 七        | 镇街       | 440605      | 1
    1001         | 村        | 村居       | 1           |
    """,
]
BROKEN = [
    ("no_town", "silver.town\ntown_code | valid_to\n440605012 | 2013-01-01"),
    ("no_village", "silver.village\nvillage_code"),
    ("village_of_another_town", "silver.village\nvillage_code | town_code\n440605011001 | 440605121"),
    ("no_boundary", "silver.boundary\narea_code"),
    ("no_department", "silver.department\ndepartment_code"),
    ("no_category", "silver.category\nmajor_category_code"),
    ("minor_of_another_major", "silver.category\nmajor_category_code | minor_category_code\n02 | 0101"),
    ("major_with_two_names", "silver.category\nmajor_category_code | major_category\n01 | 甲\n01 | 乙"),
    ("no_working_day", "silver.calendar_day\ncalendar_date | is_workday\n2026-03-01 | false"),
    ("days_missing", "silver.calendar_day\ncalendar_date\n2026-03-01\n2026-03-03"),
    ("kind_contradicts_workday", "silver.calendar_day\nday_kind | is_workday\n周末 | true"),
    ("no_rule_for_everything", "silver.deadline_rule\nchannel | request_type\n* | *"),
    (
        "two_rules_for_one_case",
        """silver.deadline_rule
        deadline_rule_id | channel | request_type | major_category_code | urgency | valid_from | valid_to
        R1               | *       | *            | *                   | *       | 2018-01-01 | 2022-01-02
        R2               | *       | *            | *                   | *       | 2022-01-01 |""",
    ),
    ("rule_cannot_be_computed", "silver.deadline_rule\nlimit_type | limit_value | roll\nwork_day | 1 | 顺延"),
    ("no_population", "silver.population\nstat_year"),
    (
        "towns_do_not_add_up",
        "silver.population\nstat_year | area_code | resident_population\n2024 | 440605 | 1000\n2024 | 440605011 | 989",
    ),
    ("many_without_town", "silver.work_order\ntown_code | quality_flags\n | []"),
    ("many_without_deadline", "silver.work_order\naccepted_at | quality_flags\n2026-03-02T09:00 | []"),
    ("many_times_out_of_order", "silver.work_order\nquality_flags\ntime_order_violation"),
    ("many_without_events", "silver.work_order\nquality_flags\nno_events"),
    ("many_repeated", "silver.work_order_event\nquality_flags\nrepeated_event"),
    ("many_later_than_receipt", "silver.work_order_event\nquality_flags\nlater_than_receipt"),
    ("many_without_town", "silver.service_case\ntown_code | quality_flags\n | []"),
    ("many_promises_beyond_statute", "silver.service_case\nquality_flags\npromise_beyond_statute"),
    ("promise_beyond_statute", "silver.service_item\npromised_work_days | statutory_work_days\n5.1 | 5"),
    (
        "negative_count",
        """gold.governance__work_order_flow_daily
        reported_count | accepted_count | filed_count | dispatched_count | disposed_count | closed_count
        1              | 1              | 1           | 1                | 1              | -1""",
    ),
    (
        "impossible_count",
        """gold.governance__work_order_due_daily
        stage | due_date   | change_date | due_count | done_count | done_on_time_count | suspended_count | rework_order_count
        结案  | 2026-03-05 | 2026-03-05  | 1         | 0          | 0                  | 0               | 0
        结案  | 2026-03-05 | 2026-03-06  | 0         | 2          | 0                  | 0               | 0
        结案  | 2026-03-05 | 2026-03-07  | 1         | 0          | 0                  | 0               | 0""",  # noqa: E501
    ),
    (
        "change_before_due",
        "gold.governance__work_order_due_daily\ndue_date | change_date\n2026-03-05 | 2026-03-04",
    ),
    (
        "negative_level",
        """gold.governance__work_order_state_daily
        change_date | stage | state  | order_change
        2026-03-05  | 处置  | 待立案 | -1
        2026-03-06  | 处置  | 待立案 | 1""",
    ),
    (
        "stages_disagree",
        "gold.governance__work_order_state_daily\nchange_date | stage | order_change\n2026-03-05 | 处置 | 1",
    ),
    (
        "seconds_outside_bin",
        "gold.governance__handling_hours_daily\nhours_bin | handled_count | handling_seconds\n2 | 2 | 7199",
    ),
    ("negative_count", "gold.governance__event_point_daily\nevent_count\n-1"),
    ("negative_count", "gold.services__case_daily\nreceived_count\n-1"),
    (
        "impossible_count",
        "gold.services__case_due_daily\ndue_count | early_count | on_time_count\n1 | 0 | 2",
    ),
    ("negative_count", "gold.services__item_daily\nitem_count\n-1"),
    ("many_without_town", "silver.market_entity\ntown_code | quality_flags\n | []"),
    ("many_invalid_codes", "silver.market_entity\nquality_flags\ninvalid_uscc"),
    ("no_place_name", "silver.place_name\nplace_name"),
    (
        "name_of_two_towns",
        """silver.place_name
        place_name | town_code | valid_from | valid_to
        罗村       | 440605012 | 2003-01-01 | 2013-01-02
        罗村       | 440605124 | 2013-01-01 |""",
    ),
    (
        "negative_level",
        """gold.economy__entity_daily
        change_date | entity_change | new_count | exit_count | moved_in_count | moved_out_count
        2026-01-20  | -1            | 0         | 1          | 0              | 0
        2026-01-21  | 1             | 1         | 0          | 0              | 0""",
    ),
    (
        "stock_does_not_add_up",
        """gold.economy__entity_daily
        change_date | entity_change | new_count | exit_count | moved_in_count | moved_out_count
        2025-12-31  | 1             | 0         | 0          | 0              | 0
        2026-01-21  | 1             | 0         | 0          | 0              | 0""",
    ),
    (
        "parts_do_not_add_up",  # GV8
        """silver.macro_month
        macro_indicator    | stat_date  | ytd_level
        社会消费品零售总额 | 2021-07-31 | 742.39
        商品零售           | 2021-07-31 | 674.45
        餐饮收入           | 2021-07-31 | 67.92""",
    ),
    (
        "tax_beyond_revenue",  # GV9
        """silver.macro_month
        macro_indicator  | stat_date  | ytd_level
        一般公共预算收入 | 2021-07-31 | 151.75
        税收收入         | 2021-07-31 | 309.81""",
    ),
    (
        "cumulative_falls",
        """silver.macro_month
        macro_indicator | stat_year | stat_month | ytd_level
        商品零售        | 2021      | 6          | 600
        商品零售        | 2021      | 7          | 98.2""",
    ),
    (
        "value_shifted",
        """silver.macro_month
        macro_indicator | stat_year | stat_month | ytd_level
        商品零售        | 2020      | 7          | 600
        商品零售        | 2021      | 7          | 6744500""",
    ),
    (
        "month_shifted",
        """silver.macro_month
        macro_indicator | stat_year | stat_month | stat_date  | ytd_level
        商品零售        | 2020      | 7          | 2020-07-31 | 600
        餐饮收入        | 2020      | 7          | 2020-07-31 | 60
        税收收入        | 2020      | 7          | 2020-07-31 | 100
        商品零售        | 2021      | 7          | 2021-07-31 | 0.0674
        餐饮收入        | 2021      | 7          | 2021-07-31 | 0.0067
        税收收入        | 2021      | 7          | 2021-07-31 | 110""",
    ),
    ("share_beyond_whole", "gold.economy__macro_monthly\npart_level | whole_level\n309.81 | 151.75"),
    ("many_out_of_range", "silver.air_hour\nquality_flags\nout_of_range"),
    ("impossible_day", "gold.environment__air_daily\naqi | valid_day_count | good_day_count\n | 1 | 1"),
    ("days_missing", "silver.hotline_day\nstat_date\n2026-02-28\n2026-03-02"),
    (
        "part_beyond_whole",
        """gold.governance__hotline_daily
        inbound_count | agent_count | answered_count | answered_in_15s_count
        4             | 3           | 2              | 3""",
    ),
    ("many_orphans", "silver.service_rating\nquality_flags\norphan_case"),
    ("many_without_town", "silver.urban_case\ntown_code | quality_flags\n | []"),
    ("many_without_category", "silver.urban_case\nquality_flags\nunmatched_category"),
    ("many_contradictory_flags", "silver.urban_case\nquality_flags\ncontradictory_flags"),
    ("many_without_town", "silver.hotline_order\ntown_code | quality_flags\n | []"),
    ("many_without_category", "silver.hotline_order\nquality_flags\nunmatched_category"),
    ("many_invalid_codes", "silver.urban_component\nquality_flags\ninvalid_code"),
    ("many_resurveyed", "silver.urban_component\nquality_flags\nresurveyed"),
    ("many_without_town", "silver.fire_incident\nincident_no | town_code\nXF1 |"),
    ("many_unknown_ratings", "silver.service_rating\nquality_flags\nunknown_rating"),
    (
        "part_of_ratings_beyond_all",
        """gold.services__rating_daily
        rating_count | good_rating_count | active_count | active_good_count | bad_rating_count | rectified_count
        3            | 2                 | 2            | 1                 | 1                | 2""",
    ),
    ("no_population", "gold.economy__population_yearly\nchange_date"),
    ("towns_missing", "gold.reference__area\narea_code | area_level\n1 | 镇街"),
    ("parent_missing", "gold.reference__area\narea_code | area_level | parent_code\n1001 | 村居 | 1"),
    ("population_missing", "gold.reference__area\narea_code | area_level\n1 | 镇街"),
]


def table_of(drawing):
    return drawing.strip().splitlines()[0].strip()


@pytest.fixture
def found(spark):
    """How many rows each rule returns for the drawing of its table; all in one query, since queries are dear."""

    def count(drawings):
        counts = []
        for number, (rule, drawing) in enumerate(drawings.items()):
            draw(spark, drawing).createOrReplaceTempView(f"batch_{number}")
            query = RULES[rule].format(batch=f"batch_{number}")
            counts.append(f"SELECT {number} AS number, (SELECT count(*) FROM ({query})) AS found")
        counted = {row.number: row.found for row in spark.sql(" UNION ALL ".join(counts)).collect()}
        return {rule: counted[number] for number, rule in enumerate(drawings)}

    return count


def test_a_sound_table_passes_every_rule(found):
    sound = {table_of(drawing): drawing for drawing in SOUND}
    assert found({rule: sound[rule[0]] for rule in RULES}) == dict.fromkeys(RULES, 0)


def test_every_rule_finds_the_fault_that_it_is_there_for(found):
    faults = {(table_of(drawing), rule): drawing for rule, drawing in BROKEN}
    assert set(faults) == set(RULES)
    assert [rule for rule, count in found(faults).items() if not count] == []
