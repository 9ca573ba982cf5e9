package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

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
        Map<Integer, List<Long>> makers = origins.of(plan, activity, execution);
        origins.ended(execution, plan, makers, checkpoint);
        return makers;
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
}
