package io.sparklineage;

import static io.sparklineage.Plans.none;
import static io.sparklineage.Plans.relation;
import static io.sparklineage.Plans.seq;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.AliasIdentifier;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import org.junit.jupiter.api.Test;

/** The name of a table that is named by its path is the path, and passes as one. */
class PathTableTest {
    private static String record(String catalog, String table) throws Throwable {
        List<String> qualifier = Arrays.asList(catalog, table);
        AttributeReference column = new AttributeReference("a//b", DataTypes.LongType, true, Metadata.empty(),
                NamedExpression.newExprId(), Plans.<String>seq(qualifier).toList());
        AliasIdentifier name = new AliasIdentifier(table, Plans.<String>seq(Arrays.asList(catalog)).toList());
        LogicalPlan plan = new SubqueryAlias(name, relation(column));
        return written(plan);
    }

    private static String written(LogicalPlan plan) throws Throwable {
        PlanEncoder encoder = new PlanEncoder(new LiteralHasher(new byte[32]), new NameMasker(), false, PlanEncoder.NODE_LIMIT, false);
        return new String(encoder.encode(plan, null).record, StandardCharsets.UTF_8);
    }

    @Test
    void aPathLosesUserPasswordAndSignature() throws Throwable {
        String record = record("delta", "s3a://AK:hunter2@b/t?sig=hunter3");
        assertFalse(record.contains("hunter") || record.contains("AK"), record);
        assertTrue(record.contains("[\"delta\",\"s3a://b/t?sig=?\"]"), record);
        assertTrue(record.contains("\"a//b\""), record);
        String unresolved = written(new UnresolvedRelation(
                Plans.<String>seq(Arrays.asList("delta", "s3a://AK:hunter2@b/t")).toList(), CaseInsensitiveStringMap.empty(), false));
        assertTrue(unresolved.contains("[\"delta\",\"s3a://b/t\"]"), unresolved);
    }

    @Test
    void otherNamesStay() throws Throwable {
        for (String table : new String[] {"t", "a b", "/a/b=c@d", "a@b", "token=x", "s3a://b/t", "a//b"}) {
            assertTrue(record("c", table).contains("[\"c\",\"" + table + "\"]"), table);
        }
    }

    @Test
    void anIdentifierPassesInTheSameWay() {
        JsonWriter json = new JsonWriter().object();
        Facts.write(json, Identifier.of(new String[] {"delta"}, "s3a://AK:hunter2@b/t"), 0, null);
        assertEquals("{\"x\":{\"identifier\":[\"delta\",\"s3a://b/t\"]}}", json.endObject().toString());
    }
}
