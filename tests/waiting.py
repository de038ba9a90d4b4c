"""For what other processes and threads do in their own time."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], object],
    seconds: float = 60,
    pause: float = 0.02,
    otherwise: Callable[[], str] = lambda: "it did not happen",
) -> None:
    """Returns once the condition holds; AssertionError with what ``otherwise`` says where it does not come to hold."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds:.0f} s: {otherwise()}"
        time.sleep(pause)
