package io.sparklineage;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.V2CreateTableAsSelectPlan;
import org.apache.spark.sql.catalyst.plans.logical.V2WriteCommand;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SQLExecution;
import org.apache.spark.sql.execution.command.DataWritingCommand;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * Writes down what a query is about to write, before it runs: a job that is killed leaves no other trace of it.
 *
 * <p>It works on the thread of the program, while its query is optimized, so it is quick, bounded and never throws: the plan is
 * cut at fewer nodes than that of an execution, and a spool that is slow to answer is not waited for again for a while.
 */
final class Intents {
    private static final Logger LOG = LoggerFactory.getLogger(Intents.class);

    static final int NODE_LIMIT = 50_000;

    /** The program waits meanwhile. */
    private static final long OUTPUT_MILLIS = 200;
    private static final int SEEN_LIMIT = 10_000;
    private static final int BEGUN_LIMIT = 32;
    private static final int LABEL_LIMIT = 1_000;
    private static final int CHILDREN_LIMIT = 1_000;
    private static final long WAIT_MILLIS = 500;
    private static final long REST_NANOS = 60_000_000_000L;

    /**
     * Commands that change rows and do not say so by a trait: those of files and catalog tables, of Delta, and those without a query.
     * The analyzer's classes are held against them by tests/bridge/test_intents.py.
     */
    private static final Set<String> WRITES = Collections.unmodifiableSet(new HashSet<>(Arrays.asList(
            "AlterTableDropPartitionCommand", "CloneTableCommand", "ConvertToDeltaCommand", "CreateDataSourceTableAsSelectCommand",
            "CreateHiveTableAsSelectCommand", "DeleteCommand", "DeleteFromTable", "DeleteFromTableWithFilters",
            "DeltaInsertReplaceOnOrUsingCommand", "DropPartitions", "InsertIntoDataSourceCommand", "InsertIntoDataSourceDirCommand",
            "InsertOnlyMerge", "LoadData", "LoadDataCommand", "MergeIntoCommand", "MergeIntoTable",
            "RestoreTableCommand", "RestoreTableStatement", "SaveAsV1TableCommand", "SaveIntoDataSourceCommand",
            "TruncateDeltaTableCommand", "TruncatePartition", "TruncateTable", "TruncateTableCommand", "UpdateCommand", "UpdateTable",
            "WriteToDataSourceV2")));

    /** Delta's command for a new table: a write where its query is that of CREATE TABLE ... CLONE. */
    private static final String NEW_DELTA_TABLE = "CreateDeltaTableCommand";

    /** Frames between Spark's own that are not the program's. */
    private static final Pattern INTERNAL = Pattern.compile("^(io\\.sparklineage|scala|java|io\\.delta)\\.");

    private final String bridge;
    private final SparkContext context;
    private final Settings settings;
    private final Spool spool;
    private final NameMasker names;

    private final SeenExecutions seen = new SeenExecutions(SEEN_LIMIT);

    /** What encoded the plans of writes that have not ended. */
    private final Map<Long, PlanEncoder> begun = Collections.synchronizedMap(new Activity.Bounded<>(BEGUN_LIMIT));
    private final AtomicLong late = new AtomicLong();
    private long sequence;
    private volatile boolean rests;
    private volatile long restsSince;

    Intents(String bridge, SparkContext context, Settings settings, Spool spool, NameMasker names) {
        this.bridge = bridge;
        this.context = context;
        this.settings = settings;
        this.spool = spool;
        this.names = names;
    }

    /**
     * Notes the execution that this thread is in, once, if it is a write and not a part of one that is noted.
     *
     * @param order how many starts and ends were heard so far
     */
    void note(long order) throws Throwable {
        String id = context.getLocalProperty("spark.sql.execution.id");
        if (settings.intent == Settings.Intent.OFF || id == null) {
            return;
        }
        long execution = Long.parseLong(id);
        String rootId = context.getLocalProperty("spark.sql.execution.root.id");
        long root = rootId == null ? execution : Long.parseLong(rootId);
        if (seen.contains(execution, root)) {
            return;
        }
        QueryExecution query = SQLExecution.getQueryExecution(execution);
        if (query == null) {
            return;
        }
        QueryFacts facts = new QueryFacts(query);
        LogicalPlan analyzed = facts.analyzed();
        if (analyzed == null || !seen.add(execution) || !writes(analyzed)) {
            return;
        }
        PlanEncoder encoder = new PlanEncoder(new LiteralHasher(settings.hashKey), names, settings.keepLiterals,
                NODE_LIMIT, false, OUTPUT_MILLIS);
        EncodedPlan plan = encoder.encode(analyzed, null);
        byte[] record = record(execution, root, order, facts, analyzed, plan);
        if (encoder.canBegin()) {
            began(execution, encoder);
        }
        hand(new Entry(record, Collections.singletonMap(plan.hash, plan.record)));
        seen.noted(execution);
    }

    /** Keeps what encoded the plan of a write until it has ended. */
    void began(long execution, PlanEncoder encoder) {
        begun.put(execution, encoder);
    }

