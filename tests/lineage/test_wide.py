"""A table of 600 columns through 60 operators, a union and a join: the answer is complete and exact.

What comes out is told by a model of the six kinds of steps, beside the DataFrame; columns are `c0` to `c599` of one table and
`o0` to `o599` of the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from lineage.harness import spark_marks
from lineage.place import Place, fields

pytestmark = spark_marks()

COLUMNS = 600
OPERATORS = 60


@dataclass
class Wide:
    """A DataFrame, its columns in order with the source and kind of each, and the columns that its filters read."""

    frame: DataFrame
    columns: list[tuple[str, str, str]]
    filters: list[str] = field(default_factory=list)

    def step(self, number: int) -> None:
        """One more operator: a new value, a new name, another order, a filter, another order, one column less."""
        place = number * 71 % len(self.columns)
        name, source, kind = self.columns[place]
        match number % 6:
            case 0:
                self.frame = self.frame.withColumn(name, F.col(name) + 1)
                self.columns[place] = (name, source, "TRANSFORMATION")
            case 1:
                self.frame = self.frame.withColumnRenamed(name, f"renamed{number}")
                self.columns[place] = (f"renamed{number}", source, kind)
            case 2:
                self.columns.reverse()
                self.frame = self.frame.select(*[each for each, _, _ in self.columns])
            case 3:
                self.frame = self.frame.where(F.col(name) >= 0)
                self.filters.append(source)
            case 4:
                self.columns = self.columns[place:] + self.columns[:place]
                self.frame = self.frame.select(*[each for each, _, _ in self.columns])
            case _:
                self.frame = self.frame.drop(name)
                del self.columns[place]


def test_a_wide_plan_is_complete_and_exact(place: Place) -> None:
    for table, letter in (("wide", "c"), ("other", "o")):
        place.spark.range(2).select(
            *[F.col("id").alias(f"{letter}{number}") for number in range(COLUMNS)]
        ).write.saveAsTable(table)
    wide = Wide(
        place.spark.table("wide"), [(f"c{number}", f"c{number}", "IDENTITY") for number in range(COLUMNS)]
    )
    for number in range(OPERATORS):
        wide.step(number)
    width = len(wide.columns)
    assert width == COLUMNS - OPERATORS // 6
    both = wide.frame.union(place.spark.table("other").select(*[f"o{number}" for number in range(width)]))
    keys = place.spark.table("other").select("o599", "o598")
    both.join(keys, both[wide.columns[0][0]] == keys["o599"]).write.saveAsTable("out")
    answer = place.table()
    expected = [
        (name, sorted([f"{source} {kind}", f"o{position} IDENTITY"]))
        for position, (name, source, kind) in enumerate(wide.columns)
    ]
    expected += [("o599", ["o599 IDENTITY"]), ("o598", ["o598 IDENTITY"])]
    assert answer["certainty"] == "exact"
    assert answer["problems"] == []
    assert [(each["name"], sorted(fields(each["sources"]))) for each in answer["columns"]] == expected
    rows = [f"{each} FILTER" for each in wide.filters]
    rows += [f"{each} JOIN" for each in (wide.columns[0][1], "o0", "o599")]
    assert sorted(fields(answer["rows"])) == sorted(rows)
