"""What the accuracy bench calls explained: exactly the differences that there are, each with a reason of the list."""

from __future__ import annotations

import sys

import pytest
from support.paths import REPOSITORY

sys.path.append(str(REPOSITORY / "bench"))

from peers.comparison import (
    ROWS,
    Explanation,
    Lineage,
    Reason,
    check,
    compare,
    forgiven,
    is_right,
    lineage,
    read_explanations,
)

OURS = lineage("out", {"a": ["t.a IDENTITY"], "b": ["t.b AGGREGATION", "out.b IDENTITY"]}, ["t.k FILTER"])
THEIRS = lineage("out", {"a": ["t.a IDENTITY"], "b": ["t.b TRANSFORMATION"]}, [])
REASONS = {"lost": Reason("it is lost", "ours"), "habit": Reason("two habits", "both"), "our bug": Reason("", "theirs")}  # fmt: skip
KINDS = Explanation("w", "b", frozenset({"t.b AGGREGATION"}), frozenset({"t.b TRANSFORMATION"}), "habit")
LOST = Explanation("w", ROWS, frozenset({"t.k FILTER"}), frozenset(), "lost")


def test_units_compare_by_direct_sources_and_by_kinds():
    units = compare("w", OURS, THEIRS)
    assert [(unit.column, unit.direct, unit.kinds) for unit in units] == [
        ("a", "same", "same"),
        ("b", "same", "differs"),
        (ROWS, "same", "ours only"),
    ]


@pytest.mark.parametrize(
    ("explained", "complaints"),
    [
        ([KINDS, LOST], []),
        ([LOST], ['unexplained: [difference."w"] "b" = { lacks = ["t.b AGGREGATION"], adds = ["t.b TRANSFORMATION"], reason = ? }']),
        ([KINDS, LOST, Explanation("w", "a", frozenset({"t.a IDENTITY"}), frozenset(), "lost")], ["stale: w: a: the two agree by now"]),
        ([KINDS, LOST, Explanation("w", "c", frozenset(), frozenset(), "lost")], ["stale: w: c: there is no such unit"]),
        ([KINDS, LOST, Explanation("not run", "c", frozenset(), frozenset(), "lost")], []),
        ([KINDS, Explanation("w", ROWS, frozenset({"t.k JOIN"}), frozenset(), "lost")], ['explained as another difference: [difference."w"] "(rows)" = { lacks = ["t.k FILTER"], reason = ? }']),
        ([KINDS, Explanation("w", ROWS, frozenset({"t.k FILTER"}), frozenset(), "mood")], ["w: (rows): no reason is called 'mood'"]),
    ],
)  # fmt: skip
def test_every_difference_is_explained_and_nothing_else(explained, complaints):
    assert check(compare("w", OURS, THEIRS), REASONS, explained) == complaints


def test_a_reason_must_agree_with_the_expectation():
    blamed = Explanation("w", ROWS, LOST.lacks, LOST.adds, "our bug")
    complaint = "w: (rows): the reason 'our bug' does not agree with the expectation"
    assert check(compare("w", OURS, THEIRS, OURS), REASONS, [KINDS, blamed]) == [complaint]
    truth = Lineage(OURS.columns, THEIRS.rows)
    assert check(compare("w", OURS, THEIRS, truth), REASONS, [KINDS, LOST]) == [complaint.replace("our bug", "lost")]  # fmt: skip


def test_where_two_conventions_meet_both_are_right():
    assert not is_right(THEIRS, OURS, "kinds")
    allowed = forgiven(THEIRS, compare("w", OURS, THEIRS), [KINDS])
    assert is_right(allowed, OURS, "kinds")
    assert not is_right(allowed, OURS, "rows")


def test_the_file_uses_each_reason_and_names_no_other():
    reasons, explained = read_explanations(REPOSITORY / "bench" / "peers" / "differences.toml")
    assert {each.reason for each in explained} == set(reasons)
    assert {reason.right for reason in reasons.values()} <= {"ours", "theirs", "both"}
    assert all(each.lacks or each.adds for each in explained)
