"""Java that tests need beside the bridge, compiled once."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from harmless.faulty import compile_java


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the classes of `tests/harmless/java`."""
    return compile_java(tmp_path_factory.mktemp("harmless"))


@pytest.fixture(scope="session")
def helpers(classes: Path) -> Path:
    """A jar with those of them that are not the bridge's."""
    jar = classes.parent / "helpers.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        for each in sorted((classes / "harmless").glob("*.class")):
            archive.write(each, str(each.relative_to(classes)))
    return jar
