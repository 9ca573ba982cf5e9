"""The session that analyzes: local, in a throw-away folder, with empty tables, without anything of the user's configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["Catalog", "Columns", "start"]

Columns = Sequence[tuple[str, str]]
"""Names and types (Spark's `simpleString`) of a table's columns."""

_CONFIGURATION = {
    "spark.master": "local[1]",
    "spark.app.name": "spark-lineage plan",
    "spark.ui.enabled": "false",
    "spark.sql.catalogImplementation": "in-memory",
    # A path in the place of a table's name would be looked at for its schema.
    "spark.sql.runSQLOnFiles": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.eventLog.enabled": "false",
    "spark.lineage.enabled": "false",
}


def start(folder: Path, jar: Path) -> SparkSession:
    """A session whose tables, log and temporary files are all in `folder`."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only the child has Spark

    builder: Any = SparkSession.builder
    for name, value in _CONFIGURATION.items():
        builder = builder.config(name, value)
    builder = builder.config("spark.sql.warehouse.dir", str(folder / "warehouse"))
    builder = builder.config("spark.lineage.hashKeyFile", str(folder / "hash.key"))
    builder = builder.config("spark.local.dir", str(folder / "local")).config("spark.jars", str(jar))
    builder = builder.config(
        "spark.driver.extraJavaOptions", f"-Djava.io.tmpdir={folder} -Dderby.system.home={folder}"
    )
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


@dataclass(slots=True)
class Catalog:
    """The throw-away catalog: empty tables of the names and columns that were told. `known` are those that a store knows."""

    spark: SparkSession
    known: Mapping[str, Columns]
    made: set[str] = field(default_factory=set)
    sql: Callable[[str], Any] = field(init=False)

    def __post_init__(self) -> None:
        self.sql = self.spark.sql  # as it is now: a script gets another one

    def make(self, name: Sequence[str], columns: Columns, partitions: Iterable[str] = ()) -> None:
        """Make an empty table, and its database; one that is there stays."""
        if len(name) > 1:
            self.sql(f"CREATE NAMESPACE IF NOT EXISTS {quoted(name[:-1])}")
        listed = ", ".join(f"{quoted([column])} {type_}" for column, type_ in columns)
        by = ", ".join(quoted([column]) for column in partitions)
        split = f" PARTITIONED BY ({by})" if by else ""
        self.sql(f"CREATE TABLE IF NOT EXISTS {quoted(name)} ({listed}) USING parquet{split}")

    def make_known(self, name: Sequence[str]) -> bool:
        """Make a table that a statement lacks, if the store knows it and it was not made yet."""
        parts = [part for part in name if part != "spark_catalog"]
        if len(parts) == 1:
            parts = [str(self.spark.catalog.currentDatabase()), *parts]
        key = ".".join(parts).casefold()
        columns = self.known.get(key)
        if columns is None or key in self.made:
            return False
        self.made.add(key)
        self.make(parts, columns)
        return True


def quoted(name: Sequence[str]) -> str:
    """A name of several parts in SQL.

    >>> quoted(["db", "a`b"])
    '`db`.`a``b`'
    """
    return ".".join(f"`{part.replace('`', '``')}`" for part in name)
