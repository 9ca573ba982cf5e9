"""The process that analyzes: `python -m spark_lineage.planning.child REQUEST ANSWER`.

REQUEST is a JSON object, `{"folder", "jar", "ddl": [[line, text]], "statements": [[line, text]], "script", "tables": {name: [[column, type]]}}`;
ANSWER gets a line of JSON for each statement. Nothing is printed but what Spark itself prints.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from spark_lineage.planning.session import Catalog, start
from spark_lineage.planning.sql_file import Statement
from spark_lineage.planning.statements import Statements

__all__ = ["main"]


def main(request: Path, answer: Path) -> None:
    """Analyze what a request asks for."""
    asked: dict[str, Any] = json.loads(request.read_text(encoding="utf-8"))
    spark = start(Path(asked["folder"]), Path(asked["jar"]))
    work = Statements(Catalog(spark, asked["tables"]))
    with answer.open("w", encoding="utf-8") as out:
        for source in ("ddl", "statements"):
            for line, text in asked[source]:
                found = work.analyze(Statement(line, text))
                if source == "statements" or found.outcome == "refused":
                    out.write(found.to_json() + "\n")
                    out.flush()
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
