import pytest

from citybrain.runner.transform import transform
from tests.tables import CONTRACTS, assert_same

TABLE = CONTRACTS["silver.market_reregistered"]


@pytest.mark.dirt("X28")
def test_who_stands_where_another_of_the_name_was_struck_off_is_told_with_the_last_of_them(given):
    entities = given("""
        silver.market_entity
        uscc    | entity_name      | business_address       | founded_date | left_date  | left_how | entity_status
        old     | 某某（南海）食店 | 南海区桂城 桂澜路1号 | 2001-01-01   | 2010-01-01 | 吊销     | 吊销
        middle  | 某某(南海)食店   | 南海区桂城桂澜路1号    | 2010-01-01   | 2026-03-01 | 注销     | 注销
        new     | 某某(南海) 食店  | 南海区桂城桂澜路1号    | 2026-03-01   |            |          | 存续
        early   | 某某(南海)食店   | 南海区桂城桂澜路1号    | 2009-12-31   |            |          | 存续
        other   | 某某(南海)食店   | 南海区桂城桂澜路2号    | 2026-03-01   |            |          | 存续
        moved   | 某某饮品店       | 南海区桂城桂澜路3号    | 2001-01-01   | 2020-01-01 | 迁出     | 迁出
        stayed  | 某某饮品店       | 南海区桂城桂澜路3号    | 2026-03-01   |            |          | 存续
    """)
    assert_same(
        transform(TABLE, {"silver.market_entity": entities}),
        given("""
            silver.market_reregistered
            uscc   | predecessor_uscc | predecessor_left_date
            middle | old              | 2010-01-01
            new    | middle           | 2026-03-01
        """),
        "uscc",
        "predecessor_uscc",
        "predecessor_left_date",
    )
