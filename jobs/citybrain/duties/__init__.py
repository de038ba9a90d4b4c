"""Duties: who owes what by which working day, what has arrived, what is to be mended, and how good it was.

Nothing of it is kept: all is derived from contracts, receipts, bronze and quarantine, as of any day.
"""
