package io.sparklineage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.catalyst.trees.TreeNodeTag;
import org.apache.spark.sql.execution.LogicalRDD;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Product;

/**
 * Turns one analyzed and one executed plan into a plan record: a generic walk over fields, without code per operator.
 *
 * <p>The walk is breadth-first over a queue, so its depth costs no stack; an object met twice is written once. Nodes
 * are numbered when they are first named and written in that order. One encoder serves one plan, or begins others: what
 * a write does is noted before it runs, and neither the end of it nor the executions inside it walk the same query again.
 */
final class PlanEncoder {
    static final int NODE_LIMIT = 250_000;
    static final int BYTE_LIMIT = 32 << 20;
    private static final int BEGUN_LIMIT = 512 << 10;
    private static final int CHILDREN_LIMIT = 100;

    /** CPU time that the outputs of a plan's operators may take to be asked for. */
    static final long OUTPUT_MILLIS = 2_000;

    private static final List<String> PHYSICAL_FIELDS =
            Collections.unmodifiableList(Arrays.asList("children", "subqueries"));
    private static final String SELECTING = "pivotColumnValues";
    private static final int SELECTING_LIMIT = 10_000;
    private static final TreeNodeTag<Object> USER_SPECIFIED_CAST = new TreeNodeTag<>("user_specified_cast");

    private final PlanTables tables;
    private final RunFacts runFacts;
    private final PhysicalFacts physicalFacts = new PhysicalFacts();
    private final ValueEncoder values;
    private final boolean keepLiterals;
    private final int nodeLimit;
    private final Map<Object, Integer> indexes;
    private final List<Object> queue;
    private final JsonWriter nodes;
    private NameMasker names;
    private int written;
    private boolean nodesCut;
    private boolean bytesCut;

    /**
     * @param names carries masked names from one plan to the next
     * @param streaming whether the plan is a micro-batch's
     */
    PlanEncoder(LiteralHasher hasher, NameMasker names, boolean keepLiterals, int nodeLimit, boolean streaming) {
        this(hasher, names, keepLiterals, nodeLimit, streaming, OUTPUT_MILLIS);
    }

    PlanEncoder(LiteralHasher hasher, NameMasker names, boolean keepLiterals, int nodeLimit, boolean streaming,
            long outputMillis) {
        this.tables = new PlanTables();
        this.runFacts = new RunFacts(hasher, streaming);
        this.names = names;
        this.keepLiterals = keepLiterals;
        this.nodeLimit = nodeLimit;
        this.indexes = new IdentityHashMap<>();
        this.queue = new ArrayList<>();
        this.nodes = new JsonWriter();
        this.values = new ValueEncoder(nodes, tables, this, outputMillis);
    }

    /**
     * Goes on where another ended, which stays as it is: what that one has written is not walked again.
     *
     * @param begun has encoded an analyzed plan and cut nothing off
     */
    PlanEncoder(PlanEncoder begun, LiteralHasher hasher) {
        this.tables = new PlanTables(begun.tables);
        this.runFacts = new RunFacts(begun.runFacts, hasher);
        this.names = begun.names;
        this.keepLiterals = begun.keepLiterals;
        this.nodeLimit = NODE_LIMIT;
        this.indexes = new IdentityHashMap<>(begun.indexes);
        this.queue = new ArrayList<>(begun.queue);
        this.nodes = new JsonWriter(begun.nodes);
        this.written = begun.written;
        this.values = new ValueEncoder(begun.values, nodes, tables, this, OUTPUT_MILLIS);
    }

    /** Whether all of the plan is written, and it is no larger than what is worth keeping. */
    boolean canBegin() {
        return !nodesCut && !bytesCut && values.isWhole() && !runFacts.isCut()
                && nodes.size() + tables.size() + runFacts.size() <= BEGUN_LIMIT;
    }

    /** Whether a plan, or one right below it, is written already. */
    boolean knows(LogicalPlan plan) {
        return indexes.containsKey(plan) || knowsOneOf(plan, "children") || knowsOneOf(plan, "innerChildren");
    }

    private boolean knowsOneOf(LogicalPlan plan, String member) {
        return SparkCompat.elements(SparkCompat.memberOrNull(plan, member), CHILDREN_LIMIT).stream().anyMatch(indexes::containsKey);
    }

    /** Encodes both plans; either may be null. */
    EncodedPlan encode(LogicalPlan analyzed, SparkPlan executed) throws Throwable {
        return encode(analyzed, executed, Collections.emptyMap());
    }

