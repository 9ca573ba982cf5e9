package io.sparklineage;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The `execution` record: what one SQL execution did, when, and how it ended. */
final class ExecutionRecord {
    private static final Pattern CALL_SITE = Pattern.compile("\\S+ at \\S+:\\d+");
    private static final int LABEL_LIMIT = 1_000;
    private static final int DETAILS_LIMIT = 100_000;

    final String bridge;
    final String user;
    final Activity.Execution execution;
    String state = "COMPLETE";
    Failure failure;
    Failure planFailure;
    EncodedPlan plan;
    long endedAt;
    long endedOrder;
    QueryFacts query;
    String sqlText;
    boolean commandResult;
    JsonWriter origins = new JsonWriter();
    JsonWriter originExecutions = new JsonWriter();
    StreamingNames.Batch batch;

    /** Whether its operators and stages are not to be told of (`spark.lineage.sample`): what only they need is left out. */
    boolean sampledOut;

    /** Node of the executed plan in which the query failed, or null. */
    Integer failedNode;

    private final NameMasker names;

    ExecutionRecord(String bridge, String user, NameMasker names, Activity.Execution execution) {
        this.bridge = bridge;
        this.user = user;
        this.names = names;
        this.execution = execution;
    }

    byte[] toBytes() {
        JsonWriter json = new JsonWriter();
        json.object().field("v", 1).field("kind", "execution").field("bridge", bridge);
        json.field("execution_id", execution.id);
        json.field("root_execution_id", execution.root());
        json.field("query_execution_id", query == null ? null : Long.valueOf(query.query.id()));
        json.field("plan", plan == null ? null : plan.hash);
        failure(json, "plan_error", planFailure, true);
        json.field("state", state);
        failure(json, "error", failure, false);
        if (failedNode != null) {
            json.field("failed_node", failedNode.longValue());
        }
        json.field("started_at", execution.startedAt).field("ended_at", endedAt);
        json.field("started_order", execution.startedOrder).field("ended_order", endedOrder);
        phases(json);
        json.field("command_result", commandResult);
        labels(json);
        planSections(json);
        jobs(json);
        json.name("streaming");
        if (batch == null) {
            json.nullValue();
        } else {
            batch.write(json);
        }
        return json.endObject().toBytes();
    }

    private static void failure(JsonWriter json, String name, Failure failure, boolean ofPlan) {
        json.name(name);
        if (failure == null) {
            json.nullValue();
        } else if (ofPlan) {
            failure.writePlanError(json);
        } else {
            failure.write(json);
        }
    }

    private void phases(JsonWriter json) {
        json.name("phases").object();
        if (query != null) {
            for (Map.Entry<String, long[]> phase : query.phases.entrySet()) {
                json.name(phase.getKey()).array().value(phase.getValue()[0]).value(phase.getValue()[1]).endArray();
            }
        }
        json.endObject();
    }

    private void labels(JsonWriter json) {
        String description = ConnectClient.withoutRequest(execution.description);
        ConnectClient client = ConnectClient.of(execution.tags);
        json.field("description", description == null ? null : names.inSql(Masking.cut(Masking.sql(description), LABEL_LIMIT)));
        json.field("call_site", callSite());
        json.field("sql_text", sqlText == null ? null : names.inSql(sqlText));
        json.field("job_group", label(execution.jobGroup));
        json.name("job_tags").array();
        for (String tag : execution.tags) {
            json.value(label(tag));
        }
        String session = query == null ? null : query.sessionId();
        json.endArray().field("user", client == null ? user : client.user)
                .field("session", client == null ? session : client.session);
    }

    /** A description is the call site unless the user set another; the details then begin with it. */
    private String callSite() {
        String description = execution.description;
        if (description != null && description.length() <= LABEL_LIMIT && CALL_SITE.matcher(description).matches()) {
            return label(description);
        }
        String details = execution.details == null ? null : ConnectClient.withoutRequest(Masking.cut(execution.details, DETAILS_LIMIT));
        return details == null ? null : label(details.split("\n", 2)[0]);
    }

    private static String label(String text) {
        return text == null ? null : Masking.cut(Masking.label(text), LABEL_LIMIT);
    }

    private void planSections(JsonWriter json) {
        json.name("expressions").array();
        if (plan != null) {
            for (long expression : plan.expressions) {
                json.value(expression);
            }
        }
        json.endArray().name("literals").array();
        if (plan != null) {
            for (String literal : plan.literals) {
                json.value(literal);
            }
            json.endArray().raw(plan.runFacts);
        } else {
            json.endArray().raw(new RunFacts(null, false).write());
        }
        PlanTables.rows(json, "origins", origins);
        PlanTables.rows(json, "origin_executions", originExecutions);
    }

    private void jobs(JsonWriter json) {
        json.name("jobs").array();
        for (Activity.Job job : execution.jobs) {
            json.object().field("job_id", job.id).field("state", jobState(job));
            json.field("started_at", job.startedAt).field("ended_at", job.endedAt);
            numbers(json, "stages", job.stageIds);
            numbers(json, "rdds", job.rdds);
            json.endObject();
        }
        json.endArray().name("stages").array();
        for (Activity.Job job : execution.jobs) {
            if (!job.stages.isEmpty()) {
                json.raw(job.writeStages(!sampledOut));
            }
        }
        json.endArray();
        if (sampledOut) {
            json.field("left_out", "sample");
        } else if (plan != null) {
            JsonWriter rows = new JsonWriter();
            OperatorStages.write(rows, plan.metricIds, execution.jobs);
            PlanTables.rows(json, "operator_stages", rows);
        }
    }

    /** The end of a job that fails may come after the execution's: then the execution tells. */
    private String jobState(Activity.Job job) {
        boolean failed = job.succeeded == null ? failure != null : !job.succeeded;
        return failed ? "FAILED" : "COMPLETE";
    }

    private static void numbers(JsonWriter json, String name, List<Integer> numbers) {
        json.name(name).array();
        for (int number : numbers) {
            json.value(number);
        }
        json.endArray();
    }
}
