"""Executed plans, made by hand, joined to the analyzed ones: by the columns that pass through an operator, and by what it carries out."""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.executed import executed
from spark_lineage.analyze.flows import flows_of
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, analyze_write, writes_of
from spark_lineage.analyze.links import links, logical_of
from spark_lineage.analyze.reaching import target_columns
from tests.analyze.building import PlanBuilder, record_of

Reference = dict[str, int]


class Plans(PlanBuilder):
    """An analyzed plan and the one that was executed for it."""

    def ran(
        self, name: str, output: list[Reference], *children: Reference, subqueries: tuple[Reference, ...] = ()
    ) -> Reference:
        """A physical operator; its label is its class without `Exec`."""
        fields = {"children": list(children), "subqueries": list(subqueries)}
        label = name.removesuffix("Exec")
        return self.node(
            f"org.apache.spark.sql.execution.{name}",
            "physical",
            fields,
            n=label,
            o=[each["a"] for each in output],
        )

    def sum(self, of: Reference, target: Reference) -> Reference:
        """`sum(of) AS target`."""
        function = self.function("aggregate.Sum", "sum", child=of)
        call = self.function("aggregate.AggregateExpression", "sum", aggregateFunction=function, filter=None)
        return self.alias(call, target)

    def joined(
        self, query: Reference, names: list[str], root: Reference
    ) -> tuple[dict[str, set[str]], dict[str, str]]:
        """Of each executed operator, by label and output, the target's columns and the logical operator."""
        section = self.section(self.insert(query, "/out", names)) | {"executed": root}
        tree = self.decoded(section)
        ((node, write),) = writes_of(tree, Naming())
        lineage = analyze_write(node, write, tree, Context("job"))
        assert lineage.problems == ()
        ids = range(len(self.attributes))
        columns = target_columns(tree, ids, flows_of(write.inputs, write.columns, tree))
        found = links(tree, ids, logical_of(write.inputs, tree, lineage.operators))
        keys = {
            each.index: f"{each.label}({','.join(a.name for a in each.output or ())})"
            for each in executed(tree)
        }
        return (
            {key: set(columns.get(index, ())) for index, key in keys.items()},
            {keys[index]: name for index, name in found.items()},
        )

    @staticmethod
    def decoded(section: dict[str, Any]) -> Any:
        from spark_lineage.decode.plans import decode_plan  # noqa: PLC0415

        return decode_plan(record_of(section))


def test_a_partial_sum_is_on_the_way_to_the_sum() -> None:
    """SELECT k, sum(v) AS total FROM f WHERE w GROUP BY k: w decides rows and is in no column."""
    plan = Plans()
    leaf, (k, v, w) = plan.files("/f", ["k", "v", "w"])
    total, buffer = plan.attribute("total"), plan.attribute("sum")
    filtered = plan.operator("Filter", [k, v, w], condition=w, child=leaf)
    query = plan.operator(
        "Aggregate",
        [k, total],
        groupingExpressions=[k],
        aggregateExpressions=[k, plan.sum(v, total)],
        child=filtered,
    )
    scan = plan.ran("FileSourceScanExec", [k, v, w])
    kept = plan.ran("FilterExec", [k, v, w], scan)
    pruned = plan.ran("ProjectExec", [k, v], kept)
    partial = plan.ran("HashAggregateExec", [k, buffer], pruned)
    moved = plan.ran("ShuffleExchangeExec", [k, buffer], partial)
    final = plan.ran("HashAggregateExec", [k, total], moved)
    root = plan.ran("DataWritingCommandExec", [], final)
    columns, logical = plan.joined(query, ["key", "total"], root)
    assert columns == {key: {"key", "total"} for key in columns}
    assert logical == {
        "FileSourceScan(k,v,w)": "LogicalRelation#0",
        "Filter(k,v,w)": "Filter#1",
        "HashAggregate(k,sum)": "Aggregate#2",
        "HashAggregate(k,total)": "Aggregate#2",
    }


