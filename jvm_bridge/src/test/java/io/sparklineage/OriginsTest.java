package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.rdd.DeterministicLevel;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.StageInfo;
import org.apache.spark.storage.RDDInfo;
import org.apache.spark.storage.StorageLevel;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.collection.JavaConverters;
import scala.collection.Seq;

class OriginsTest {
    private final Origins origins = new Origins();
    private final Activity activity = new Activity();

    /** A plan with the given output that reads the given RDD, or none where that is 0. */
    private static EncodedPlan plan(String hash, String output, int rdd, String rddOutput) {
        List<EncodedPlan.LogicalRddNode> relations = rdd == 0 ? Collections.emptyList()
                : Collections.singletonList(new EncodedPlan.LogicalRddNode(5, rdd, rddOutput));
        return new EncodedPlan(hash, new byte[0], new long[0], Collections.emptyList(), new JsonWriter(),
                new JsonWriter(), relations, output);
    }

    private Map<Integer, List<Long>> end(long execution, EncodedPlan plan, boolean checkpoint) {
        return recorded(activity.removeExecution(execution), plan, checkpoint);
    }

    private Map<Integer, List<Long>> recorded(Activity.Execution execution, EncodedPlan plan, boolean checkpoint) {
        Map<Integer, List<Long>> makers = origins.of(plan, activity, execution);
        origins.ended(execution.id, plan, makers, checkpoint);
        return makers;
    }

    private static <T> Seq<T> list(List<T> elements) {
        return JavaConverters.asScalaBuffer(elements).toList();
    }

    /** A job of an execution, or of one in that, computes an RDD. */
    private void computes(long execution, long root, int rdd) throws Throwable {
        RDDInfo info = new RDDInfo(rdd, "rows", 1, StorageLevel.NONE(), false, list(Collections.emptyList()), "", Option.empty(),
                DeterministicLevel.DETERMINATE());
        StageInfo stage = new StageInfo(rdd, 0, "collect at X.java:7", 1, list(Collections.singletonList(info)),
                list(Collections.emptyList()), "details", new TaskMetrics(), list(Collections.emptyList()), Option.empty(), 0, false, 0);
        Properties properties = new Properties();
        properties.setProperty("spark.sql.execution.id", String.valueOf(execution));
        properties.setProperty("spark.sql.execution.root.id", String.valueOf(root));
        activity.jobStarted(new SparkListenerJobStart(rdd, 1L, list(Collections.singletonList(stage)), properties));
    }

