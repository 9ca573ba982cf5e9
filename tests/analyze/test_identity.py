"""Dataset names against OpenLineage's naming conventions and the project's trimming rules."""

import pytest

from spark_lineage.analyze.identity import Naming, jdbc_id
from spark_lineage.analyze.relations import by_options
from spark_lineage.model import DatasetId


@pytest.mark.parametrize(
    ("path", "namespace", "name", "partitions"),
    [
        ("file:/warehouse/report", "file", "/warehouse/report", ()),
        ("file:///warehouse/report/", "file", "/warehouse/report", ()),
        ("/warehouse/report", "file", "/warehouse/report", ()),
        ("/with%20percent", "file", "/with%20percent", ()),
        ("file:/with%20percent", "file", "/with%20percent", ()),
        ("/base/./same/../x", "file", "/base/x", ()),
        ("/out/dt=2026-11-20/part-0.parquet", "file", "/out", ("dt=2026-11-20",)),
        ("/out/a=1/b=x%2Fy", "file", "/out", ("a=1", "b=x%2Fy")),
        ("/raw/orders.csv", "file", "/raw/orders.csv", ()),
        ("/raw/2026-11-20", "file", "/raw", ("2026-11-20",)),
        ("/out/2026", "file", "/out/2026", ()),
        ("/out/1234", "file", "/out/1234", ()),
        ("/raw/2026-11-20T12", "file", "/raw", ("2026-11-20T12",)),
        ("/raw/20261120/12:30", "file", "/raw", ("20261120", "12:30")),
        ("/raw/20261120T123000Z", "file", "/raw", ("20261120T123000Z",)),
        (
            "/tmp/3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "file",
            "/tmp",
            ("3f2504e0-4f89-11d3-9a0c-0305e82c3301",),
        ),
        ("/raw/orders_*.csv", "file", "/raw", ()),
        ("/raw/{a,b}/x.json", "file", "/raw", ()),
        ("/raw/in/*.csv", "file", "/raw/in", ()),
        ("file:/raw/in/*", "file", "/raw/in", ()),
        ("/dt=1", "file", "/dt=1", ()),
        ("s3a://bucket/raw/orders", "s3://bucket", "raw/orders", ()),
        ("gs://bucket/raw", "gs://bucket", "raw", ()),
        ("hdfs://nn:8020/raw/x", "hdfs://nn:8020", "/raw/x", ()),
        (
            "abfss://box@acc.dfs.core.windows.net/raw",
            "abfss://box@acc.dfs.core.windows.net",
            "/raw",
            (),
        ),
        ("dbfs:/mnt/raw", "dbfs", "/mnt/raw", ()),
    ],
)
def test_paths(path: str, namespace: str, name: str, partitions: tuple[str, ...]) -> None:
    location = Naming().locate(path)
    assert (location.id, location.path, location.partitions) == (DatasetId(namespace, name), path, partitions)


def test_rules_can_be_chosen() -> None:
    assert Naming(("date",)).locate("/out/dt=1/2026-11-20").id.name == "/out/dt=1"
    assert Naming(()).locate("/out/dt=1").id.name == "/out/dt=1"
    assert Naming(file_namespace="host-a").locate("/out").id == DatasetId("host-a", "/out")


@pytest.mark.parametrize(
    ("url", "table", "expected"),
    [
        ("jdbc:postgresql://db:5433/shop", "public.orders", ("postgres://db:5433", "shop.public.orders")),
        ("jdbc:postgresql://db/shop?ssl=true", "orders", ("postgres://db:5432", "shop.public.orders")),
        ("jdbc:mysql://db/shop", "`orders`", ("mysql://db:3306", "shop.orders")),
        ("jdbc:derby:memory:db;create=true", "ORDERS", ("derby:memory:db", "ORDERS")),
    ],
)
def test_jdbc_tables(url: str, table: str, expected: tuple[str, str]) -> None:
    assert jdbc_id(url, table) == DatasetId(*expected)


@pytest.mark.parametrize(
    ("options", "topics"),
    [
        ({"topic": "a"}, ["a"]),
        ({"subscribe": "a, b"}, ["a", "b"]),
        ({"assign": '{"a": [0, 1], "b-2": [0]}'}, ["a", "b-2"]),
        ({"subscribepattern": "a,?.*"}, ["a,?.*"]),
        ({}, ["*"]),
    ],
)
def test_kafka_topics(options, topics):
    located = by_options({"kafka.bootstrap.servers": "SSL://one:9092,two:9092", **options}, (), (), Naming())
    assert [(each.dataset.namespace, each.dataset.name) for each in located] == [
        ("kafka://one:9092", topic) for topic in topics
    ]
