package io.sparklineage;

import static io.sparklineage.Plans.column;
import static io.sparklineage.Plans.none;
import static io.sparklineage.Plans.relation;
import static io.sparklineage.Plans.seq;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Add;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.In;
import org.apache.spark.sql.catalyst.expressions.Literal$;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.Not;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.trees.TreeNodeTag;
import org.apache.spark.sql.execution.LocalTableScanExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.Test;

/** A plan that was encoded before it ran is not walked again: what comes out is what a walk would have written. */
class BegunPlanTest {
    private final LiteralHasher hasher = new LiteralHasher(new byte[32]);
    private final NameMasker names = new NameMasker();
    private final AttributeReference name = column("name", DataTypes.StringType);
    private final LocalRelation relation = relation(name);

    private static Project project(Expression expression, String as, LogicalPlan below) {
        List<NamedExpression> columns = new ArrayList<>();
        columns.add(new Alias(expression, as, NamedExpression.newExprId(), none(), scala.Option.empty(), none()));
        return new Project(seq(columns), below);
    }

    private PlanEncoder encoder(int nodes) {
        return new PlanEncoder(hasher, names, false, nodes, false);
    }

    private static int nodes(EncodedPlan plan) {
        return new String(plan.record, StandardCharsets.UTF_8).split("\\{\"c\":", -1).length - 1;
    }

    @Test
    void theEndOfAWriteIsWrittenAsIfNothingHadBeenBegun() throws Throwable {
        Project plan = project(new Add(name, Literal$.MODULE$.apply("hunter2")), "(name + hunter2)", relation);
        SparkPlan executed = new LocalTableScanExec(seq(Arrays.asList(name, column("more", DataTypes.StringType))), none());
        PlanEncoder begun = encoder(PlanEncoder.NODE_LIMIT);
        begun.encode(plan, null);
        assertTrue(begun.canBegin());
        assertTrue(begun.knows(plan));
        EncodedPlan walked = encoder(PlanEncoder.NODE_LIMIT).encode(plan, executed);
        for (int time = 0; time < 2; time++) {
            EncodedPlan ended = new PlanEncoder(begun, hasher).encode(plan, executed);
            assertArrayEquals(walked.record, ended.record);
            assertEquals(walked.literals, ended.literals);
            assertArrayEquals(walked.expressions, ended.expressions);
            assertEquals(walked.runFacts.toString(), ended.runFacts.toString());
        }
    }

    @Test
    void aPlanAroundABegunOneAddsItsOwnNodesAndKeepsWhatIsMasked() throws Throwable {
        Project plan = project(Literal$.MODULE$.apply("hunter2"), "hunter2", relation);
        PlanEncoder begun = encoder(PlanEncoder.NODE_LIMIT);
        int before = nodes(begun.encode(plan, null));
        Project around = new Project(seq(Arrays.asList((NamedExpression) plan.output().head(), column("hunter2", DataTypes.StringType))), plan);
        assertTrue(begun.knows(around));
        EncodedPlan wider = new PlanEncoder(begun, hasher).encode(around, null);
        assertEquals(before + 1, nodes(wider));
        String record = new String(wider.record, StandardCharsets.UTF_8);
        assertTrue(record.contains("\"analyzed\":{\"@\":" + before + "}"), record);
        assertFalse(record.contains("hunter2"), record);
        assertFalse(begun.knows(project(name, "name", relation(name))));
    }

    @Test
    void theKeyOfAnOutputIsShortHoweverWideItIs() throws Throwable {
        AttributeReference[] wide = new AttributeReference[500];
        Arrays.setAll(wide, i -> column("c" + i));
        String key = encoder(PlanEncoder.NODE_LIMIT).encode(relation(wide), null).outputKey;
        assertEquals(32, key.length());
        assertEquals(key, encoder(PlanEncoder.NODE_LIMIT).encode(new Filter(name, relation(wide)), null).outputKey);
        AttributeReference first = wide[0];
        wide[0] = wide[1];
        wide[1] = first;
        assertNotEquals(key, encoder(PlanEncoder.NODE_LIMIT).encode(relation(wide), null).outputKey);
    }

    @Test
    void aPlanThatWasCutBeginsNone() throws Throwable {
        PlanEncoder cut = encoder(2);
        cut.encode(project(new Add(name, name), "twice", relation), null);
        assertFalse(cut.canBegin());
    }

    @Test
    void namesOfExpressionsAreSparks() {
        Attribute column = name;
        Add called = new Add(column, column);
        called.setTagValue(new TreeNodeTag<>("functionAliasName"), "plus");
        for (int time = 0; time < 2; time++) {
            assertEquals("attributereference", PrettyNames.of(column));
            assertEquals("add", PrettyNames.of(new Add(column, column)));
            assertEquals("plus", PrettyNames.of(called));
            assertEquals("in", PrettyNames.of(new In(column, none())));
            assertEquals("not", PrettyNames.of(new Not(column)));
        }
    }
}
