"""The tables' own logs: which commit a run made."""
