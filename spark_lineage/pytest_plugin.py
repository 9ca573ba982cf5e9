"""The pytest plugin: a fixture `lineage`, and the store that it opens.

pytest loads this module in every run of an environment that has the package, so it imports nothing but pytest; the rest comes
when a test asks for the fixture. The assertions are in `spark_lineage.testing`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from spark_lineage.api import Lineage

_VARIABLE = "SPARK_LINEAGE_STORE"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option `--lineage-store` and the setting `lineage_store`."""
    text = "The store that the fixture `lineage` opens: a folder, or the URI of one."
    parser.getgroup("spark-lineage").addoption("--lineage-store", metavar="STORE", help=text)
    parser.addini("lineage_store", f"{text} Relative to the rootdir.", default="")


@pytest.fixture
def lineage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lineage]:
    """The lineage of a store, or of what the test runs.

    The store is that of `--lineage-store`, of `lineage_store` in pytest's settings or of SPARK_LINEAGE_STORE, the first that is
    given. Otherwise lineage is switched on in the session of the fixture `spark` for this test, with a store of its own; in a
    session where it is on already, that store is used.
    """
    import spark_lineage  # noqa: PLC0415 - see the module's docstring

    store = _given_store(request.config)
    if store:
        yield spark_lineage.open(store)
        return
    spark = _session(request)
    from spark_lineage.capture import session  # noqa: PLC0415

    current = session.status(spark)
    if current is not None and current.alive:
        yield spark_lineage.enable(spark)
        return
    yield spark_lineage.enable(
        spark, store=tmp_path / "lineage" / "store", spool=tmp_path / "lineage" / "spool"
    )
    if not session.has_ended(spark):
        session.detach(spark)


def _given_store(config: pytest.Config) -> str:
    option = config.getoption("--lineage-store")
    if option:
        return str(option)
    setting = str(config.getini("lineage_store"))
    if setting:
        return setting if "://" in setting else str(config.rootpath / setting)
    return os.environ.get(_VARIABLE, "")


def _session(request: pytest.FixtureRequest) -> Any:
    try:
        return request.getfixturevalue("spark")
    except pytest.FixtureLookupError as error:
        if error.argname != "spark":
            raise
        pytest.fail(
            "The fixture `lineage` has no store and no session: give --lineage-store, lineage_store in pytest's settings "
            f"or {_VARIABLE}, or write a fixture `spark` that gives a SparkSession.",
            pytrace=False,
        )
