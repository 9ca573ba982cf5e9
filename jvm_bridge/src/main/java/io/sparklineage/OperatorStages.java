package io.sparklineage;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** In which stages each operator ran: those whose tasks changed one of its metrics. */
final class OperatorStages {
    private OperatorStages() {
    }

    /** Rows `[node,[stage ids]]` of the operators that left a trace in a stage. */
    static void write(JsonWriter json, Map<Integer, long[]> operators, List<Activity.Job> jobs) {
        Map<Long, Set<Integer>> stages = stagesOfMetrics(operators, jobs);
        operators.forEach((node, metrics) -> {
            Set<Integer> found = new TreeSet<>();
            for (long metric : metrics) {
                Set<Integer> ran = stages.get(metric);
                if (ran != null) {
                    found.addAll(ran);
                }
            }
            if (!found.isEmpty()) {
                json.array().value(node).array();
                for (int stage : found) {
                    json.value(stage);
                }
                json.endArray().endArray();
            }
        });
    }

    /** Metrics of a cached plan, whose operators are not in this one, are left out. */
    private static Map<Long, Set<Integer>> stagesOfMetrics(Map<Integer, long[]> operators, List<Activity.Job> jobs) {
        Set<Long> wanted = new HashSet<>();
        for (long[] metrics : operators.values()) {
            for (long metric : metrics) {
                wanted.add(metric);
            }
        }
        Map<Long, Set<Integer>> stages = new HashMap<>();
        for (Activity.Job job : jobs) {
            for (StageAttempt attempt : job.stages) {
                for (long metric : attempt.metrics) {
                    if (wanted.contains(metric)) {
                        stages.computeIfAbsent(metric, key -> new TreeSet<>()).add(attempt.stageId);
                    }
                }
            }
        }
        return stages;
    }
}
