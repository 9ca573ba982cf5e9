package io.sparklineage;

import static io.sparklineage.Plans.column;
import static io.sparklineage.Plans.none;
import static io.sparklineage.Plans.relation;
import static io.sparklineage.Plans.seq;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Add;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.In;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.Filter;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias$;
import org.apache.spark.sql.catalyst.plans.logical.Union;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.api.Test;

/** Plans of 10,000 operators and texts of 100 MB: they are encoded whole, or what is cut off says so. */
class HugePlanTest {
    private static EncodedPlan encoded(LogicalPlan plan, int nodes, long outputMillis) throws Throwable {
        return new PlanEncoder(new LiteralHasher(new byte[32]), new NameMasker(), false, nodes, false, outputMillis)
                .encode(plan, null);
    }

    private static String record(LogicalPlan plan, int nodes, long outputMillis) throws Throwable {
        return new String(encoded(plan, nodes, outputMillis).record, StandardCharsets.UTF_8);
    }

    private static String truncated(String record) {
        return record.substring(record.indexOf("\"truncated\":"));
    }

    private static int count(String text, String part) {
        int count = 0;
        for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
            count++;
        }
        return count;
    }

    private static LogicalPlan unions(int count) {
        LogicalPlan plan = relation(column("id"));
        for (int i = 0; i < count; i++) {
            plan = new Union(seq(Arrays.asList(plan, relation(column("id")))), false, false);
        }
        return plan;
    }

    private static String text(int length) {
        char[] chars = new char[length];
        Arrays.fill(chars, 'x');
        return new String(chars);
    }

    @Test
    void tenThousandOperatorsAreWhole() {
        AttributeReference id = column("id");
        LogicalPlan plan = relation(id);
        for (int i = 0; i < 10_000; i++) {
            plan = i % 2 == 0 ? new Filter(id, plan) : new Project(seq(Collections.<NamedExpression>singletonList(id)), plan);
        }
        LogicalPlan operators = plan;
        CpuTime.assertWithin(Duration.ofSeconds(10), () -> {
            String record = assertDoesNotThrow(() -> record(operators, PlanEncoder.NODE_LIMIT, 60_000));
            assertEquals("\"truncated\":[]}", truncated(record));
            assertEquals(10_001, count(record, "\"o\":[0]"));
        });
    }

    @Test
    void anExpressionOfTenThousandOperationsIsWhole() throws Throwable {
        AttributeReference id = column("id");
        Expression sum = id;
        for (int i = 0; i < 10_000; i++) {
            sum = new Add(sum, new Literal(1L, DataTypes.LongType), Add.$lessinit$greater$default$3());
        }
        EncodedPlan plan = encoded(new Filter(sum, relation(id)), PlanEncoder.NODE_LIMIT, 60_000);
        assertEquals("\"truncated\":[]}", truncated(new String(plan.record, StandardCharsets.UTF_8)));
        assertEquals(10_000, plan.literals.size());
    }

    /** A union computes its output from all unions below it: what takes too long is left out, and it is said. */
    @Test
    void outputsThatTakeTooLongAreLeftOut() throws Throwable {
        String record = record(unions(100), PlanEncoder.NODE_LIMIT, 0);
        assertEquals("\"truncated\":[{\"limit\":\"time\",\"value\":0}]}", truncated(record));
        assertEquals(31, count(record, "\"o\":["));
        assertEquals(201 - 31, count(record, "\"o\":null"));
        assertEquals("\"truncated\":[]}", truncated(record(unions(100), PlanEncoder.NODE_LIMIT, 60_000)));
    }

    /** With the limit of a job that runs. All outputs of two thousand unions, each a hundred columns wide, would take ten times as long. */
    @Test
    void outputsTakeNoMoreThanTheirTime() {
        LogicalPlan plan = relation(columns(100));
        for (int i = 0; i < 2_000; i++) {
            plan = new Union(seq(Arrays.asList(plan, relation(columns(100)))), false, false);
        }
        LogicalPlan unions = plan;
        CpuTime.assertWithin(Duration.ofSeconds(10), () -> {
            EncodedPlan encoded = assertDoesNotThrow(() ->
                    new PlanEncoder(new LiteralHasher(new byte[32]), new NameMasker(), false, PlanEncoder.NODE_LIMIT, false)
                            .encode(unions, null));
            String record = new String(encoded.record, StandardCharsets.UTF_8);
            assertEquals("\"truncated\":[{\"limit\":\"time\",\"value\":2000}]}", truncated(record));
            assertEquals(4_001, count(record, "\"o\":"));
        });
    }

    private static AttributeReference[] columns(int count) {
        AttributeReference[] columns = new AttributeReference[count];
        Arrays.setAll(columns, i -> column("c" + i));
        return columns;
    }

    @Test
    void aListOfAMillionIsCutAndSaysSo() throws Throwable {
        AttributeReference id = column("id");
        List<Expression> values = new ArrayList<>();
        for (long i = 0; i < 1_000_000; i++) {
            values.add(new Literal(i, DataTypes.LongType));
        }
        EncodedPlan plan = encoded(new Filter(new In(id, seq(values)), relation(id)), Intents.NODE_LIMIT, 60_000);
        String record = new String(plan.record, StandardCharsets.UTF_8);
        assertTrue(truncated(record).contains("{\"limit\":\"nodes\",\"value\":50000}"), truncated(record));
        assertEquals(Intents.NODE_LIMIT - 3, plan.literals.size());
        assertTrue(record.length() < 10_000_000, record.length() + " bytes");
    }

    /** The walk is breadth-first: when the limit is reached by long names, all that has them waits to be written already. */
    @Test
    void whatWaitsWhenTheBytesAreReachedIsNamedAndNoMore() throws Throwable {
        String named = cutByBytes();
        assertEquals(1 + 3 * 4_500, count(named, "{\"c\":"));
        assertEquals(PlanEncoder.BYTE_LIMIT / 9_000.0, count(named, "\"xxx"), 100);
        cutByBytes(column("id"));
    }

    @Test
    void oneOperatorOfManyColumnsWithLongQualifiersIsCut() throws Throwable {
        LogicalPlan wide = SubqueryAlias$.MODULE$.apply(text(9_000), relation(columns(10_000)));
        String record = record(wide, PlanEncoder.NODE_LIMIT, 60_000);
        assertEquals("\"truncated\":[{\"limit\":\"bytes\",\"value\":" + PlanEncoder.BYTE_LIMIT + "}]}", truncated(record));
        assertEquals(PlanEncoder.BYTE_LIMIT / 1e6, record.length() / 1e6, 2.0);
    }

    /** A union of tables whose aliases have 9,000 letters each; with columns, that have them as qualifiers too. */
    private static String cutByBytes(AttributeReference... columns) throws Throwable {
        List<LogicalPlan> tables = new ArrayList<>();
        for (int i = 0; i < 4_500; i++) {
            LogicalPlan table = relation(Arrays.stream(columns).map(AttributeReference::newInstance).toArray(AttributeReference[]::new));
            tables.add(SubqueryAlias$.MODULE$.apply(text(9_000) + i, table));
        }
        String record = record(new Union(seq(tables), false, false), PlanEncoder.NODE_LIMIT, 60_000);
        assertEquals("\"truncated\":[{\"limit\":\"bytes\",\"value\":" + PlanEncoder.BYTE_LIMIT + "}]}", truncated(record));
        assertEquals(PlanEncoder.BYTE_LIMIT / 1e6, record.length() / 1e6, 1.0);
        return record;
    }

    @Test
    void aTextOfAHundredMegabytesIsHashedAndNotWritten() {
        String text = text(100_000_000);
        Alias alias = new Alias(new Literal(UTF8String.fromString(text), DataTypes.StringType), text, NamedExpression.newExprId(),
                none(), scala.Option.empty(), none());
        LogicalPlan project = new Project(seq(Collections.<NamedExpression>singletonList(alias)), relation(column("id")));
        CpuTime.assertWithin(Duration.ofSeconds(10), () -> {
            EncodedPlan plan = assertDoesNotThrow(() -> encoded(project, PlanEncoder.NODE_LIMIT, 60_000));
            assertTrue(plan.record.length < 2_000, plan.record.length + " bytes");
            assertEquals(Collections.singletonList(new LiteralHasher(new byte[32]).hash(text)), plan.literals);
        });
    }

    @Test
    void textsOfAHundredMegabytesAreReadUpToALimit() {
        String text = text(100_000_000);
        CpuTime.assertWithin(Duration.ofSeconds(3), () -> {
            assertEquals(Masking.TEXT_LIMIT, Masking.sql(text).length());
            assertEquals("SELECT ?", Masking.sql("SELECT '" + text));
            assertEquals(Masking.TEXT_LIMIT, Masking.path(text).length());
            assertEquals(2_000, Masking.option("topic", text).length());
            assertEquals("?", Masking.option("url", "jdbc:x://u:" + text));
            assertEquals(Masking.TEXT_LIMIT, Masking.option("query", text).length());
            assertEquals(Masking.TEXT_LIMIT, Masking.option("dbtable", text).length());
        });
    }

    @Test
    void anErrorOfAHundredMegabytesIsToldByItsClass() {
        String text = text(100_000_000);
        CpuTime.assertWithin(Duration.ofSeconds(3), () -> {
            JsonWriter json = new JsonWriter();
            Failure.of(new java.io.IOException(text)).write(json);
            assertEquals("{\"class\":\"java.io.IOException\",\"message\":null,\"condition\":null}", json.toString());
            JsonWriter python = new JsonWriter();
            Failure.of(new RuntimeException("a task failed: PythonException: Traceback (most recent call last):\n  File \"x\"\nValueError: " + text)).write(python);
            assertEquals("{\"class\":\"ValueError\",\"message\":\"a Python function raised ValueError\",\"condition\":null}",
                    python.toString());
        });
    }
}
