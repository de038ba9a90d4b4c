from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_an_item_has_the_limits_of_the_case_accepted_last_that_states_a_promise(given):
    cases = given("""
        silver.service_case
        case_id | item_code | item_name | accepted_at      | promised_work_days | statutory_work_days
        BJ3     | A         | 旧名      | 2026-03-01T00:00 | 10.0000            | 20.0000
        BJ1     | A         | 新名      | 2026-03-02T09:00 | 5.0000             | 20.0000
        BJ2     | A         | 新名      | 2026-03-02T09:00 | 6.0000             |
        BJ4     | A         |           | 2026-03-03T09:00 |                    | 30.0000
        BJ5     | B         |           | 2026-02-28T23:59 |                    |
    """)
    assert_same(
        transform(CONTRACTS["silver.service_item"], {"silver.service_case": cases}),
        given("""
            silver.service_item
            item_code | item_name | first_seen_date | promised_work_days | statutory_work_days
            A         | 新名      | 2026-03-01      | 6.0000             |
            B         |           | 2026-02-28      |                    |
        """),
    )
