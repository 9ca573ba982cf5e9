package io.sparklineage;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Which earlier execution made the data of a LogicalRDD, so that its plan can be written beside the reader's. */
final class Origins {
    private static final int EXECUTION_LIMIT = 10_000;
    private static final int CANDIDATE_LIMIT = 8;

    private final Map<Long, String> plans = new Activity.Bounded<>(EXECUTION_LIMIT);
    private final Map<String, List<Long>> outputs = new Activity.Bounded<>(EXECUTION_LIMIT);

    /** Remembers the plan of an execution that has ended, unless it only hands an RDD on. */
    void ended(long execution, EncodedPlan plan) {
        plans.put(execution, plan.hash);
        if (plan.outputKey == null) {
            return;
        }
        for (EncodedPlan.LogicalRddNode relation : plan.logicalRdds) {
            if (plan.outputKey.equals(relation.outputKey)) {
                return;
            }
        }
        List<Long> candidates = outputs.computeIfAbsent(plan.outputKey, key -> new ArrayList<>());
        candidates.removeIf(earlier -> plan.hash.equals(plans.get(earlier)));
        if (candidates.size() == CANDIDATE_LIMIT) {
            candidates.remove(0);
        }
        candidates.add(execution);
    }

    /**
     * The executions that may have made a LogicalRDD: the one whose job first computed its RDD, else (a lazy
     * checkpoint) those whose output has the same expression ids in the same order, the latest of each plan.
     */
    List<Long> of(EncodedPlan.LogicalRddNode relation, Long computedBy, long reader) {
        if (computedBy != null && computedBy != reader) {
            return Collections.singletonList(computedBy);
        }
        return outputs.getOrDefault(relation.outputKey, Collections.emptyList());
    }

    /** The plan of an execution, or null where it is not known any more. */
    String planOf(long execution) {
        return plans.get(execution);
    }
}
