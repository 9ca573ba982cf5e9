"""Bring a spool into its store, for a scheduler.

    python -m spark_lineage.jobs.ingest --store D
    spark-submit .../spark_lineage/jobs/ingest.py --store D

Prints one JSON line, the report. Exit code 0; 1 for a problem, and also where something was bad and the rest was
ingested; 2 for wrong use. No Spark session is started: the store is written through deltalake.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from spark_lineage import pipeline
from spark_lineage.errors import LineageError
from spark_lineage.model import SCHEMA_VERSION
from spark_lineage.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Ingest with the command line `arguments` (None: those of the process) and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="spark_lineage.jobs.ingest", description="Bring a spool into its store."
    )
    parser.add_argument("--store", help="where the lineage tables lie (default: the setting `store`)")
    parser.add_argument("--spool", help="where the records wait (default: the spool of the store)")
    given = parser.parse_args(arguments)
    try:
        settings = load_settings(store=given.store, spool=given.spool)
        report = pipeline.ingest(settings.spool, settings.store)
    except LineageError as error:
        print(json.dumps({"error": {"code": error.code, "message": str(error)}}))
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps({"schema_version": SCHEMA_VERSION, **asdict(report)}))
    return 1 if report.bad_segments or report.bad_records else 0


if __name__ == "__main__":
    sys.exit(main())
