package io.sparklineage;

import java.util.Map;

/** The executions that were looked at for a write, so that none is noted twice, however many others come in between. */
final class SeenExecutions {
    private final int limit;

    /** Whether an execution is noted as a write. */
    private final Map<Long, Boolean> seen;

    /** The youngest that had to be forgotten. Spark counts executions and optimizes one when it has its number: older ones were seen, too. */
    private long forgotten = -1;

    SeenExecutions(int limit) {
        this.limit = limit;
        this.seen = new Activity.Bounded<>(limit);
    }

    /** Whether an execution was looked at, or is inside one that is noted. */
    synchronized boolean contains(long execution, long root) {
        return execution <= forgotten || seen.containsKey(execution) || Boolean.TRUE.equals(seen.get(root));
    }

    /** Looks at an execution; false where another thread was first. */
    synchronized boolean add(long execution) {
        if (execution <= forgotten || seen.containsKey(execution)) {
            return false;
        }
        if (seen.size() == limit) {
            forgotten = Math.max(forgotten, seen.keySet().iterator().next());
        }
        seen.put(execution, false);
        return true;
    }

    /** The execution is noted, and with it what runs inside of it. */
    synchronized void noted(long execution) {
        seen.replace(execution, true);
    }
}
