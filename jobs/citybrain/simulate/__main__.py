"""python -m citybrain.simulate OUT --seed N --months M --scale S [--end YYYY-MM-DD]"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from citybrain.simulate.run import END, simulate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m citybrain.simulate", description="生成模拟数据")
    parser.add_argument("out", type=Path, metavar="OUT", help="an empty or new folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--months", type=int, default=13)
    parser.add_argument("--scale", type=float, default=1.0, help="1 = 120,000 work orders in 13 months")
    parser.add_argument("--end", type=date.fromisoformat, default=END)
    given = parser.parse_args()
    simulate(given.out, given.seed, given.months, given.scale, given.end)


if __name__ == "__main__":
    main()
