"""One Spark session with connectors beside Spark's own jars, and the lineage object that listens to it.

The jars are those of `tests/sources/pom.xml`; `make test` fetches them. Spark's own catalog is Iceberg's session
catalog, `ice` one in a folder.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyspark
import pytest
from lineage.place import Place, new_place
from pyspark.sql import SparkSession
from support.spark import end_jvm, local_builder, own_session, quickly

from sources.broker import broker
from sources.database import INSTALLED, Database, database, postgresql

JARS = Path(__file__).parents[2] / ".cache" / "jars"
LINE = ".".join(pyspark.__version__.split(".")[:2])
DATABASES = itertools.count()
CATALOGS = {
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.spark_catalog": "org.apache.iceberg.spark.SparkSessionCatalog",
    "spark.sql.catalog.spark_catalog.type": "hadoop",
    "spark.sql.catalog.ice": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.ice.type": "hadoop",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if postgresql() is None:
        terminalreporter.write_line(f"no initdb on the path or in {INSTALLED}: the tests of JDBC ran on H2")


def jars(profile: str) -> list[str]:
    """The jars of one profile of the POM."""
    found = sorted(str(path) for path in (JARS / profile).glob("*.jar"))
    if not found:
        pytest.skip(f"no jars in {JARS / profile}: run `make .cache/jars/{profile}/stamp`")
    return found


@pytest.fixture(scope="package")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A fresh local JVM with the connectors; ended with the folder's last test."""
    given = [*jars(f"spark-{LINE}"), *jars("jdbc")]
    end_jvm()
    folder = tmp_path_factory.mktemp("spark")
    builder = local_builder(folder, delta=False).config("spark.jars", ",".join(given))
    builder = builder.config(map=CATALOGS | quickly())
    for catalog in ("ice", "spark_catalog"):
        builder = builder.config(f"spark.sql.catalog.{catalog}.warehouse", str(folder / catalog))
    with own_session(builder) as session:
        yield session


@pytest.fixture(scope="package")
def lineage(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The lineage of that session, with a store of its own."""
    import spark_lineage  # noqa: PLC0415  # the skip for want of jars comes first

    return spark_lineage.enable(spark, store=tmp_path_factory.mktemp("lineage") / "store")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Kafka broker."""
    with broker(jars("kafka"), tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="package")
def base() -> Iterator[Database]:
    """A database: PostgreSQL, or H2 where it is not installed."""
    with database() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose last segment no path rule trims."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def place(spark: SparkSession, lineage: Any, folder: Path) -> Place:
    """A place with the Parquet tables `t` and `u`, and a namespace of the same name in `ice`."""
    found = new_place(spark, lineage, folder, f"sources_{next(DATABASES):02d}")
    found.sql(f"CREATE NAMESPACE ice.{found.database}")
    return found
