"""What one operator hands to the next: its columns, and what decided which rows there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from spark_lineage.analyze.values import SourceKey, Sources, Term, Trace, Value, join_traces, substitute
from spark_lineage.model import Certainty, Problem

RowSet: TypeAlias = Mapping[SourceKey, tuple[Trace, Term]]
"""Row-set sources (JOIN, FILTER, GROUP_BY, SORT), each with the condition it stands in."""


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The lineage of an operator's output.

    `columns` goes by local expression id. `effects` is what the operator's own conditions and keys, one by one, added to
    `rows`, and `others` what was there besides: an operator above may take one of the effects back. `streams` where the
    rows are a micro-batch of a stream.
    """

    columns: Mapping[int, Value]
    rows: RowSet = field(default_factory=dict)
    certainty: Certainty = Certainty.EXACT
    problems: tuple[Problem, ...] = ()
    effects: tuple[RowSet, ...] = ()
    others: tuple[RowSet, ...] = ()
    streams: bool = False

    @staticmethod
    def unknown(problem: Problem | None = None) -> Scope:
        """A scope of which nothing is known."""
        return Scope({}, certainty=Certainty.OPAQUE, problems=(problem,) if problem else ())


def merge_rows(sets: Iterable[RowSet]) -> RowSet:
    """The union of row sets; of several conditions that name a source the first stays. Shares what it can."""
    filled = [each for each in sets if each]
    if not filled:
        return {}
    if all(each is filled[0] for each in filled):
        return filled[0]
    result = dict(filled[0])
    for each in filled[1:]:
        for key, (trace, term) in each.items():
            known = result.get(key)
            result[key] = (trace, term) if known is None else (join_traces(known[0], trace), known[1])
    return result


def row_set(sources: Sources, term: Term) -> RowSet:
    """Sources that were made row-set ones, with their condition."""
    return {key: (trace, term) for key, trace in sources.items()}


def substitute_rows(rows: RowSet, lookup: Callable[[int], Value | None]) -> RowSet:
    """Put the enclosing query's columns into a subquery's row set."""
    result: dict[SourceKey, tuple[Trace, Term]] = {}
    for key, (trace, term) in rows.items():
        for found, found_trace in substitute({key: trace}, lookup).items():
            result.setdefault(found, (found_trace, term))
    return result
