import pytest

from citybrain.runner.transform import transform
from tests.jobs.city import code_table
from tests.tables import CONTRACTS, assert_same

TABLE = CONTRACTS["silver.market_entity"]
NO_FULLS = "silver.market_full\nsnapshot_date"
NO_ROWS = "bronze.market__entity_full\nuscc"


def built(spark, given, increments, fulls=NO_ROWS, dates=NO_FULLS):
    lookups = {f"silver.{name}": code_table(spark, name) for name in ("town", "place_name", "industry")}
    delivered = {"bronze.market__entity": given(increments), "bronze.market__entity_full": given(fulls)}
    return transform(TABLE, {**delivered, "silver.market_full": given(dates), **lookups})


def test_an_entity_enters_once_and_leaves_once_as_increments_and_fulls_bear_witness(given, spark):
    """Fulls of 31 December, January and February; what a full no longer holds has moved away by its day."""
    increments = """
        bronze.market__entity
        uscc          | founded_date | approved_date | entity_status | exit_date  | _received_at
        new           | 2026-01-10   | 2026-01-10    | 存续          |            | 2026-01-11T06:00
        revoked first | 2015-01-01   | 2026-01-20    | 吊销          | 2026-01-20 | 2026-01-21T06:00
        revoked first | 2015-01-01   | 2026-02-20    | 注销          | 2026-02-20 | 2026-02-21T06:00
        restored      | 2015-01-01   | 2026-01-05    | 吊销          | 2026-01-05 | 2026-01-06T06:00
        restored      | 2015-01-01   | 2026-01-15    | 存续          |            | 2026-01-16T06:00
        corrected     | 2015-01-01   | 2026-01-05    | 注销          | 2026-01-04 | 2026-01-06T06:00
        corrected     | 2015-01-01   | 2026-01-06    | 注销          | 2026-01-05 | 2026-01-07T06:00
        moved in      | 2012-05-05   | 2026-01-12    | 存续          |            | 2026-01-13T06:00
        a day's life  | 2026-02-03   | 2026-02-03    | 注销          | 2026-02-03 | 2026-02-04T06:00
        after         | 2026-03-03   | 2026-03-03    | 存续          |            | 2026-03-04T06:00
        no date       | 2015-01-01   | 2026-02-11    | 注销          |            | 2026-02-12T06:00
    """
    first = ["revoked first", "restored", "corrected", "moved out", "old exit", "no date", "stays"]
    second = ["new", "revoked first", "restored", "corrected", "moved in", "old exit", "no date", "stays"]
    third = [*second, "a day's life"]
    lines = [
        f"2025-12-31 | {uscc} | 2015-01-01 | 2015-01-01 | {'注销 | 2020-01-01' if uscc == 'old exit' else '存续 | '} | 2026-01-01T06:00"  # noqa: E501
        for uscc in first
    ]
    state = {
        "new": "2026-01-10 | 2026-01-10 | 存续 | ",
        "revoked first": "2015-01-01 | 2026-01-20 | 吊销 | 2026-01-20",
        "restored": "2015-01-01 | 2026-01-15 | 存续 | ",
        "corrected": "2015-01-01 | 2026-01-06 | 注销 | 2026-01-05",
        "moved in": "2012-05-05 | 2026-01-12 | 存续 | ",
        "old exit": "2015-01-01 | 2015-01-01 | 注销 | 2020-01-01",
        "no date": "2015-01-01 | 2015-01-01 | 存续 | ",
        "stays": "2015-01-01 | 2015-01-01 | 存续 | ",
        "a day's life": "2026-02-03 | 2026-02-03 | 注销 | 2026-02-03",
    }
    lines += [f"2026-01-31 | {uscc} | {state[uscc]} | 2026-02-01T06:00" for uscc in second]
    lines += [f"2026-02-28 | {uscc} | {state[uscc]} | 2026-03-01T06:00" for uscc in third]
    header = "snapshot_date | uscc | founded_date | approved_date | entity_status | exit_date | _received_at"
    fulls = "\n".join(["bronze.market__entity_full", header, *lines])
    dates = "silver.market_full\nsnapshot_date\n2025-12-31\n2026-01-31\n2026-02-28"
    assert_same(
        built(spark, given, increments, fulls, dates),
        given("""
            silver.market_entity
            uscc          | entered_date | entered_how | left_date  | left_how
            new           | 2026-01-10   | 新设        |            |
            revoked first | 2025-12-31   | 期初        | 2026-01-20 | 吊销
            restored      | 2025-12-31   | 期初        |            |
            corrected     | 2025-12-31   | 期初        | 2026-01-05 | 注销
            moved in      | 2026-01-12   | 迁入        |            |
            moved out     | 2025-12-31   | 期初        | 2026-01-31 | 迁出
            old exit      |              |             |            |
            no date       | 2025-12-31   | 期初        | 2026-02-11 | 注销
            stays         | 2025-12-31   | 期初        |            |
            a day's life  | 2026-02-03   | 新设        | 2026-02-03 | 注销
            after         | 2026-03-03   | 新设        |            |
        """),
        "uscc",
        "entered_date",
        "entered_how",
        "left_date",
        "left_how",
    )


