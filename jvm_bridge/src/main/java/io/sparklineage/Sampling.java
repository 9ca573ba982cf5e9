package io.sparklineage;

import java.util.Map;

/**
 * Which executions are told of without their operators and stages (`spark.lineage.sample`): of those that repeat a plan a share, by a
 * hash, so that the same batch is always kept or always left out. The first of a plan and what failed are told of in full.
 *
 * <p>Used by the recorder's thread alone.
 */
final class Sampling {
    /** How many plans are remembered; of one that was forgotten the next execution counts as the first. */
    static final int PLAN_LIMIT = 10_000;

    private static final double SPAN = 1L << 32;

    private final double share;
    private final Map<String, Boolean> met = new Activity.Bounded<>(PLAN_LIMIT);
    private volatile long leftOut;

    Sampling(double share) {
        this.share = share;
    }

    /** How many executions are told of without their detail. */
    long leftOut() {
        return leftOut;
    }

    /** Whether the detail of an execution is left out; `plan` is the hash of its plan, null where that was not read. */
    boolean leavesOut(String plan, boolean succeeded, StreamingNames.Batch batch, long execution) {
        boolean repeated = plan != null && met.put(plan, true) != null;
        if (share >= 1 || !repeated || !succeeded) {
            return false;
        }
        String id = batch == null ? plan + ":" + execution : batch.queryId + ":" + batch.batchId;
        boolean leavesOut = Long.parseLong(Hashes.sha256(id).substring(0, 8), 16) / SPAN >= share;
        leftOut += leavesOut ? 1 : 0;
        return leavesOut;
    }
}
