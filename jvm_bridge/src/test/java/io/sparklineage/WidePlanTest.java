package io.sparklineage;

import static io.sparklineage.Plans.column;
import static io.sparklineage.Plans.none;
import static io.sparklineage.Plans.relation;
import static io.sparklineage.Plans.seq;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.Union;
import org.junit.jupiter.api.Test;

/** Plans as the analyzer makes them, encoded: what an operator passes on is written once, and no limit is reached. */
class WidePlanTest {
    private static List<Attribute> columns(int count) {
        List<Attribute> columns = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            columns.add(column("c" + i));
        }
        return columns;
    }

    /** SELECT all columns, one of them renamed to its own name: a column of its own from there on. */
    private static LogicalPlan renamed(LogicalPlan below, List<Attribute> columns, int place) {
        List<NamedExpression> chosen = new ArrayList<>(columns);
        Alias alias = new Alias(columns.get(place), columns.get(place).name(), NamedExpression.newExprId(), none(),
                scala.Option.empty(), none());
        chosen.set(place, alias);
        columns.set(place, alias.toAttribute());
        return new Project(seq(chosen), below);
    }

    private static String encoded(LogicalPlan plan) throws Throwable {
        PlanEncoder encoder = new PlanEncoder(new LiteralHasher(new byte[32]), new NameMasker(), false,
                PlanEncoder.NODE_LIMIT, false);
        return new String(encoder.encode(plan, null).record, StandardCharsets.UTF_8);
    }

    private static String nodes(String record) {
        return record.substring(record.indexOf("\"nodes\":["), record.indexOf(",\"analyzed\""));
    }

    @Test
    void aPlanOfHalfAMillionColumnsPassedOnIsWhole() throws Throwable {
        List<Attribute> columns = columns(1_000);
        LogicalPlan plan = relation(new ArrayList<>(columns));
        for (int operator = 0; operator < 300; operator++) {
            plan = renamed(plan, columns, operator * 7 % 1_000);
        }
        String record = encoded(plan);
        assertTrue(record.startsWith("{\"v\":2,\"kind\":\"plan\""), record.substring(0, 100));
        assertTrue(record.contains("\"truncated\":[]"));
        assertTrue(nodes(record).length() < 120_000, nodes(record).length() + " bytes");
    }

    @Test
    void narrowPlansAreOfVersionOne() throws Throwable {
        List<Attribute> columns = columns(7);
        String record = encoded(renamed(relation(new ArrayList<>(columns)), columns, 0));
        assertTrue(record.startsWith("{\"v\":1,\"kind\":\"plan\""), record.substring(0, 100));
        assertTrue(nodes(record).contains("\"f\":[[{\"@\":1},{\"a\":0},{\"a\":1},{\"a\":2},{\"a\":3},{\"a\":4},{\"a\":5}],{\"@\":2}],"
                + "\"o\":[6,0,1,2,3,4,5]"), nodes(record));
    }

    @Test
    void bothSidesOfAUnionAndAnotherOrderAreRight() throws Throwable {
        List<Attribute> left = columns(9);
        List<Attribute> right = columns(9);
        List<Attribute> turned = new ArrayList<>(right);
        Collections.reverse(turned);
        LogicalPlan plan = new Union(seq(Arrays.asList(relation(left),
                new Project(seq(new ArrayList<NamedExpression>(turned)), relation(right)))), false, false);
        assertEquals("\"nodes\":["
                + "{\"c\":0,\"f\":[[{\"@\":1},{\"@\":2}],false,false],\"o\":{\"a\":[0,1,2,3,4,5,6,7,8]}},"
                + "{\"c\":1,\"f\":[[{\"a\":[[0,9]]}],[],false],\"o\":{\"a\":[[0,9]]}},"
                + "{\"c\":2,\"f\":[[{\"a\":[9,10,11,12,13,14,15,16,17]}],{\"@\":3}],\"o\":{\"a\":[[9,9]]}},"
                + "{\"c\":1,\"f\":[[{\"a\":[17,16,15,14,13,12,11,10,9]}],[],false],\"o\":{\"a\":[[18,9]]}}]",
                nodes(encoded(plan)));
    }
}
