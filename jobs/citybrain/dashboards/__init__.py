"""Superset's boards as code: files in ``dashboards/`` become one assets bundle; nothing is clicked together."""
