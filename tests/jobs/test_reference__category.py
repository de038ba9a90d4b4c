from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same


def test_a_major_category_stands_once_with_its_name(given):
    categories = given("""
        silver.category
        major_category_code | major_category | minor_category_code | minor_category | object_kind
        01                  | 公用设施       | 0101                | 井盖           | 部件
        01                  | 公用设施       | 0102                | 路灯           | 部件
        10                  | 噪声扰民       | 1001                | 施工噪声       | 事件
    """)
    assert_same(
        transform(CONTRACTS["gold.reference__category"], {"silver.category": categories}),
        given("""
            gold.reference__category
            major_category_code | major_category
            01                  | 公用设施
            10                  | 噪声扰民
        """),
    )


def test_a_unit_that_is_no_more_keeps_its_name(given):
    departments = given("""
        silver.department
        department_code | department_name | department_kind | valid_from | valid_to
        D03             | 区城管局        | 区直部门        | 2018-01-01 |
        D99             | 原罗村街道办    | 镇街            | 2003-01-01 | 2013-01-01
    """)
    assert_same(
        transform(CONTRACTS["gold.reference__department"], {"silver.department": departments}),
        given("""
            gold.reference__department
            department_code | department_name | department_kind
            D03             | 区城管局        | 区直部门
            D99             | 原罗村街道办    | 镇街
        """),
    )
