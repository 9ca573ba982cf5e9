"""One Spark session with Delta, for all tests of this folder."""

from __future__ import annotations

import pytest
from support.spark import UNCOMPILED, end_jvm, local_builder, own_session


@pytest.fixture(scope="package")
def spark(tmp_path_factory):
    end_jvm()
    builder = local_builder(tmp_path_factory.mktemp("spark"))
    for name, value in (UNCOMPILED | {"spark.databricks.delta.snapshotPartitions": "1"}).items():
        builder = builder.config(name, value)
    with own_session(builder) as session:
        yield session