def test_a_condition_is_no_value_and_what_counts_rows_is() -> None:
    """SELECT count(1) AS n FROM f WHERE w: the scan has no part in n, the partial count has."""
    plan = Plans()
    leaf, (w,) = plan.files("/f", ["w"])
    n, buffer = plan.attribute("n"), plan.attribute("count")
    filtered = plan.operator("Filter", [w], condition=w, child=leaf)
    query = plan.operator(
        "Aggregate",
        [n],
        groupingExpressions=[],
        aggregateExpressions=[plan.sum(plan.literal(1), n)],
        child=filtered,
    )
    scan = plan.ran("FileSourceScanExec", [w])
    empty = plan.ran("ProjectExec", [], plan.ran("FilterExec", [w], scan))
    partial = plan.ran("HashAggregateExec", [buffer], empty)
    final = plan.ran("HashAggregateExec", [n], plan.ran("ShuffleExchangeExec", [buffer], partial))
    columns, _ = plan.joined(query, ["n"], plan.ran("DataWritingCommandExec", [], final))
    assert columns == {
        "DataWritingCommand()": {"n"},
        "HashAggregate(n)": {"n"},
        "ShuffleExchange(count)": {"n"},
        "HashAggregate(count)": {"n"},
        "Project()": set(),
        "Filter(w)": set(),
        "FileSourceScan(w)": set(),
    }


def test_columns_that_a_join_only_compares_are_in_no_column() -> None:
    """SELECT a.x, b.y FROM a JOIN b ON a.k = b.l."""
    plan = Plans()
    left, (k, x) = plan.files("/a", ["k", "x"])
    right, (m, y) = plan.files("/b", ["l", "y"])
    condition = plan.function("EqualTo", "=", left=k, right=m)
    join = plan.operator(
        "Join", [k, x, m, y], left=left, right=right, joinType={"o": "Inner$"}, condition=condition
    )
    query = plan.operator("Project", [x, y], projectList=[x, y], child=join)
    scans = plan.ran("FileSourceScanExec", [k, x]), plan.ran("FileSourceScanExec", [m, y])
    keys = plan.ran("BroadcastExchangeExec", [m, y], scans[1])
    joined = plan.ran("BroadcastHashJoinExec", [k, x, m, y], scans[0], keys)
    root = plan.ran("DataWritingCommandExec", [], plan.ran("ProjectExec", [x, y], joined))
    columns, logical = plan.joined(query, ["x", "y"], root)
    assert columns == {
        "DataWritingCommand()": {"x", "y"},
        "Project(x,y)": {"x", "y"},
        "BroadcastHashJoin(k,x,l,y)": {"x", "y"},
        "FileSourceScan(k,x)": {"x"},
        "BroadcastExchange(l,y)": {"y"},
        "FileSourceScan(l,y)": {"y"},
    }
    assert logical == {
        "FileSourceScan(k,x)": "LogicalRelation#0",
        "FileSourceScan(l,y)": "LogicalRelation#1",
        "BroadcastHashJoin(k,x,l,y)": "Join#2",
    }


def test_the_branches_of_a_union_meet_by_position() -> None:
    """SELECT a, b FROM f UNION ALL SELECT d, c FROM g."""
    plan = Plans()
    first, (a, b) = plan.files("/f", ["a", "b"])
    second, (c, d) = plan.files("/g", ["c", "d"])
    turned = plan.operator("Project", [d, c], projectList=[d, c], child=second)
    query = plan.operator("Union", [a, b], children=[first, turned], byName=False, allowMissingCol=False)
    one = plan.ran("ProjectExec", [a], plan.ran("FileSourceScanExec", [a, b]))
    other = plan.ran("ProjectExec", [d], plan.ran("FileSourceScanExec", [c, d]))
    pruned = plan.operator("Project", [a], projectList=[a], child=query)
    root = plan.ran("DataWritingCommandExec", [], plan.ran("UnionExec", [a], one, other))
    columns, logical = plan.joined(pruned, ["x"], root)
    assert columns == {key: {"x"} for key in columns}
    assert logical["Union(a)"] == "Union#3"


def test_an_exchange_that_is_used_again_has_a_part_in_both_uses() -> None:
    """SELECT p.v AS one, q.v AS two FROM f p JOIN f q ON p.k = q.k, both sides shuffled once."""
    plan = Plans()
    left, (k, v) = plan.files("/f", ["k", "v"])
    right, (m, w) = plan.files("/f", ["k", "v"])
    condition = plan.function("EqualTo", "=", left=k, right=m)
    query = plan.operator(
        "Join", [k, v, m, w], left=left, right=right, joinType={"o": "Inner$"}, condition=condition
    )
    chosen = plan.operator("Project", [v, w], projectList=[v, w], child=query)
    scan = plan.ran("FileSourceScanExec", [k, v])
    moved = plan.ran("ShuffleExchangeExec", [k, v], scan)
    again = plan.ran("ReusedExchangeExec", [m, w], moved)
    sides = plan.ran("SortExec", [k, v], moved), plan.ran("FilterExec", [m, w], again)
    joined = plan.ran("SortMergeJoinExec", [k, v, m, w], *sides)
    root = plan.ran("DataWritingCommandExec", [], plan.ran("ProjectExec", [v, w], joined))
    columns, logical = plan.joined(chosen, ["one", "two"], root)
    assert columns["Sort(k,v)"] == {"one"}
    assert columns["Filter(k,v)"] == {"two"}
    assert columns["ReusedExchange(k,v)"] == {"two"}
    assert columns["ShuffleExchange(k,v)"] == {"one", "two"}
    assert columns["FileSourceScan(k,v)"] == {"one", "two"}
    assert logical["SortMergeJoin(k,v,k,v)"] == "Join#2"


