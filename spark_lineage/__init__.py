"""Column-level lineage for Spark: one flag on a job, and its lineage is in Delta tables and on the screen.

    import spark_lineage

    lineage = spark_lineage.enable(spark)        # a session that runs
    lineage.table("report")                      # draws itself in a notebook

`import spark_lineage` is quick and imports no pyspark: each name below is loaded from its own module when it
is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spark_lineage.api import Lineage, enable, open, plan  # noqa: A004 - read as spark_lineage.open
    from spark_lineage.errors import (
        BridgeError,
        DeclarationError,
        DecodeError,
        LineageError,
        NameLookupError,
        SettingError,
        SparkUnsupportedError,
        StoreError,
    )
    from spark_lineage.switch import configure

__version__ = "0.1.0"

__all__ = [
    "BridgeError",
    "DeclarationError",
    "DecodeError",
    "Lineage",
    "LineageError",
    "NameLookupError",
    "SettingError",
    "SparkUnsupportedError",
    "StoreError",
    "configure",
    "enable",
    "open",
    "plan",
]

_MODULES = {
    "Lineage": "spark_lineage.api",
    "configure": "spark_lineage.switch",
    "enable": "spark_lineage.api",
    "open": "spark_lineage.api",
    "plan": "spark_lineage.api",
}
"""Where a name comes from; those that are not here are errors."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'spark_lineage' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES.get(name, "spark_lineage.errors")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
