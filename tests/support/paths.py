"""Where things lie in the sources."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CORPORA = REPOSITORY / ".cache" / "spark-sql-tests"
JAR = REPOSITORY / "spark_lineage" / "jars" / "spark-lineage-bridge.jar"
