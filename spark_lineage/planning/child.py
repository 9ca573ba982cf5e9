"""The process that analyzes: `python -m spark_lineage.planning.child REQUEST ANSWER`.

REQUEST is a JSON object, `{"folder", "jar", "ddl": [[line, text]], "statements": [[line, text]], "script", "arguments", "cwd", "tables": {name:
[[column, type]]}, "places": {"namespace|name": [[column, type]]}}`; ANSWER gets a line of JSON for each statement, and after a script
one, `{"renamed": {alias: [namespace, name]}}`. Nothing is printed but what Spark itself prints.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

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
                    out.write(work.told(found).to_json() + "\n")
                    out.flush()
        if asked["script"]:
            _run_script(asked, work, out)
    os._exit(0)  # what a script left running is no reason to wait


def _run_script(asked: dict[str, Any], work: Statements, out: TextIO) -> None:
    """Run a script; then what it wrote and looked at, and what the tables that were made for it stand for."""
    from spark_lineage.planning.script import Script  # noqa: PLC0415 - SQL needs none of it

    before = len(work.done)
    script = Script(Path(asked["script"]), Path(asked["folder"]), Path(asked["cwd"]), work, asked["places"])
    script.run(asked["arguments"])
    out.writelines(work.told(found).to_json() + "\n" for found in work.done[before:])
    out.write(json.dumps({"renamed": script.renamed}) + "\n")
    out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
