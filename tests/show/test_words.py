"""The words that people are shown, and the short names of datasets."""

from __future__ import annotations

import doctest

import pytest

from spark_lineage.show import words
from spark_lineage.show.html import elements
from spark_lineage.show.words import Labels, repeats


def test_the_examples_in_the_docstrings() -> None:
    assert [doctest.testmod(module).failed for module in (words, elements)] == [0, 0]


def dataset(name: str, *aliases: str, namespace: str = "file") -> dict[str, object]:
    return {"namespace": namespace, "name": name, "aliases": list(aliases)}


def labels(*datasets: dict[str, object]) -> list[str]:
    short = Labels(datasets)
    return [short.of(each) for each in datasets]


def test_a_table_has_its_shortest_alias_without_the_default_catalog() -> None:
    assert labels(dataset("/w/t", "spark_catalog.default.t", "delta.`/w/t`")) == ["default.t"]
    assert labels(dataset("/w/t", "t", "spark_catalog.default.t")) == ["default.t"]
    assert labels(dataset("/w/t", "lake.default.t")) == ["lake.default.t"]


def test_a_file_has_the_shortest_ending_of_two_parts_that_is_its_own() -> None:
    assert labels(dataset("/a/raw/x.csv"), dataset("/b/raw/x.csv"), dataset("/b/raw/y.csv")) == [
        "a/raw/x.csv",
        "b/raw/x.csv",
        "raw/y.csv",
    ]


def test_a_name_without_a_shorter_ending_stays_whole() -> None:
    assert labels(
        dataset("/x"), dataset("topic"), dataset("/a/b", namespace="s3://one"), dataset("/a/b")
    ) == [
        "/x",
        "topic",
        "/a/b",
        "/a/b",
    ]


def test_an_alias_that_two_datasets_share_names_none() -> None:
    assert labels(dataset("/old/lake/t", "db.t"), dataset("/new/lake/t", "db.t")) == [
        "old/lake/t",
        "new/lake/t",
    ]


def test_full_names_are_given_for_those_that_were_shortened() -> None:
    short = Labels([dataset("/w/t", "db.t"), dataset("/a/raw/x.csv"), dataset("/x")])
    assert short.unnamed() == [("raw/x.csv", "/a/raw/x.csv")]


@pytest.mark.parametrize(
    ("expression", "field", "expected"),
    [
        ("amount", "amount", True),
        ("orders.amount", "amount", True),
        ("", "amount", True),
        ("", None, True),
        ("amount", None, False),
        ("total_amount", "amount", False),
        ("(a.b + orders.amount)", "amount", False),
        ("upper(name)", "name", False),
        ("a.b + orders.amount", "amount", False),
    ],
)
def test_an_expression_that_only_repeats_a_name(
    expression: str, field: str | None, *, expected: bool
) -> None:
    assert repeats(expression, field) is expected
