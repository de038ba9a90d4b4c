from citybrain.identity import pseudonym
from citybrain.runner.transform import transform
from tests.jobs.city import code_table, home  # noqa: F401
from tests.tables import CONTRACTS, assert_same, rows


def built(spark, cases):
    lookups = {f"silver.{name}": code_table(spark, name) for name in ("town", "calendar_day")}
    return transform(CONTRACTS["silver.service_case"], {"bronze.services__case": cases, **lookups})


def test_time_used_is_working_days_after_the_first_without_those_of_a_special_procedure(given, spark):
    """2026-03-06 is a Friday; 5, 6 and 7 April are off for 清明节."""
    cases = given("""
        bronze.services__case
        case_id          | accepted_at      | finished_case_at | promised_limit | statutory_limit | limit_unit | special_from     | special_to       | _received_at
        same day         | 2026-03-06T09:00 | 2026-03-06T17:00 | 0              | 1               | 工作日     |                  |                  | 2026-06-01T00:00
        over a weekend   | 2026-03-06T09:00 | 2026-03-09T17:00 | 1              | 20              | 工作日     |                  |                  | 2026-06-01T00:00
        at midnight      | 2026-03-06T09:00 | 2026-03-10T00:00 | 1              | 20              | 工作日     |                  |                  | 2026-06-01T00:00
        over a holiday   | 2026-04-03T09:00 | 2026-04-08T10:00 | 2.5            | 20              | 工作日     |                  |                  | 2026-06-01T00:00
        special          | 2026-03-02T09:00 | 2026-03-13T10:00 | 5              | 20              | 工作日     | 2026-03-04T10:00 | 2026-03-09T10:00 | 2026-06-01T00:00
        special, open    | 2026-03-02T09:00 | 2026-03-13T10:00 | 5              | 20              | 工作日     | 2026-03-04T10:00 |                  | 2026-06-01T00:00
        special, outside | 2026-03-02T09:00 | 2026-03-04T10:00 | 5              | 20              | 工作日     | 2026-02-24T10:00 | 2026-03-09T10:00 | 2026-06-01T00:00
        natural days     | 2026-03-02T09:00 |                  | 14             | 28              | 自然日     |                  |                  | 2026-06-01T00:00
        unknown unit     | 2026-03-02T09:00 | 2026-03-04T10:00 | 14             |                 | 小时       |                  |                  | 2026-06-01T00:00
        no promise       | 2026-03-02T09:00 | 2026-03-04T10:00 |                |                 | 工作日     |                  |                  | 2026-06-01T00:00
        backwards        | 2026-03-02T09:00 | 2026-03-01T10:00 | 5              | 3               | 工作日     |                  |                  | 2026-06-01T00:00
        to come          | 2026-03-02T09:00 | 2026-06-01T00:01 | 5              |                 | 工作日     |                  |                  | 2026-06-01T00:00
    """)  # noqa: E501
    columns = (
        "case_id",
        "used_work_days",
        "promised_work_days",
        "statutory_work_days",
        "promised_date",
        "quality_flags",
    )
    assert_same(
        built(spark, cases),
        given("""
            silver.service_case
            case_id          | used_work_days | promised_work_days | statutory_work_days | promised_date | quality_flags
            same day         | 0              | 0.0000             | 1.0000              | 2026-03-06    | unmatched_town
            over a weekend   | 1              | 1.0000             | 20.0000             | 2026-03-09    | unmatched_town
            at midnight      | 2              | 1.0000             | 20.0000             | 2026-03-09    | unmatched_town
            over a holiday   | 2              | 2.5000             | 20.0000             | 2026-04-08    | unmatched_town
            special          | 6              | 5.0000             | 20.0000             | 2026-03-12    | unmatched_town
            special, open    | 9              | 5.0000             | 20.0000             | 2026-03-09    | special_procedure_open,unmatched_town
            special, outside | 0              | 5.0000             | 20.0000             | 2026-03-11    | unmatched_town
            natural days     |                | 10.0000            | 20.0000             | 2026-03-16    | unmatched_town
            unknown unit     | 2              |                    |                     |               | unknown_limit_unit,unmatched_town
            no promise       | 2              |                    |                     |               | unmatched_town
            backwards        |                | 5.0000             | 3.0000              | 2026-03-09    | promise_beyond_statute,time_order_violation,unmatched_town
            to come          | 62             | 5.0000             |                     | 2026-03-09    | time_order_violation,unmatched_town
        """),  # noqa: E501
        *columns,
    )


def test_the_highest_version_stands_whenever_it_arrived(given, spark):
    cases = given("""
        bronze.services__case
        case_id | item_code | accepted_at      | updated_at       | town_code | applicant_id       | case_result | _receipt | _row | _received_at
        BJ1     | A         | 2026-03-02T09:00 | 2026-03-04T08:00 | 440605011 | 11010519491231002X | 准予        | r1       | 2    | 2026-03-05T00:00
        BJ1     | A         | 2026-03-02T09:00 | 2026-03-03T08:00 | 440605121 | 11010519491231002X |             | r2       | 2    | 2026-03-06T00:00
        BJ1     | A         | 2026-03-02T09:00 |                  | 440605122 | 11010519491231002X | 不予        | r3       | 2    | 2026-03-07T00:00
        BJ2     | A         | 2026-03-02T09:00 |                  | 440605012 | 440605********1234 | 退件        | r3       | 3    | 2026-03-07T00:00
        BJ2     | A         | 2026-03-02T09:00 |                  | 440605999 | 440605********1234 | 撤回        | r3       | 4    | 2026-03-07T00:00
    """)  # noqa: E501
    stands = built(spark, cases)
    assert_same(
        stands,
        given("""
            silver.service_case
            case_id | item_code | town_code | case_result | quality_flags
            BJ1     | A         | 440605011 | 准予        | []
            BJ2     | A         |           | 撤回        | unmatched_town
        """),
        "case_id",
        "item_code",
        "town_code",
        "case_result",
        "quality_flags",
    )
    (person,) = cases.limit(1).select(pseudonym("applicant_id", "person")).first()
    assert rows(stands, "case_id", "applicant_pseudonym") == [("BJ1", person), ("BJ2", None)]
