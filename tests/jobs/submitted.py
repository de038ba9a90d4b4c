"""For spark-submit, which takes a file: `tests.jobs.play` from the project's root."""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
runpy.run_module("tests.jobs.play", run_name="__main__")
