package io.sparklineage;

import java.util.Map;

/** The streaming queries that are known, so that a micro-batch can say which one it belongs to. */
final class StreamingNames {
    private static final int QUERY_LIMIT = 10_000;

    /** A micro-batch of a query's run. */
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

        void write(JsonWriter json) {
            json.object().field("query_id", queryId).field("run_id", runId)
                    .field("name", name == null ? null : Masking.cut(Masking.label(name), 1_000))
                    .field("batch_id", batchId).endObject();
        }
    }

    /** Query id to its newest run's id and name. */
    private final Map<String, String[]> queries = new Activity.Bounded<>(QUERY_LIMIT);

    /** Notes a QueryStartedEvent. */
    void started(Object event) {
        Object name = SparkCompat.memberOrNull(event, "name");
        queries.put(String.valueOf(SparkCompat.memberOrNull(event, "id")), new String[] {
            String.valueOf(SparkCompat.memberOrNull(event, "runId")), name == null ? null : name.toString()});
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
