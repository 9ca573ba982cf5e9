"""The golden files are well-formed, and account for every column that their SQL names."""

from __future__ import annotations

import re
import subprocess
import sys

import goldens
import pytest
from queries import REPOSITORY, column_names, read_schema, source_folder

from spark_lineage.model import ROW_SET_SUBTYPES, Subtype

ROW_SUBTYPES = {subtype.value for subtype in ROW_SET_SUBTYPES}
COLUMN_SUBTYPES = {subtype.value for subtype in Subtype} - ROW_SUBTYPES


@pytest.fixture(scope="module")
def tables() -> dict[str, tuple[str, ...]]:
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "fetch_corpora.py")], check=True)
    return {table: column_names(columns) for table, columns in read_schema("tpcds").items()}


def test_there_are_twenty_and_nine_of_the_later_version():
    assert [file.parent.name for file in goldens.FILES] == ["golden"] * 20 + ["golden_v27"] * 9


@pytest.mark.parametrize("file", goldens.FILES, ids=goldens.name_of)
def test_sources_are_sorted_known_and_of_the_right_kind(file, tables):
    query, golden = goldens.read_golden(file)
    assert query == goldens.name_of(file)
    known = {f"{table}.{column}" for table, columns in tables.items() for column in columns}
    places = [(golden.rows, ROW_SUBTYPES)] + [
        (sources, COLUMN_SUBTYPES) for sources in golden.columns.values()
    ]
    for sources, subtypes in places:
        assert list(sources) == sorted(set(sources))
        assert {source.split()[0] for source in sources} <= known
        assert {source.split()[1] for source in sources} <= subtypes


@pytest.mark.parametrize("file", goldens.FILES, ids=goldens.name_of)
def test_every_column_that_the_sql_names_ends_somewhere(file, tables):
    # In these queries no column is selected without being used, so both sets must be the same.
    query, golden = goldens.read_golden(file)
    sql = (source_folder(query.partition("/")[0]) / f"{file.stem}.sql").read_text(encoding="utf-8")
    sql = re.sub("--.*", "", sql)
    base_columns = {column for columns in tables.values() for column in columns}
    named = set(re.findall(r"\w+", sql)) & base_columns
    sources = [*golden.rows, *(source for column in golden.columns.values() for source in column)]
    assert {re.split(r"[. ]", source)[1] for source in sources} == named
