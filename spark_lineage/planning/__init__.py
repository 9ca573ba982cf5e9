"""Lineage before a job runs: a throw-away session analyzes statements and scripts, and executes nothing of them.

`session.py`, `statements.py` and `child.py` run in a process of their own, the only place that has Spark; `planned.py`, in the caller's,
makes lineage of the plans that the child wrote.
"""