def test_a_copy_of_a_common_table_that_gives_only_its_key_has_no_part() -> None:
    """WITH c AS (SELECT k, v FROM f) SELECT p.v FROM c p JOIN c q ON p.k = q.k: both copies have the ids of f."""
    plan = Plans()
    leaf, (k, v) = plan.files("/f", ["k", "v"])
    definition = plan.operator("CTERelationDef", [k, v], child=leaf, id=0)
    p = [plan.attribute("pk"), plan.attribute("pv")]
    q = [plan.attribute("qk"), plan.attribute("qv")]
    sides = [plan.operator("CTERelationRef", each, cteId=0) for each in (p, q)]
    condition = plan.function("EqualTo", "=", left=p[0], right=q[0])
    join = plan.operator(
        "Join", [*p, *q], left=sides[0], right=sides[1], joinType={"o": "Inner$"}, condition=condition
    )
    chosen = plan.operator("Project", [p[1]], projectList=[p[1]], child=join)
    query = plan.operator("WithCTE", [p[1]], plan=chosen, cteDefs=[definition])
    one = plan.ran("ProjectExec", p, plan.ran("FileSourceScanExec", [k, v]))
    other = plan.ran("ProjectExec", [q[0]], plan.ran("FilterExec", [k, v]))
    joined = plan.ran("SortMergeJoinExec", [*p, q[0]], one, other)
    root = plan.ran("DataWritingCommandExec", [], plan.ran("ProjectExec", [p[1]], joined))
    columns, _ = plan.joined(query, ["v"], root)
    assert columns["FileSourceScan(k,v)"] == {"v"}
    assert columns["Filter(k,v)"] == set()
    assert columns["Project(qk)"] == set()


def test_what_could_be_two_operators_is_linked_to_none() -> None:
    """Two aggregations of one relation: the partial ones could be either's; and a filter below a join may be the join's."""
    plan = Plans()
    leaf, (k, v) = plan.files("/f", ["k", "v"])
    once, twice, buffer = plan.attribute("once"), plan.attribute("twice"), plan.attribute("sum")
    inner = plan.operator(
        "Aggregate",
        [k, once],
        groupingExpressions=[k],
        aggregateExpressions=[k, plan.sum(v, once)],
        child=leaf,
    )
    query = plan.operator(
        "Aggregate",
        [twice],
        groupingExpressions=[],
        aggregateExpressions=[plan.sum(once, twice)],
        child=inner,
    )
    scan = plan.ran("FileSourceScanExec", [k, v])
    first = plan.ran("HashAggregateExec", [k, once], scan)
    partial = plan.ran("HashAggregateExec", [buffer], first)
    root = plan.ran("DataWritingCommandExec", [], plan.ran("HashAggregateExec", [twice], partial))
    columns, logical = plan.joined(query, ["twice"], root)
    assert logical == {
        "FileSourceScan(k,v)": "LogicalRelation#0",
        "HashAggregate(k,once)": "Aggregate#1",
        "HashAggregate(twice)": "Aggregate#2",
    }
    assert columns == {key: {"twice"} for key in columns}


def test_shells_are_what_is_inside_them() -> None:
    plan = Plans()
    leaf, (a,) = plan.files("/f", ["a"])
    scan = plan.ran("InputAdapter", [a], plan.ran("FileSourceScanExec", [a]))
    stage = plan.ran("ShuffleQueryStageExec", [a], plan.ran("ShuffleExchangeExec", [a], scan))
    columns, _ = plan.joined(leaf, ["a"], plan.ran("DataWritingCommandExec", [], stage))
    assert list(columns) == ["DataWritingCommand()", "ShuffleExchange(a)", "FileSourceScan(a)"]
