"""The switch for a session to come, apart from the rest of the API.

A job that is only watched needs neither Arrow nor Delta in its driver, so this loads neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_lineage.capture import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def configure(
    builder: SparkSession.Builder,
    store: Path | str | None = None,
    spool: Path | str | None = None,
    **settings: Any,
) -> SparkSession.Builder:
    """Switch lineage on in the builder of a session to come, and return it; call it last.

    Takes what `enable` takes. Composes with Delta's helper:

        builder = configure_spark_with_delta_pip(SparkSession.builder.config(...))
        spark = spark_lineage.configure(builder).getOrCreate()
    """
    return session.configure(builder, session.builder_settings(builder, store=store, spool=spool, **settings))
