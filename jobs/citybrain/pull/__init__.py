"""Pulls: what a system offers by API or database is fetched, landed as a delivery and judged like any file."""
