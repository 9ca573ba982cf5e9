"""The families of expressions that are not functions of their arguments: each member is known to the rule of its family."""

from __future__ import annotations

from closed.lists import LISTS, names_in, sections
from spark_lineage.analyze.aggregates import FOLDING, RANKING, SHIFTING
from spark_lineage.analyze.expressions import RULES
from spark_lineage.analyze.functions import passed_on
from spark_lineage.analyze.operators.generate import OF_ALL_ARGUMENTS, RULED, TABLE_FUNCTIONS

MADE_WHILE_PLANNING = {"DynamicPruningSubquery", "InSubqueryExec", "ReplicateRows"}
RESOLVED_BY_THE_ANALYZER = {
    "FunctionTableSubqueryArgumentExpression",
    "UnresolvedGenerator",
    "UnresolvedPolymorphicPythonUDTF",
}

WITHOUT_ARGUMENTS = {
    "CurrentBatchTimestamp", "GenerateIdentityValues", "InputFileBlockLength", "InputFileBlockStart", "InputFileName", "MonotonicallyIncreasingID",
    "Rand", "RandStr", "Randn", "SparkPartitionID", "Uuid",
}  # fmt: skip
"""Not deterministic: their arguments, if any, are constants, so that they have no source."""


def test_expressions_with_a_plan_have_a_rule():
    lateral = {"LateralSubquery"}  # the join above it has the rule
    assert names_in(
        "expressions with a plan"
    ) - MADE_WHILE_PLANNING - RESOLVED_BY_THE_ANALYZER - lateral <= set(RULES)


def test_window_functions_rank_fold_or_shift():
    assert names_in("window functions") == RANKING | FOLDING | SHIFTING


def test_generators_are_ruled_or_computed_from_their_arguments():
    known = [
        RULED,
        OF_ALL_ARGUMENTS,
        TABLE_FUNCTIONS,
        {"GeneratorOuter"},
        MADE_WHILE_PLANNING,
        RESOLVED_BY_THE_ANALYZER,
    ]
    assert names_in("generators") <= set().union(*known)
    assert names_in("generators") >= RULED | OF_ALL_ARGUMENTS | TABLE_FUNCTIONS


def test_marks_pass_their_value_on():
    assert {name: RULES.get(name) for name in sorted(names_in("marks"))} == dict.fromkeys(
        sorted(names_in("marks")), passed_on
    )


def test_what_is_not_deterministic_has_its_arguments_as_sources_or_none():
    of_arguments = {"CallMethodViaReflection", "Shuffle"}
    counting = {"ConditionalIncrementMetric", "IncrementMetric"}
    assert names_in("not deterministic") == WITHOUT_ARGUMENTS | of_arguments | counting
    assert {RULES[name] for name in counting} == {passed_on}
    assert not {*WITHOUT_ARGUMENTS, *of_arguments} & set(RULES) - {
        "Shuffle"
    }  # of an array, element by element


def test_user_functions_aggregate_make_rows_or_compute_a_value():
    aggregates = names_in(
        "aggregate functions"
    )  # each stands in an AggregateExpression, but for those of Python
    user = names_in("user-defined") - RESOLVED_BY_THE_ANALYZER
    values = {"ApplyFunctionExpression", "HiveGenericUDF", "HiveSimpleUDF", "PythonUDF", "ScalaUDF"}
    assert user - aggregates - names_in("generators") == values
    assert user & aggregates == {"HiveUDAFFunction", "PythonUDAF", "ScalaAggregator", "ScalaUDAF"}


def test_aggregates_and_lambdas_have_the_rules_that_wrap_them():
    assert {"AggregateExpression", "PivotFirst", "LambdaFunction", "NamedLambdaVariable"} <= set(RULES)
    assert "PivotFirst" in names_in("aggregate functions")
    assert all(sections(path)["functions with lambdas"] for path in LISTS if path.stem.startswith("spark-"))
