import os
import sys
from functools import partial

import pytest
from pyspark.sql import SparkSession

from tests.tables import draw


@pytest.fixture(scope="session")
def spark():
    """The session of all job tests: the project's own, local, with one shuffle partition."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from citybrain import engine

    session: SparkSession = engine.session(master="local[2]", shuffle_partitions=1)
    # To compile a class for each step of a plan costs more than a few rows do; whole cities are run with it.
    session.conf.set("spark.sql.codegen.wholeStage", "false")
    session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    yield session
    session.stop()


@pytest.fixture
def given(spark):
    return partial(draw, spark)
