"""A synthetic district: clean truth, the soiled files that departments would deliver of it, and the right answers.

`simulate` uses nothing of the rest of citybrain but the code lists, so that a product that agrees with its figures
has not agreed with itself. Everything it writes is marked 模拟数据.
"""

from citybrain.simulate.run import simulate

__all__ = ["simulate"]
