package io.sparklineage;

/** One attempt of a stage: what is counted of its tasks, and what is kept of it when it has ended. */
final class StageAttempt {
    private static final long[] NONE = {};

    final int stageId;
    final int attempt;
    int failedTasks;
    int killedTasks;
    int speculativeTasks;

    /** What Spark said of it when it ended, as members of its record. */
    final JsonWriter ended = new JsonWriter();

    /** The ids of the SQL metrics that its tasks changed. */
    long[] metrics = NONE;

    StageAttempt(int stageId, int attempt) {
        this.stageId = stageId;
        this.attempt = attempt;
    }

    /** The whole record; tasks that were killed because another was faster end after their stage, and still count. */
    void write(JsonWriter json, int jobId) {
        json.object().raw(ended).field("job_id", jobId).field("failed_tasks", failedTasks)
                .field("killed_tasks", killedTasks).field("speculative_tasks", speculativeTasks).endObject();
    }
}
