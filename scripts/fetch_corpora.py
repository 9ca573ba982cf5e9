"""Fetch Spark's own SQL test jar from Maven Central and unpack the query corpora that the tests run.

    python scripts/fetch_corpora.py [--spark 4.1.3] [--scala 2.13] [--into .cache/spark-sql-tests]

The folder then holds, as in the jar, `tpcds/*.sql`, `tpcds-v2.7.0/*.sql`, `tpch/*.sql`, `ssb/*.sql`, all of
`sql-tests/inputs` and `sql-tests/results`, their data in `test-data/postgresql`, and `TPCDSSchema.json`: table name ->
column definitions, read out of the class file's constants. `jars/` has that jar and the few it needs, for the
test functions (`IntegratedUDFTestUtils`) that some of the SQL tests call. A stamp file makes a second run return at once.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDERS = ("tpcds", "tpcds-v2.7.0", "tpch", "ssb")
TREES = ("sql-tests/inputs/", "sql-tests/results/", "test-data/postgresql/")
FUNCTION_JARS = (
    "org.apache.spark:spark-catalyst_{scala}:{spark}:jar:tests",
    "org.scalatest:scalatest-core_{scala}:3.2.19",
    "org.scalatest:scalatest-compatible:3.2.19",
    "org.scalactic:scalactic_{scala}:3.2.19",
)
CONTENT = 2
"""Raised when the folder holds other things than before, so that older ones are filled anew."""
SCHEMA_CLASS = "org/apache/spark/sql/TPCDSSchema.class"
TABLE_NAME = re.compile(r"[a-z_]+")
COLUMN_DEFINITIONS = re.compile(r"[\s|]*`\w+` [A-Z]")
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"


def main() -> int:
    """Fetch and unpack unless the stamp says that it is done; returns the exit code."""
    arguments = parse_arguments()
    stamp = arguments.into / "stamp"
    wanted = f"spark-sql_{arguments.scala} {arguments.spark} content {CONTENT}\n"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return 0
    # Beside the folder, and moved at the end: who reads the old one meanwhile finds it whole.
    fresh = arguments.into.with_name(f"{arguments.into.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    jars = fresh / "jars"
    jars.mkdir(parents=True)
    jar = fetch_jars(arguments.spark, arguments.scala, jars)
    counts = unpack(jar, fresh)
    (fresh / "stamp").write_text(wanted, encoding="utf-8")
    if arguments.into.exists():
        shutil.rmtree(arguments.into)
    fresh.replace(arguments.into)
    print(", ".join(f"{folder}: {count} files" for folder, count in counts.items()))
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Unpack the query corpora of Spark's SQL test jar.")
    parser.add_argument("--spark", default="4.1.3", help="Spark version (default: %(default)s)")
    parser.add_argument("--scala", default="2.13", help="Scala line (default: %(default)s)")
    parser.add_argument("--into", type=Path, default=REPOSITORY / ".cache" / "spark-sql-tests")
    return parser.parse_args()


def fetch_jars(spark: str, scala: str, into: Path) -> Path:
    """Copy the tests jar and those that its functions need into `into` with Maven; returns the tests jar."""
    own = f"org.apache.spark:spark-sql_{scala}:{spark}:jar:tests"
    for artifact in (own, *(each.format(scala=scala, spark=spark) for each in FUNCTION_JARS)):
        command = [
            "mvn", "--batch-mode", "--no-transfer-progress", "--quiet", COPY_GOAL,
            f"-Dartifact={artifact}", f"-DoutputDirectory={into}", "-Dmdep.useBaseVersion=true",
        ]  # fmt: skip
        # Away from any pom.xml, so that Maven resolves this one artifact and nothing of a project.
        done = subprocess.run(command, cwd=into, check=False)
        if done.returncode != 0:
            raise SystemExit(f"Maven could not fetch {artifact}: see its message above, then run this again.")
    return into / f"spark-sql_{scala}-{spark}-tests.jar"


def unpack(jar: Path, into: Path) -> dict[str, int]:
    """Unpack the queries, the SQL tests and the TPC-DS schema; returns the number of files by folder."""
    counts = dict.fromkeys((*FOLDERS, *TREES), 0)
    with zipfile.ZipFile(jar) as archive:
        for name in sorted(archive.namelist()):
            folder = _folder_of(name)
            if folder is not None:
                target = into / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
                counts[folder] += 1
        schema = tpcds_schema(archive.read(SCHEMA_CLASS))
    text = json.dumps(schema, indent=1) + "\n"
    (into / "TPCDSSchema.json").write_text(text, encoding="utf-8")
    return counts


def _folder_of(name: str) -> str | None:
    """Which of the folders an entry of the jar belongs to, None for all others."""
    folder, _, file_name = name.partition("/")
    if folder in FOLDERS and file_name.endswith(".sql") and "/" not in file_name:
        return folder
    return next((tree for tree in TREES if name.startswith(tree) and not name.endswith("/")), None)


def tpcds_schema(class_file: bytes) -> dict[str, str]:
    """Table name -> column definitions (a DDL text), from pairs of string constants that follow each other.

    Scala compiles `"t" -> "columns"` into two `ldc` in a row, so their constants stand in that order in the
    constant pool; the texts still have the bars of `stripMargin`.
    """
    schema: dict[str, str] = {}
    table = None
    for text in string_constants(class_file):
        if COLUMN_DEFINITIONS.match(text):
            if table is None:
                raise SystemExit("The TPC-DS schema's constants do not stand in pairs of table and columns.")
            schema[table] = " ".join(text.replace("|", " ").split())
            table = None
        elif TABLE_NAME.fullmatch(text):
            table = text
    if not schema:
        raise SystemExit(f"{SCHEMA_CLASS} holds no column definitions: this Spark keeps them elsewhere.")
    return schema


def string_constants(class_file: bytes) -> list[str]:
    """The texts of all CONSTANT_String entries, in the order of the pool (JVM specification, 4.4)."""
    sizes = {
        3: 4,
        4: 4,
        5: 8,
        6: 8,
        7: 2,
        8: 2,
        9: 4,
        10: 4,
        11: 4,
        12: 4,
        15: 3,
        16: 2,
        17: 4,
        18: 4,
        19: 2,
        20: 2,
    }
    (count,) = struct.unpack_from(">H", class_file, 8)
    offset, index = 10, 1
    texts: dict[int, str] = {}
    strings: list[int] = []
    while index < count:
        tag = class_file[offset]
        if tag == 1:
            (length,) = struct.unpack_from(">H", class_file, offset + 1)
            texts[index] = class_file[offset + 3 : offset + 3 + length].decode("utf-8", "surrogatepass")
            offset += 3 + length
        else:
            if tag == 8:
                strings.extend(struct.unpack_from(">H", class_file, offset + 1))
            offset += 1 + sizes[tag]
        index += 2 if tag in {5, 6} else 1
    return [texts[string] for string in strings]


if __name__ == "__main__":
    sys.exit(main())
