"""Pages for people: the data dictionary, the indicators, the results of the checks. Static HTML, no outside host."""

from citybrain.docs.pages import write

__all__ = ["write"]