    @Test
    void factsOfAllTogetherAreBounded() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 15_000; i++) {
            text.append('x');
        }
        int ended = 3_000;
        for (int execution = 1; execution <= ended; execution++) {
            EncodedPlan plan = plan("p" + execution, "1,2,", 0, null);
            plan.facts.value(text.toString());
            end(execution, plan, false);
        }
        int kept = 0;
        for (int execution = 1; execution <= ended; execution++) {
            Map<Integer, List<Long>> makers = Collections.singletonMap(5, Collections.singletonList((long) execution));
            for (Origins.Ended each : origins.reach(makers)) {
                assertEquals("p" + execution, each.plan);
                kept += each.facts.length;
            }
        }
        assertEquals(Origins.ALL_FACTS_LIMIT / 15_002 * 15_002, kept);
    }

    /** Executions that read 1,000 LogicalRDDs each, as a loop does that unions a checkpoint each turn. */
    private void loop(long first, long last) {
        for (long execution = first; execution <= last; execution++) {
            Map<Integer, List<Long>> makers = new HashMap<>();
            for (int node = 0; node < 1_000; node++) {
                makers.put(node, Collections.singletonList(execution - 1));
            }
            origins.ended(execution, plan("p" + execution, null, 0, null), makers, true);
        }
    }

    @Test
    void makersOfAllTogetherAreBounded() {
        loop(1, 400);
        long known = 400 - 150;
        assertNull(origins.planOf(known));
        assertEquals("p" + (known + 1), origins.planOf(known + 1));
        JsonWriter json = new JsonWriter().array();
        origins.write(json, Collections.singletonMap(5, Arrays.asList(known, known + 1)), plan -> true);
        assertEquals("[[5,{\"execution_id\":250,\"plan\":null}],[5,{\"execution_id\":251,\"plan\":\"p251\"}]]",
                json.endArray().toString());
        List<Long> reached = new ArrayList<>();
        for (Origins.Ended each : origins.reach(Collections.singletonMap(5, Collections.singletonList(known + 3)))) {
            reached.add(each.execution);
        }
        assertEquals(Arrays.asList(known + 3, known + 2, known + 1), reached);
    }

    @Test
    void whoeverOnlyPassedByMadeNothingThoughItsMakersAreLetGo() throws Throwable {
        end(1, plan("a", "1,2,", 0, null), true);
        end(2, plan("b", "3,", 0, null), true);
        computes(3, 3, 7);
        assertEquals(Collections.singletonMap(5, Collections.singletonList(2L)), end(3, plan("c", "9,", 9, "3,"), false));
        loop(10, 400);
        assertNull(origins.planOf(3));
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)), end(500, plan("d", "8,", 7, "1,2,"), false));
    }

    @Test
    void theOnlyLazyCheckpointMadeTheRows() {
        end(1, plan("a", "1,2,", 0, null), true);
        end(2, plan("b", "1,2,", 0, null), false);
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)),
                end(3, plan("c", "9,", 7, "1,2,"), false));
    }

    @Test
    void severalLazyCheckpointsAreCandidatesUntilOneIsKnownToHaveMadeAnother() {
        end(1, plan("a", "1,2,", 0, null), true);
        end(2, plan("b", "1,2,", 7, "1,2,"), true);
        assertEquals(Collections.singletonMap(5, Collections.singletonList(2L)),
                end(3, plan("c", "9,", 8, "1,2,"), false));
        end(4, plan("d", "1,2,", 0, null), true);
        end(5, plan("e", "1,2,", 0, null), true);
        assertEquals(Collections.singletonMap(5, Arrays.asList(4L, 5L)), end(6, plan("f", "9,", 10, "1,2,"), false));
    }

    @Test
    void checkpointsThatWereLetGoAreSaid() {
        for (int i = 1; i <= 12; i++) {
            end(i, plan("p" + i, "1,", 0, null), true);
        }
        List<Long> found = end(20, plan("c", "9,", 7, "1,"), false).get(5);
        assertEquals(-1L, found.get(found.size() - 1));
    }

    @Test
    void aChainIsReachedNearestFirst() {
        end(1, plan("a", "1,", 0, null), true);
        end(2, plan("b", "1,", 7, "1,"), true);
        Map<Integer, List<Long>> makers = end(3, plan("c", "1,", 8, "1,"), true);
        List<Long> reached = new ArrayList<>();
        for (Origins.Ended each : origins.reach(makers)) {
            reached.add(each.execution);
        }
        assertEquals(Arrays.asList(2L, 1L), reached);
    }

    @Test
    void whatAMicroBatchHandsOverHasNoCheckpoint() {
        end(1, plan("a", "1,", 0, null), true);
        assertEquals(Collections.emptyMap(), end(2, plan("b", "9,", 7, null), false));
    }

    @Test
    void whoComputedTheRddOfACheckpointMadeIt() throws Throwable {
        computes(1, 1, 7);
        end(1, plan("a", "1,", 0, null), true);
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)), end(2, plan("b", "9,", 7, "1,"), false));
    }

    @Test
    void whoeverComputesTheRddAfterAReaderHasEndedDidNotMakeIt() throws Throwable {
        end(1, plan("a", "1,", 0, null), true);
        Activity.Execution reader = activity.removeExecution(2);
        computes(3, 3, 7);  // before the reader is recorded
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)),
                recorded(reader, plan("b", "9,", 7, "1,"), false));
    }

    @Test
    void whoeverReadsBesideAReaderDidNotMakeIt() throws Throwable {
        end(1, plan("a", "1,", 0, null), true);
        activity.execution(3);
        computes(2, 2, 7);
        computes(3, 3, 7);
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)), end(3, plan("b", "9,", 7, "1,"), false));
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)), end(2, plan("c", "8,", 7, "1,"), false));
    }

    @Test
    void aMicroBatchMadeWhatIsReadInIt() throws Throwable {
        computes(1, 1, 7);
        Activity.Execution inside = activity.execution(2);
        inside.root = 1L;
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)), end(2, plan("b", "9,", 7, null), false));
    }

    @Test
    void anExecutionThatIsKnownNoMoreMayHaveMadeIt() throws Throwable {
        computes(1, 1, 7);
        activity.removeExecution(1);
        assertEquals(Collections.singletonMap(5, Collections.singletonList(1L)), end(2, plan("b", "9,", 7, "1,"), false));
    }
}