    /** What encoded the plan of a write that runs; null where nothing did, or not all of it. */
    PlanEncoder begun(long execution) {
        return begun.get(execution);
    }

    /** Forgets the plan of an execution that has ended. */
    void ended(long execution) {
        begun.remove(execution);
    }

    private synchronized long next() {
        return ++sequence;
    }

    /** How many writes were noted. */
    synchronized long noted() {
        return sequence;
    }

    /** How many of those writes went on before their note was where the setting wants it. */
    long late() {
        return late.get();
    }

    /** Whether a plan is a write, or several of them below a union; a plan that is only explained is not the execution's own. */
    static boolean writes(LogicalPlan plan) {
        String name = plan.getClass().getSimpleName();
        if (name.equals("Union") || name.equals("WithCTE")) {
            List<Object> children = SparkCompat.elements(SparkCompat.memberOrNull(plan, "children"), CHILDREN_LIMIT);
            return children.stream().anyMatch(child -> isWrite((LogicalPlan) child));
        }
        return isWrite(plan);
    }

    private static boolean isWrite(LogicalPlan plan) {
        return plan instanceof V2WriteCommand || plan instanceof DataWritingCommand || plan instanceof V2CreateTableAsSelectPlan
                || WRITES.contains(plan.getClass().getSimpleName()) || clones(plan);
    }

    private static boolean clones(LogicalPlan plan) {
        Object query = plan.getClass().getSimpleName().equals(NEW_DELTA_TABLE) ? SparkCompat.memberOrNull(plan, "query") : null;
        return query instanceof Option && ((Option<?>) query).isDefined()
                && WRITES.contains(((Option<?>) query).get().getClass().getSimpleName());
    }

    private void hand(Entry entry) {
        // By the clock that does not jump: the other may be set back by hours.
        boolean rest = rests && System.nanoTime() - restsSince < REST_NANOS;
        if (settings.intent == Settings.Intent.ASYNC || rest) {
            spool.offer(entry);
        } else {
            Spool.Outcome outcome = spool.write(entry, settings.intent == Settings.Intent.SYNCED, WAIT_MILLIS);
            restsSince = System.nanoTime();
            rests = outcome == Spool.Outcome.WAITS;
            if (rests) {
                LOG.warn("A write went on before its note was {}, for which it waited {} ms; for a minute no other waits",
                        settings.intent == Settings.Intent.SYNCED ? "on the disk" : "written", WAIT_MILLIS);
            }
        }
        if (rests) {  // which who waits for nothing never does
            late.incrementAndGet();
        }
    }

    private byte[] record(long execution, long root, long order, QueryFacts facts, LogicalPlan analyzed, EncodedPlan plan) {
        String tags = context.getLocalProperty(ConnectClient.TAGS);
        ConnectClient client = tags == null ? null : ConnectClient.of(Arrays.asList(tags.split(",")));
        String sqlText = facts.sqlText(analyzed);
        JsonWriter json = new JsonWriter().object().field("v", 3).field("kind", "intent").field("bridge", bridge)
                .field("execution_id", execution)
                .field("root_execution_id", root)
                .field("query_execution_id", facts.query.id())
                .field("plan", plan.hash).field("started_at", System.currentTimeMillis())
                .field("started_order", order).field("sequence", next())
                .field("description", sql(ConnectClient.withoutRequest(context.getLocalProperty("spark.job.description"))))
                .field("call_site", label(ConnectClient.withoutRequest(callSite())))
                .field("sql_text", sqlText == null ? null : names.inSql(sqlText))
                .field("job_group", label(context.getLocalProperty("spark.jobGroup.id")))
                .field("user", client == null ? context.sparkUser() : client.user)
                .field("session", client == null ? facts.sessionId() : client.session);
        json.name("expressions").array();
        for (long expression : plan.expressions) {
            json.value(expression);
        }
        json.endArray().name("literals").array();
        for (String literal : plan.literals) {
            json.value(literal);
        }
        return json.endArray().raw(plan.runFacts).endObject().toBytes();
    }

    /** Spark's method that the program called, and where, as Spark writes call sites; null where there is no program below Spark. */
    private String callSite() {
        String set = context.getLocalProperty("callSite.short");
        String called = null;
        for (StackTraceElement frame : new Throwable().getStackTrace()) {
            String owner = frame.getClassName();
            boolean reflected = owner.contains(".reflect.");
            if (owner.startsWith("org.apache.spark.")) {
                called = frame.getMethodName();
            } else if (set == null && called != null && (reflected || !INTERNAL.matcher(owner).find())) {
                return called + " at " + frame.getFileName() + ":" + Math.max(0, frame.getLineNumber());
            }
        }
        return set;
    }

    private String sql(String text) {
        return text == null ? null : names.inSql(Masking.cut(Masking.sql(text), LABEL_LIMIT));
    }

    private static String label(Object text) {
        return text == null ? null : Masking.cut(Masking.label(text.toString()), LABEL_LIMIT);
    }
}
