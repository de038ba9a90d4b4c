from tests.ingest.conftest import deliver, home

__all__ = ["deliver", "home"]  # a lake of the test's own, and real deliveries into it