@pytest.mark.dirt("X11")
def test_the_town_is_the_registered_one_else_the_place_that_the_address_names_first(given, spark):
    """罗村 belonged to a town of its own until 2013."""
    entities = """
        bronze.market__entity
        uscc | town_name | business_address                     | founded_date | _received_at
        a    |           | 佛山市南海区狮山镇罗村上柏元武工业区 | 1980-06-17   | 2026-01-01T06:00
        b    |           | 佛山市南海区罗村街道联星工业区       | 1998-06-17   | 2012-12-31T23:59
        c    |           | 佛山市南海区罗村街道联星工业区       | 1998-06-17   | 2013-01-01T00:00
        d    |           | 佛山市南海区大沥水头罗村工业区       | 1998-06-17   | 2026-01-01T06:00
        e    | 里水镇    | 佛山市南海区和顺文金公路             | 1998-06-17   | 2026-01-01T06:00
        f    | 440605126 | 佛山市南海区西樵官山江浦西路         | 1998-06-17   | 2026-01-01T06:00
        g    |           | 佛山市三水区云东海街道狮山路         | 1998-06-17   | 2026-01-01T06:00
        h    |           | 佛山市季华七路怡翠玫瑰园             | 1998-06-17   | 2026-01-01T06:00
        i    |           |                                      | 1998-06-17   | 2026-01-01T06:00
        j    | 440605012 | 佛山市南海区桂城                     | 1998-06-17   | 2026-01-01T06:00
    """
    assert_same(
        built(spark, given, entities),
        given("""
            silver.market_entity
            uscc | town_code | quality_flags
            a    | 440605124 | invalid_uscc,town_from_address
            b    | 440605012 | invalid_uscc,town_from_address
            c    | 440605124 | invalid_uscc,town_from_address
            d    | 440605125 | invalid_uscc,town_from_address
            e    | 440605126 | invalid_uscc
            f    | 440605126 | invalid_uscc,town_of_another_address
            g    |           | invalid_uscc,outside_district,unmatched_town
            h    |           | invalid_uscc,unmatched_town
            i    |           | invalid_uscc,unmatched_town
            j    |           | invalid_uscc,unmatched_town
        """),
        "uscc",
        "town_code",
        "quality_flags",
    )


@pytest.mark.dirt("X08")
def test_names_that_differ_in_brackets_and_blanks_alone_are_one_name_and_kept_as_last_registered(given, spark):
    entities = """
        bronze.market__entity
        uscc | entity_name              | town_name | approved_date | founded_date | _received_at
        a    | 佛山市（南海）某某五金厂 | 桂城街道  | 2026-01-01    | 1998-06-17   | 2026-01-01T06:00
        a    | 佛山市(南海) 某某五金厂  | 桂城街道  | 2026-01-02    | 1998-06-17   | 2026-01-02T06:00
        b    | 某某五金厂               | 桂城街道  | 2026-01-01    | 1998-06-17   | 2026-01-01T06:00
        b    | 某某五金加工厂           | 桂城街道  | 2026-01-02    | 1998-06-17   | 2026-01-02T06:00
    """
    assert_same(
        built(spark, given, entities),
        given("""
            silver.market_entity
            uscc | entity_name             | quality_flags
            a    | 佛山市(南海) 某某五金厂 | invalid_uscc,name_variant
            b    | 某某五金加工厂          | invalid_uscc
        """),
        "uscc",
        "entity_name",
        "quality_flags",
    )


