from tests.jobs.conftest import given, spark

__all__ = ["given", "spark"]
