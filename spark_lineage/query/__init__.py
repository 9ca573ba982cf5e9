"""Questions to a store: what a table is made of, upstream, downstream, runs, problems, search.

`local.LocalEngine` answers from an indexed snapshot in memory; `answers` has the shape of every answer.
"""
