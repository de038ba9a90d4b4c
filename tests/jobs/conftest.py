import os
import sys
from functools import partial

import pytest

from tests.jobs.lakehouse import interpreted
from tests.tables import draw


@pytest.fixture(scope="session")
def spark():
    """The session of all job tests: the project's own, local, with one shuffle partition."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from citybrain import engine

    session = interpreted(engine.session(master="local[2]", shuffle_partitions=1))
    yield session
    session.stop()


@pytest.fixture
def given(spark):
    return partial(draw, spark)
