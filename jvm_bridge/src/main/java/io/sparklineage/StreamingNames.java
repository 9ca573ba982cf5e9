package io.sparklineage;

import java.util.Map;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/** The streaming queries that are known, so that a micro-batch can say which one it belongs to. */
final class StreamingNames {
    private static final int QUERY_LIMIT = 10_000;

    /** A micro-batch of a query's run; one without a number stands for the run. */
    static final class Batch {
        final String queryId;
        final String runId;
        final String name;
        final Long batchId;

        Batch(String queryId, String runId, String name, Long batchId) {
            this.queryId = queryId;
            this.runId = runId;
            this.name = name;
            this.batchId = batchId;
        }

        /** The query's name as it may pass; null where it has none. */
        String label() {
            return name == null ? null : Masking.cut(Masking.label(name), 1_000);
        }

        void write(JsonWriter json) {
            json.object().field("query_id", queryId).field("run_id", runId).field("name", label())
                    .field("batch_id", batchId).endObject();
        }
    }

    /** Query id to its newest run's id and name. */
    private final Map<String, String[]> queries = new Activity.Bounded<>(QUERY_LIMIT);

    /** The root execution of a run's newest batches, by run and batch. */
    private final Map<String, Long> executions = new Activity.Bounded<>(QUERY_LIMIT);

    /** What a run's micro-batch failed with: its message is masked by Spark's own parameters. */
    private final Map<String, Failure> failures = new Activity.Bounded<>(QUERY_LIMIT);

    /** Notes that a query's run began. */
    Batch started(StreamingQueryListener.QueryStartedEvent event) {
        Batch query = new Batch(String.valueOf(event.id()), String.valueOf(event.runId()), event.name(), null);
        queries.put(query.queryId, new String[] {query.runId, query.name});
        return query;
    }

    /** The run that ended, with its name where that is still known. */
    Batch ended(StreamingQueryListener.QueryTerminatedEvent event) {
        String id = String.valueOf(event.id());
        return new Batch(id, String.valueOf(event.runId()), name(id), null);
    }

    /** Why a run ended: what its micro-batch failed with, else what the event says; null where it did not fail. */
    Failure failure(StreamingQueryListener.QueryTerminatedEvent event) {
        Failure known = failures.remove(String.valueOf(event.runId()));
        Object text = SparkCompat.unwrap(event.exception());
        if (text == null) {
            return null;
        }
        Object condition = SparkCompat.unwrap(event.errorClassOnException());
        return known != null ? known : Failure.ofText(text.toString(), (String) condition);
    }

    /** Notes which execution a micro-batch is, and what it failed with. */
    void ran(Batch batch, Activity.Execution execution, Failure failure) {
        if (batch.runId == null) {
            return;
        }
        if (batch.batchId != null) {
            executions.put(batch.runId + ":" + batch.batchId, execution.root());
        }
        boolean root = execution.root == null || execution.root == execution.id;
        if (root && failure != null && !failure.isCancelled()) {
            failures.put(batch.runId, failure);
        }
    }

    /** The root execution of a micro-batch; null where it ran none. */
    Long executionOf(Object runId, long batchId) {
        return executions.remove(runId + ":" + batchId);
    }

    /** The micro-batch of an execution: from its own plan, else from its jobs' properties; null if it is none. */
    Batch of(Activity.Execution execution, QueryFacts query) {
        if (query != null && query.isMicroBatch()) {
            String id = String.valueOf(SparkCompat.memberOrNull(query.query, "queryId"));
            String run = String.valueOf(SparkCompat.memberOrNull(query.query, "runId"));
            Object batch = SparkCompat.memberOrNull(query.query, "currentBatchId");
            return new Batch(id, run, name(id), batch instanceof Long ? (Long) batch : null);
        }
        if (execution.queryId == null) {
            return null;
        }
        String[] known = queries.get(execution.queryId);
        return new Batch(execution.queryId, known == null ? null : known[0], name(execution.queryId),
                execution.batchId);
    }

    private String name(String id) {
        String[] known = queries.get(id);
        return known == null ? null : known[1];
    }
}
