"""2,816 real Chinese petitions: text dates without zero padding, line breaks in cells, numbers read as floats."""

from __future__ import annotations

import duckdb
import pytest
from deltalake import DeltaTable

from citybrain import ingest, lake

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def outcome(shared, site):
    return ingest.ingest("petition__message", shared / "petitions/wenzheng_messages_with_replies.xlsx", sender="测试")


@pytest.fixture
def petitions(outcome):
    connection = duckdb.connect()
    return connection.register("p", DeltaTable(lake.table_uri("bronze.petition__message")).to_pyarrow_dataset())


def test_every_petition_is_taken_and_none_twice(outcome, petitions):
    assert outcome.counts == {"delivered": 2816, "accepted": 2816, "quarantined": 0, "set_aside": 0}
    assert petitions.sql("SELECT count(DISTINCT petition_id) FROM p").fetchone() == (2816,)


def test_the_median_reply_takes_11_2_days(petitions):
    query = "SELECT median(epoch(replied_at) - epoch(petitioned_at)) / 86400 FROM p"
    assert round(petitions.sql(query).fetchone()[0], 1) == 11.2


def test_a_time_without_zero_padding_is_read_as_shanghai_time(petitions):
    query = "SELECT epoch(petitioned_at) FROM p WHERE petition_id = 2549"  # delivered as 2019/4/25 9:32:09
    assert petitions.sql(query).fetchone() == (1556155929.0,)
