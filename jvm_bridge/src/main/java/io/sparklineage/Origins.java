package io.sparklineage;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Which earlier executions made the data of LogicalRDDs, so that their plans can be written beside the reader's. */
final class Origins {
    private static final int EXECUTION_LIMIT = 10_000;
    private static final int CANDIDATE_LIMIT = 8;
    private static final int FACTS_LIMIT = 16 << 10;

    /** Executions that the rows of one plan are followed through. */
    private static final int REACH_LIMIT = 64;

    /** All facts together; those of the oldest executions go. */
    static final int ALL_FACTS_LIMIT = 16 << 20;

    /** All makers together, about 16 MB: a loop may read every checkpoint that it made before. Those of the oldest executions go. */
    static final int ALL_MAKERS_LIMIT = 150_000;

    private static final byte[] NO_FACTS = {};

    /** An execution that has ended: its plan, and what a reader of its rows needs of its run. */
    static final class Ended {
        final long execution;
        final String plan;
        byte[] facts;

        /** Null where they were let go: the execution is then told as an unknown one. */
        Map<Integer, List<Long>> makers;
        final boolean checkpoint;

        Ended(long execution, String plan, byte[] facts, Map<Integer, List<Long>> makers, boolean checkpoint) {
            this.execution = execution;
            this.plan = plan;
            this.facts = facts;
            this.makers = makers;
            this.checkpoint = checkpoint;
        }
    }

    private final ArrayDeque<Ended> withFacts = new ArrayDeque<>();
    private int allFacts;
    private final ArrayDeque<Ended> withMakers = new ArrayDeque<>();
    private int allMakers;
    private final Map<Long, Ended> ended = new Activity.Bounded<>(EXECUTION_LIMIT);
    private final Map<String, List<Long>> checkpoints = new Activity.Bounded<>(EXECUTION_LIMIT);
    private final Map<Long, Integer> made = new Activity.Bounded<>(EXECUTION_LIMIT);

    /** Remembers an execution that has ended; `checkpoint` where it was one, lazy or not. */
    void ended(long execution, EncodedPlan plan, Map<Integer, List<Long>> makers, boolean checkpoint) {
        byte[] facts = plan.facts.size() > FACTS_LIMIT ? NO_FACTS : plan.facts.toBytes();
        Ended known = new Ended(execution, plan.hash, facts, makers, checkpoint);
        ended.put(execution, known);
        boundFacts(known);
        boundMakers(known);
        if (checkpoint && plan.outputKey != null) {
            List<Long> candidates = checkpoints.computeIfAbsent(plan.outputKey, key -> new ArrayList<>());
            candidates.removeIf(earlier -> isSame(ended.get(earlier), plan.hash, makers));
            if (candidates.size() <= CANDIDATE_LIMIT) {
                candidates.add(execution);
            }
        }
    }

    private void boundFacts(Ended latest) {
        if (latest.facts.length > 0) {
            withFacts.add(latest);
            allFacts += latest.facts.length;
        }
        while (allFacts > ALL_FACTS_LIMIT) {
            Ended oldest = withFacts.remove();
            allFacts -= oldest.facts.length;
            oldest.facts = NO_FACTS;
        }
    }

    private void boundMakers(Ended latest) {
        if (!latest.makers.isEmpty()) {
            withMakers.add(latest);
            allMakers += count(latest.makers);
        }
        while (allMakers > ALL_MAKERS_LIMIT) {
            Ended oldest = withMakers.remove();
            allMakers -= count(oldest.makers);
            oldest.makers = null;
        }
    }

    private static int count(Map<Integer, List<Long>> makers) {
        return makers.values().stream().mapToInt(List::size).sum();
    }

    /** Whether two checkpoints ran the same plan over the same rows: then either tells of both. */
    private static boolean isSame(Ended earlier, String plan, Map<Integer, List<Long>> makers) {
        return earlier != null && earlier.plan.equals(plan) && makers.equals(earlier.makers);
    }

