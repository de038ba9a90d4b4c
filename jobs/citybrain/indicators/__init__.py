"""Indicators: declared once, compiled to one SQL, kept with every revision, traced back to cells of uploaded files."""
