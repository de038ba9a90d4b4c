"""The runner: build → check → publish, for every table alike; reading, writing and checking happen only here."""

from citybrain.runner.run import Result, run

__all__ = ["Result", "run"]