def test_kind_capital_and_industry_are_read_from_codes_and_words(given, spark):  # the first two are GV14
    entities = """
        bronze.market__entity
        uscc               | entity_type  | registered_capital | currency | industry_code | entity_status | founded_date | town_name        | _received_at
        91350100M000100Y43 |              | 1,380.5(万元)      |          | C3922         | 存续          | 1998-06-17   | 桂城             | 2026-01-01T06:00
        91350100M000100Y4Z |              | 138(万美元)        |          | 51            | 歇业          | 1998-06-17   | 桂城             | 2026-01-01T06:00
        92440605X183445490 |              | 3,918(万香港元)    |          | 6120          |               | 1998-06-17   | 桂城             | 2026-01-01T06:00
        440682600123456    | 个体工商户   | 5                  | 港币     | 9999          |               | 2027-06-17   | 桂城             | 2026-01-01T06:00
        440682600123457    | 有限责任公司 | 若干               |          | 0511          |               | 1998-06-17   | 桂城             | 2026-01-01T06:00
        93440605           |              |                    |          |               |               | 1998-06-17   | 桂城             | 2026-01-01T06:00
    """  # noqa: E501
    assert_same(
        built(spark, given, entities),
        given("""
            silver.market_entity
            uscc               | entity_kind | capital_amount | capital_currency | industry_section | quality_flags
            91350100M000100Y43 | 企业        | 1380.5000      | 人民币           | C                | []
            91350100M000100Y4Z | 企业        | 138.0000       | 美元             | F                | invalid_uscc,unknown_status
            92440605X183445490 | 个体工商户  | 3918.0000      | 港元             | H                | []
            440682600123456    | 个体工商户  | 5.0000         | 港元             |                  | old_registration_number,time_order_violation,unmatched_industry
            440682600123457    | 企业        |                | 人民币           | A                | old_registration_number,unreadable_capital
            93440605           | 企业        |                |                  |                  | invalid_uscc
        """),  # noqa: E501
        "uscc",
        "entity_kind",
        "capital_amount",
        "capital_currency",
        "industry_section",
        "quality_flags",
    )


def test_capital_in_other_units_is_told_in_ten_thousands(given, spark):
    entities = """
        bronze.market__entity
        uscc   | registered_capital | founded_date | _received_at
        U1     | 1.2亿元            | 1998-06-17   | 2026-01-01T06:00
        U2     | 5,000元            | 1998-06-17   | 2026-01-01T06:00
        U3     | 8000（美元）       | 1998-06-17   | 2026-01-01T06:00
        U4     | 30万元             | 1998-06-17   | 2026-01-01T06:00
        U5     | 2(亿)              | 1998-06-17   | 2026-01-01T06:00
    """
    assert_same(
        built(spark, given, entities),
        given("""
            silver.market_entity
            uscc | capital_amount | capital_currency
            U1   | 12000.0000     | 人民币
            U2   | 0.5000         | 人民币
            U3   | 0.8000         | 美元
            U4   | 30.0000        | 人民币
            U5   | 20000.0000     | 人民币
        """),
        "uscc",
        "capital_amount",
        "capital_currency",
    )


def test_what_no_town_is_found_for_waits_in_a_queue(given):
    entities = given("""
        silver.market_entity
        uscc | town_code | business_address
        a    | 440605124 | 狮山
        b    |           | 富民路四号
    """)
    queue = transform(CONTRACTS["silver.market_unmatched"], {"silver.market_entity": entities})
    assert_same(queue, given("silver.market_unmatched\nuscc | business_address\nb | 富民路四号"))
