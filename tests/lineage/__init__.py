"""Whole lineage of SQL and DataFrame code, and of every kind of event."""
