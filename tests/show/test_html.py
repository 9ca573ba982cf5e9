"""What a notebook shows for answers written by hand: well-formed, self-contained, and all of it escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import hand_written as answers
import pytest

from spark_lineage.show.html.elements import draw_tree
from spark_lineage.show.html.lineage import lineage_html
from spark_lineage.show.html.lists import problems_html, runs_html, search_html, tables_html
from spark_lineage.show.html.table import table_html

Draw = Callable[[dict[str, Any]], str]

DRAWINGS = [
    pytest.param(table_html, answers.table_answer(), id="table"),
    pytest.param(lineage_html, answers.upstream_answer(), id="upstream"),
    pytest.param(lineage_html, answers.downstream_answer(), id="downstream"),
    pytest.param(runs_html, answers.runs_answer(), id="runs"),
    pytest.param(tables_html, answers.tables_answer(), id="tables"),
    pytest.param(search_html, answers.search_answer(), id="search"),
    pytest.param(problems_html, {"schema_version": 1, "problems": [answers.problem()]}, id="problems"),
]
VOID = {"br"}


class Reader(HTMLParser):
    """Reads the rows of tables and the items of lists; fails where tags do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.rows: list[list[str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)
        elif tag == "br" and self.rows and "td" in self.open:
            self.rows[-1][-1] += "|"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)
        if "td" in self.open:
            self.rows[-1][-1] += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize(("draw", "answer"), DRAWINGS)
def test_a_drawing_nests_and_takes_nothing_from_elsewhere(draw: Draw, answer: dict[str, Any]) -> None:
    page = draw(answer)
    reader = read(page)
    allowed = {
        "div",
        "style",
        "span",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "code",
        "b",
        "i",
        "br",
    }
    assert reader.tags <= allowed
    assert reader.attributes == {"class"}
    assert re.findall(r"url\(|@import|https?:|//", page) == []


@pytest.mark.parametrize(("draw", "answer"), DRAWINGS)
def test_colours_fit_light_and_dark(draw: Draw, answer: dict[str, Any]) -> None:
    style = draw(answer).partition("</style>")[0]
    # Backgrounds let the page through; text is the page's own or of a hue that stands on white and on black.
    assert set(re.findall(r"background:([^;}]+)", style)) == {"none", "rgba(127,127,127,.13)"}
    assert set(re.findall(r"[{;]color:([^;}]+)", style)) == {"inherit", "#2e9950", "#c07a10", "#e0484d"}


def test_the_columns_of_a_table() -> None:
    rows = [row for row in read(table_html(answers.table_answer())).rows if len(row) == 5]
    assert rows[1:] == [
        ["day", "date", "silver.payments.paid_on through silver.paid", "identity", ""],
        [
            "tier|a superset: some of these sources may not matter",
            "string",
            "silver.lines.amount",
            "conditional",
            "CASE WHEN (sum(amount) > ?) THEN ? ELSE ? END",
        ],
        ["buyer", "string", "in/buyers.csv.mail masked", "transformation", "sha2(mail, ?)"],
        ["one", "int", "no source column", "", ""],
        ["what|opaque: it may have sources that are not known", "string", "not known", "", ""],
    ]


def test_each_source_has_a_row_of_its_own() -> None:
    answer = answers.table_answer()
    both = [answers.source("silver.lines", field, "TRANSFORMATION", "(a + b)") for field in ("a", "b")]
    answer["columns"] = [answers.column("sum", "int", *both)]
    rows = [row for row in read(table_html(answer)).rows if len(row) == 5]
    assert rows[1:] == [
        ["sum", "int", "silver.lines.a", "transformation", "(a + b)"],
        ["", "", "silver.lines.b", "transformation", ""],
    ]


def test_the_fields_of_a_column_and_a_version() -> None:
    reader = read(table_html(answers.nested_answer()))
    assert [row for row in reader.rows if len(row) == 5][1:] == [
        ["info", "struct<zip:string,n:int>", "raw.boxes.zip", "transformation", "struct(zip, ?)"],
        ["info.zip", "", "raw.boxes@3.zip", "identity", ""],
        ["info.n", "", "no source column", "", ""],
    ]
    assert [row for row in reader.rows if len(row) == 3][1:] == [["filter", "raw.boxes@3.day", "(day > ?)"]]


def test_the_rows_of_a_table() -> None:
    rows = [row for row in read(table_html(answers.table_answer())).rows if len(row) == 3]
    assert rows[1:] == [
        ["join", "silver.lines.order_id|silver.payments.order_id", "(order_id = order_id)"],
        ["group by", "silver.payments.paid_on", ""],
    ]


def test_the_impact_by_table() -> None:
    rows = [row for row in read(lineage_html(answers.downstream_answer())).rows if len(row) == 5]
    assert rows[1:] == [
        ["bronze.items 1 hop", "price", "identity", "raw/items.json.price", ""],
        [
            "silver.lines 2 hops",
            "amount a superset: some of these sources may not matter",
            "transformation",
            "bronze.items.price",
            "(price * quantity)",
        ],
        ["gold.best 3 hops", "its rows", "filter", "silver.lines.amount", ""],
        ["", "and, through its rows, every column", "", "", ""],
        ["gold.revenue 3 hops", "label  transformation over all hops", "identity", "silver.lines.amount", ""],
    ]


def test_a_tree_is_nested_lists() -> None:
    items = [(0, "a"), (1, "b"), (2, "c"), (1, "d"), (0, "e")]
    assert draw_tree(items) == (
        '<ul class="sl-root"><li>a<ul><li>b<ul><li>c</li></ul></li><li>d</li></ul></li><li>e</li></ul>'
    )


@pytest.mark.parametrize(("draw", "answer"), DRAWINGS)
def test_hostile_names_are_shown_and_never_markup(draw: Draw, answer: dict[str, Any]) -> None:
    hostile = spoil(answer)
    page = draw(hostile)
    assert "<script" not in page
    assert "\x1b" not in page
    assert r"<script>alert(1)</script>\x1b[31m[red]" in "".join(read(page).text)


def spoil(value: Any) -> Any:
    """The same answer with a hostile ending on every text that comes from a job."""
    words = {"direction", "subtype", "state", "severity", "kind", "started_at", "ended_at"}
    if isinstance(value, dict):
        return {key: item if key in words else spoil(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spoil(item) for item in value]
    return value + answers.HOSTILE if isinstance(value, str) else value