    /** @param totals what the executed plan's metrics came to, by their ids */
    EncodedPlan encode(LogicalPlan analyzed, SparkPlan executed, Map<Long, Long> totals) throws Throwable {
        runFacts.told(totals);
        names = names.around(analyzed);
        tables.of(names);
        int analyzedIndex = walk(analyzed);
        int executedIndex = walk(executed);
        JsonWriter body = new JsonWriter();
        tables.write(body, names);
        PlanTables.rows(body, "nodes", nodes);
        root(body, "analyzed", analyzedIndex);
        root(body, "executed", executedIndex);
        truncations(body);
        byte[] section = body.toBytes();
        String hash = Hashes.sha256(section).substring(0, 32);
        JsonWriter record = new JsonWriter();
        record.object().field("v", values.hasSpans() ? 2 : 1).field("kind", "plan").field("hash", hash)
                .raw(section, section.length).endObject();
        EncodedPlan plan = new EncodedPlan(hash, record.toBytes(), tables.rawExpressions(), runFacts.literals(),
                runFacts.write(), runFacts.facts(), runFacts.logicalRdds(), outputKey(analyzed));
        plan.metricIds = runFacts.metricIds();
        return plan;
    }

    private int walk(Object root) {
        if (root == null) {
            return -1;
        }
        int index = index(root);
        while (written < queue.size()) {
            Object node = queue.get(written);
            queue.set(written, null);
            if (full()) {
                writeNothing(node);
            } else {
                writeNode(written, node);
            }
            nodes.settle();
            written++;
        }
        return index;
    }

    /** Index of a node, which is written later if it is new; -1 where a limit forbids a new one. */
    int index(Object node) {
        Integer known = indexes.get(node);
        if (known != null) {
            return known;
        }
        if (queue.size() >= nodeLimit) {
            nodesCut = true;
            return -1;
        }
        if (full()) {
            return -1;
        }
        indexes.put(node, queue.size());
        queue.add(node);
        return queue.size() - 1;
    }

    /** Index of a node that was written; null for one that was not. */
    Integer indexOf(Object node) {
        Integer known = node == null ? null : indexes.get(node);
        return known == null || known >= written ? null : known;
    }

    private boolean full() {
        bytesCut |= nodes.size() + tables.size() > BYTE_LIMIT;
        return bytesCut;
    }

    private void writeNode(int index, Object node) {
        if (node instanceof SparkPlan) {
            writePhysical(index, (SparkPlan) node);
        } else if (node instanceof Expression) {
            writeExpression((Expression) node);
        } else if (node instanceof LogicalPlan) {
            writeProduct(node, "logical");
            values.output(node);
            if (node instanceof LogicalRDD) {
                noteLogicalRdd(index, (LogicalRDD) node);
            }
            nodes.endObject();
        } else if (Facts.describes(node)) {
            start(node.getClass(), "value", Collections.emptyList()).endArray();
            Facts.write(nodes, node, index, runFacts);
            nodes.endObject();
        } else {
            writeProduct(node, "value");
            nodes.endObject();
        }
    }

    /** A node that waited when the limit was reached: what it is, since others point at it, and nothing of what it has. */
    private void writeNothing(Object node) {
        String kind = node instanceof Expression ? "expression" : node instanceof SparkPlan ? "physical" : node instanceof LogicalPlan ? "logical" : "value";
        start(node.getClass(), kind, Collections.emptyList()).endArray();
        nodes.endObject();
    }

    private JsonWriter start(Class<?> type, String kind, List<String> fields) {
        return nodes.object().field("c", tables.classIndex(type, kind, fields)).name("f").array();
    }

    /** A node with its fields; a class that is no Product, such as a plug-in's own, has none. */
    private void writeProduct(Object node, String kind) {
        if (!(node instanceof Product)) {
            start(node.getClass(), kind, Collections.emptyList()).endArray();
            return;
        }
        Product product = (Product) node;
        List<String> fields = ProductFields.of(product);
        start(node.getClass(), kind, fields);
        for (int i = 0; i < fields.size(); i++) {
            boolean nameOfAlias = !keepLiterals && node instanceof Alias && fields.get(i).equals("name");
            values.write(node, fields.get(i), nameOfAlias ? names.nameOf((Alias) node) : product.productElement(i));
        }
        nodes.endArray();
    }

    private void writeExpression(Expression expression) {
        if (expression instanceof Literal) {
            writeLiteral((Literal) expression);
            return;
        }
        writeProduct(expression, "expression");
        if (expression instanceof NamedExpression) {
            writeExpressionId((NamedExpression) expression);
        }
        nodes.field("n", Masking.cut(prettyName(expression), 1_000));
        writeDataType(expression);
        if (expression instanceof Cast && expression.getTagValue(USER_SPECIFIED_CAST).isDefined()) {
            nodes.field("s", true);
        }
        writeSelectingValues(expression);
        TimeBounds.write(nodes, expression);
        nodes.endObject();
    }