    /** For each LogicalRDD of a plan, by node, the executions of which one made its rows. */
    Map<Integer, List<Long>> of(EncodedPlan plan, Activity activity, Activity.Execution reader) {
        Map<Integer, List<Long>> makers = new LinkedHashMap<>();
        for (EncodedPlan.LogicalRddNode relation : plan.logicalRdds) {
            Long computedBy = activity.executionOfRdd(relation.rdd);
            if (computedBy != null && computedBy == reader.id) {
                activity.forgetRdd(relation.rdd);  // a LogicalRDD's own readers compute its RDD, too
                computedBy = null;
            } else if (computedBy != null && !mayHaveMade(computedBy, reader)) {
                computedBy = null;
            }
            List<Long> found = computedBy == null ? candidates(relation) : Collections.singletonList(computedBy);
            if (computedBy != null) {
                made.put(computedBy, relation.rdd);
            }
            if (!found.isEmpty()) {
                makers.put(relation.node, found);
            }
        }
        return makers;
    }

    /**
     * Whether an execution that computed an RDD may have made it. One that began later, that still ran beside the reader, or that has
     * ended and was no checkpoint only passed by: it read the rows, too, or an RDD job inside its micro-batch did.
     */
    private boolean mayHaveMade(long execution, Activity.Execution reader) {
        Ended known = ended.get(execution);
        return execution < reader.id && !reader.beside.contains(execution) && (known == null || known.checkpoint);
    }

    /**
     * A lazy checkpoint is computed by its first reader. It is one of the checkpoints whose output has the same expression
     * ids in the same order, and that are not known to have made another RDD. Where there are too many, one that does
     * not exist stands for those that were let go.
     */
    private List<Long> candidates(EncodedPlan.LogicalRddNode relation) {
        List<Long> found = new ArrayList<>();
        List<Long> known = checkpoints.getOrDefault(relation.outputKey, Collections.emptyList());
        for (long execution : known) {
            Integer other = made.get(execution);
            if (other == null || other == relation.rdd) {
                found.add(execution);
            }
        }
        if (known.size() > CANDIDATE_LIMIT) {
            found.add(-1L);
        } else if (found.size() == 1) {
            made.put(found.get(0), relation.rdd);
        }
        return found;
    }

    /** The executions that the given ones need, and those that they need, nearest first; bounded. */
    Collection<Ended> reach(Map<Integer, List<Long>> makers) {
        Map<Long, Ended> reached = new LinkedHashMap<>();
        ArrayDeque<Map<Integer, List<Long>>> queue = new ArrayDeque<>();
        queue.add(makers);
        while (!queue.isEmpty()) {
            for (List<Long> executions : queue.remove().values()) {
                for (long execution : executions) {
                    Ended found = whole(execution);
                    if (found != null && reached.size() < REACH_LIMIT && !reached.containsKey(execution)) {
                        reached.put(execution, found);
                        queue.add(found.makers);
                    }
                }
            }
        }
        return reached.values();
    }

    /** An execution of which all is known that its readers need, or null. */
    private Ended whole(long execution) {
        Ended found = ended.get(execution);
        return found == null || found.makers == null ? null : found;
    }

    /** The plan of an execution, or null where it is not known any more. */
    String planOf(long execution) {
        Ended found = whole(execution);
        return found == null ? null : found.plan;
    }

    /** Writes rows `[node, {"execution_id", "plan"}]`; `plan` is null where `has` does not know it. */
    void write(JsonWriter json, Map<Integer, List<Long>> makers, Predicate<String> has) {
        makers.forEach((node, executions) -> {
            for (long execution : executions) {
                String plan = planOf(execution);
                json.array().value((long) node).object().field("execution_id", execution)
                        .field("plan", plan == null || !has.test(plan) ? null : plan).endObject().endArray();
            }
        });
    }
}
