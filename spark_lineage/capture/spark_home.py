"""The Spark at hand: where it is, its version, and what is already set for it. Nothing here imports pyspark."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from spark_lineage.errors import SparkUnsupportedError

OLDEST_LINE = (3, 5)
NEWEST_LINE = (4, 2)
"""The lines that are tested; a newer one is tried, an older one refused."""

_CORE_JAR = re.compile(r"spark-core_(?P<scala>\d+\.\d+)-(?P<version>\d+\.\d+\.\d+.*)\.jar")
_PROPERTY = re.compile(r"(?P<key>(?:\\.|[^\\=:\s])+)\s*[=:\s]?\s*(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class SparkHome:
    """An installed Spark: its folder, version (`4.1.3`) and Scala line (`2.13`)."""

    folder: Path
    version: str
    scala: str

    @property
    def line(self) -> tuple[int, int]:
        """Major and minor version."""
        return spark_line(self.version)


def spark_line(version: str) -> tuple[int, int]:
    """Major and minor number of a Spark version.

    >>> spark_line("4.1.3")
    (4, 1)
    """
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def find_spark(folder: Path | None = None) -> SparkHome:
    """The Spark in `folder`, else in `$SPARK_HOME`, else that of the installed pyspark.

    Raises `SparkUnsupportedError` if there is none or it is older than 3.5.
    """
    home = folder or find_folder()
    if home is None:
        raise SparkUnsupportedError(
            "No Spark was found: install it with `pip install 'spark-lineage[spark]'`, or set SPARK_HOME."
        )
    found = next((_CORE_JAR.fullmatch(path.name) for path in home.glob("jars/spark-core_*.jar")), None)
    if found is None:
        raise SparkUnsupportedError(
            f"{home} holds no Spark (no jars/spark-core_*.jar): set SPARK_HOME to one."
        )
    spark = SparkHome(home, found["version"], found["scala"])
    check_version(spark.version)
    return spark


def find_folder() -> Path | None:
    """`$SPARK_HOME`, else the folder of the installed pyspark; None if there is neither."""
    named = os.environ.get("SPARK_HOME")
    if named:
        return Path(named)
    spec = find_spec("pyspark")
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) if places else None


def check_version(version: str) -> None:
    """Raise `SparkUnsupportedError` for a Spark that is older than the oldest line supported."""
    if spark_line(version) < OLDEST_LINE:
        raise SparkUnsupportedError(f"Spark {version} is not supported: lineage needs Spark 3.5 to 4.2.")


def set_already(spark: SparkHome) -> dict[str, str]:
    """What a job on this Spark has set before its own words: `spark-defaults.conf`, then `PYSPARK_SUBMIT_ARGS`."""
    folder = Path(os.environ.get("SPARK_CONF_DIR") or spark.folder / "conf")
    file = folder / "spark-defaults.conf"
    defaults = read_properties(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return defaults | read_submit_words(os.environ)


def read_properties(text: str) -> dict[str, str]:
    r"""Entries of a Java properties text, as `spark-defaults.conf` is: `key value`, `key=value` or `key: value`.

    >>> read_properties("# ours\nspark.master  local[2]\nspark.jars=a.jar,\\\n   b.jar")
    {'spark.master': 'local[2]', 'spark.jars': 'a.jar,b.jar'}
    """
    joined = re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*", r"\1", text)
    lines = (line.strip() for line in joined.splitlines())
    found = (_PROPERTY.fullmatch(line) for line in lines if line and line[0] not in "#!")
    return {_unescape(entry["key"]): _unescape(entry["value"]) for entry in found if entry is not None}


def read_submit_words(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings in `PYSPARK_SUBMIT_ARGS`: `--conf key=value`, and `--jars` as `spark.jars`."""
    words = shlex.split(environment.get("PYSPARK_SUBMIT_ARGS", ""))
    found: dict[str, str] = {}
    for word, following in pairwise(words):
        if word in {"--conf", "-c"} and "=" in following:
            key, _, value = following.partition("=")
            found[key] = value
        elif word == "--jars":
            found["spark.jars"] = following
    return found


def with_entry(existing: str | None, entry: str) -> str:
    """A comma-separated list with one entry added at its end, once.

    >>> with_entry("a, b", "c")
    'a,b,c'
    """
    entries = [part.strip() for part in (existing or "").split(",") if part.strip()]
    return ",".join([*(part for part in entries if part != entry), entry])


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
