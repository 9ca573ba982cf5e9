"""List the classes of logical plans in the jars of this environment: `python scripts/write_plan_classes.py [--check] [jar ...]`.

The list of the installed Spark is `tests/closed/spark-<version>.txt`. Each jar named after it (Delta's, Iceberg's) gets a list of
its own classes, under the jar's name. `tests/closed` holds the analyzer's tables to these lists.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyspark
from class_files import ClassFile, classes_in, subclasses

FOLDER = Path(__file__).parent.parent / "tests" / "closed"

_EXPRESSIONS = "org.apache.spark.sql.catalyst.expressions"
ROOTS = {
    "plans": "org.apache.spark.sql.catalyst.plans.logical.LogicalPlan",
    "expressions with a plan": f"{_EXPRESSIONS}.PlanExpression",
    "aggregate functions": f"{_EXPRESSIONS}.aggregate.AggregateFunction",
    "window functions": f"{_EXPRESSIONS}.WindowFunction",
    "generators": f"{_EXPRESSIONS}.Generator",
    "functions with lambdas": f"{_EXPRESSIONS}.HigherOrderFunction",
    "marks": f"{_EXPRESSIONS}.TaggingExpression",
    "not deterministic": f"{_EXPRESSIONS}.Nondeterministic",
    "user-defined": f"{_EXPRESSIONS}.UserDefinedExpression",
}
"""Section of a list -> the class whose concrete subclasses it holds."""


WITHOUT_PLANS = (
    "spark-core_",
    "spark-graphx_",
    "spark-network-",
    "spark-kubernetes_",
    "spark-streaming_",
    "spark-repl_",
)
"""Spark's jars that know nothing of its SQL: half of all classes."""


def spark_jars() -> list[Path]:
    """Spark's own jars in the installed pyspark."""
    jars = (Path(pyspark.__file__).parent / "jars").glob("spark-*.jar")
    return sorted(jar for jar in jars if not jar.name.startswith(WITHOUT_PLANS))


def listing(title: str, classes: dict[str, ClassFile], own: set[str]) -> str:
    """The text of a list: the concrete classes of `own`, by section and name."""
    lines = [f"# {title}: concrete classes; written by scripts/write_plan_classes.py"]
    for section, root in ROOTS.items():
        found = (each.name for each in subclasses(classes, root).values() if each.concrete)
        lines += ["", f"[{section}]", *sorted(name for name in found if name in own)]
    return "\n".join(lines) + "\n"


def listings(jars: list[Path]) -> dict[str, str]:
    """File name -> text: of the installed Spark, and of each further jar."""
    spark = classes_in(spark_jars())
    texts = {f"spark-{pyspark.__version__}.txt": listing(f"Spark {pyspark.__version__}", spark, set(spark))}
    for jar in jars:
        classes = classes_in([jar])
        texts[f"{jar.stem}.txt"] = listing(jar.stem, spark | classes, set(classes) - set(spark))
    return texts


def main() -> int:
    """Write the lists, or with `--check` say whether they are up to date."""
    words = sys.argv[1:]
    texts = listings([Path(word) for word in words if word != "--check"])
    if "--check" not in words:
        FOLDER.mkdir(exist_ok=True)
        for name, text in texts.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        return 0
    wrong = [
        name
        for name, text in texts.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    for name in wrong:
        print(
            f"tests/closed/{name} is not what the jars hold: run scripts/write_plan_classes.py",
            file=sys.stderr,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
