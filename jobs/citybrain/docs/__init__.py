"""Pages for people: the data dictionary, the indicators, the results of the checks. Static HTML, no outside host."""

from citybrain.docs.pages import dirt_page, write

__all__ = ["dirt_page", "write"]
