"""A SQL file as its statements."""

from __future__ import annotations

import pytest

from spark_lineage.planning.sql_file import statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ;\n;; -- nothing\n/* none */", []),
        ("SELECT 1", [(1, "SELECT 1")]),
        ("SELECT ';' , \"a;b\", `c;d`;\nSELECT 2;", [(1, "SELECT ';' , \"a;b\", `c;d`"), (2, "SELECT 2")]),
        ("SELECT 'it\\';s'; SELECT 2", [(1, "SELECT 'it\\';s'"), (1, "SELECT 2")]),
        ("-- a; b\n\nSELECT 1; /* x; /* y; */ z; */ SELECT 2", [(3, "-- a; b\n\nSELECT 1"), (3, "/* x; /* y; */ z; */ SELECT 2")]),
        ("SELECT 1 - -1 / 2;\n\n\nSELECT\n3", [(1, "SELECT 1 - -1 / 2"), (4, "SELECT\n3")]),
        ("SELECT '2; not closed", [(1, "SELECT '2"), (1, "not closed")]),
        ("SELECT 1 /* not closed; SELECT 2", [(1, "SELECT 1 /* not closed; SELECT 2")]),
    ],
)  # fmt: skip
def test_statements(text, expected):
    assert [(each.line, each.text) for each in statements(text)] == expected
