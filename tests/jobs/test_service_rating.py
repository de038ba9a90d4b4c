from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_a_rating_is_of_its_case_s_town_and_says_nothing_of_persons(given):
    """P1 was put right later; the case of P2 is not known; P3 was given before the case was accepted."""
    cases = given("""
        silver.service_case
        case_id | town_code | accepted_at
        B1      | 440605011 | 2026-03-02T09:00
    """)
    told = given("""
        bronze.services__rating
        rating_id | case_id | rating | is_default_rating | rated_at         | rating_text                    | rectify_status | rectified_at     | _received_at     | _receipt
        P1        | B1      | 不满意 | false             | 2026-03-02T10:00 | 请回电13800138000，车牌粤E12345 | 已整改         | 2026-03-20T10:00 | 2026-04-01T06:00 | r1
        P1        | B1      | 不满意 | false             | 2026-03-02T10:00 | 请回电13800138000，车牌粤E12345 | 待整改         |                  | 2026-05-01T06:00 | r2
        P2        | B2      | 一般   |                   | 2026-03-02T10:00 |                                |                |                  | 2026-04-01T06:00 | r1
        P3        | B1      | 非常满意 | true            | 2026-03-02T08:59 |                                | 无需整改       |                  | 2026-04-01T06:00 | r1
    """)  # noqa: E501
    built = transform(
        CONTRACTS["silver.service_rating"], {"bronze.services__rating": told, "silver.service_case": cases}
    )
    assert_same(
        built,
        given("""
            silver.service_rating
            rating_id | case_id | town_code | rating   | rating_stars | is_default_rating | rated_at         | rating_text               | redaction_count | rectify_status | rectified_at     | quality_flags
            P1        | B1      | 440605011 | 不满意   | 2            | false             | 2026-03-02T10:00 | 请回电〔电话〕，车牌〔车牌〕 | 2               | 已整改         | 2026-03-20T10:00 | []
            P2        | B2      |           | 一般     |              | false             | 2026-03-02T10:00 |                           | 0               |                |                  | orphan_case,unknown_rating
            P3        | B1      | 440605011 | 非常满意 | 5            | true              | 2026-03-02T08:59 |                           | 0               | 无需整改       |                  | time_order_violation
        """),  # noqa: E501
    )
