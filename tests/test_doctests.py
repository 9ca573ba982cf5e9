"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib.util
import pkgutil
import re

from support.paths import REPOSITORY

import spark_lineage

EXAMPLE = re.compile(r"^\s*>>> ", re.MULTILINE)
OPTIONAL = {"delta", "pandas", "py4j", "pyspark"}


def test_the_examples_in_docstrings():
    sources = (REPOSITORY / "spark_lineage").rglob("*.py")
    files = {str(path) for path in sources if EXAMPLE.search(path.read_text(encoding="utf-8"))}
    failed, tested = [], set()
    for found in pkgutil.walk_packages(spark_lineage.__path__, "spark_lineage."):
        spec = importlib.util.find_spec(found.name)
        # Only these: a job of the demo, or `__main__`, does something when it is imported.
        if spec is None or spec.origin not in files:
            continue
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in OPTIONAL:
                continue
            raise
        result = doctest.testmod(module)
        failed += [found.name] * bool(result.failed)
        tested |= {found.name} if result.attempted else set()
    assert (failed, len(tested) >= len(files) > 0) == ([], True)