    /** Values that are not entered, of which each makes an output of its own: their hashes stand with the literals'. */
    private void writeSelectingValues(Expression expression) {
        int field = expression instanceof Product ? ProductFields.of((Product) expression).indexOf(SELECTING) : -1;
        if (field < 0) {
            return;
        }
        nodes.name("x").object().name("values").array();
        for (Object value : SparkCompat.elements(((Product) expression).productElement(field), SELECTING_LIMIT)) {
            nodes.value(runFacts.addLiteral(value));
        }
        nodes.endArray().endObject();
    }

    private void writeExpressionId(NamedExpression expression) {
        int begin = nodes.mark();
        try {
            int id = tables.expression(expression.exprId());
            nodes.field("e", id);
        } catch (Throwable unresolved) {
            nodes.backTo(begin);
            LeftOut.note(unresolved);
            // An unresolved name has no id yet: the field stays absent.
        }
    }

    private static String prettyName(Expression expression) {
        try {
            return PrettyNames.of(expression);
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return expression.getClass().getSimpleName();
        }
    }

    private void writeDataType(Expression expression) {
        int begin = nodes.mark();
        try {
            int type = tables.type(expression.dataType());
            nodes.field("t", type);
        } catch (Throwable unresolved) {
            nodes.backTo(begin);
            LeftOut.note(unresolved);
            // An unresolved expression has no type: the field stays absent.
        }
    }

    private void writeLiteral(Literal literal) {
        int type = tables.type(literal.dataType());
        start(literal.getClass(), "expression", Collections.singletonList("dataType"));
        nodes.reference('t', type).endArray();
        nodes.field("n", "literal").field("t", type).name("x").object();
        if (literal.value() == null) {
            nodes.field("null", true);
        } else {
            nodes.field("l", runFacts.addLiteral(literal.value()));
            if (keepLiterals) {
                nodes.field("value", text(literal.value()));
            }
        }
        nodes.endObject().endObject();
    }

    /** A text of 100 MB is not made one of Java's first. */
    private static String text(Object value) {
        Object head = value instanceof UTF8String ? ((UTF8String) value).substring(0, Masking.TEXT_LIMIT) : value;
        return Masking.cut(String.valueOf(head), Masking.TEXT_LIMIT);
    }

    private void writePhysical(int index, SparkPlan plan) {
        start(plan.getClass(), "physical", PHYSICAL_FIELDS);
        references(PhysicalPlans.of(plan));
        references(PhysicalPlans.subqueries(plan));
        nodes.endArray().field("n", PhysicalPlans.name(plan));
        values.output(plan);
        Facts.writeScan(nodes, plan, index, runFacts);
        physicalFacts.write(nodes, plan);
        nodes.endObject();
        runFacts.addMetrics(index, plan);
        runFacts.addScan(index, plan);
    }

    private void references(List<Object> plans) {
        nodes.array();
        for (Object plan : plans) {
            values.reference(plan);
        }
        nodes.endArray();
    }

    /** What a micro-batch hands to foreachBatch is its query's RDD itself: no checkpoint made it. */
    private void noteLogicalRdd(int index, LogicalRDD relation) {
        boolean handedOver = relation.rdd().getClass().getSimpleName().equals("SQLExecutionRDD");
        runFacts.addLogicalRdd(index, relation.rdd(), handedOver ? null : outputKey(relation));
    }

    /** A hash of the raw expression ids of a plan's output, in order: thousands of them are remembered. */
    private static String outputKey(LogicalPlan plan) {
        if (plan == null) {
            return null;
        }
        try {
            StringBuilder key = new StringBuilder();
            for (Object attribute : SparkCompat.elementsOf(plan, "output")) {
                key.append(((Attribute) attribute).exprId().id()).append(',');
            }
            return key.length() == 0 || key.length() > Masking.TEXT_LIMIT ? null : Hashes.sha256(key.toString()).substring(0, 32);
        } catch (Throwable unresolved) {
            LeftOut.note(unresolved);
            return null;
        }
    }

    private static void root(JsonWriter body, String name, int index) {
        body.name(name);
        if (index < 0) {
            body.nullValue();
        } else {
            body.object().field("@", index).endObject();
        }
    }

    private void truncations(JsonWriter body) {
        body.name("truncated").array();
        if (nodesCut) {
            body.object().field("limit", "nodes").field("value", nodeLimit).endObject();
        }
        if (bytesCut) {
            body.object().field("limit", "bytes").field("value", BYTE_LIMIT).endObject();
        }
        if (runFacts.isCut()) {
            body.object().field("limit", "bytes").field("value", RunFacts.FACTS_LIMIT).endObject();
        }
        values.truncations(body);
        body.endArray();
    }
}
