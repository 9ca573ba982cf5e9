package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SamplingTest {
    private static final StreamingNames.Batch BATCH = new StreamingNames.Batch("query", "run", null, 7L);

    @Test
    void allIsKeptWhereNothingIsSaid() {
        Sampling all = new Sampling(1);
        for (int i = 0; i < 100; i++) {
            assertFalse(all.leavesOut("plan", true, null, i));
        }
    }

    @Test
    void theFirstOfAPlanAndWhatFailedStay() {
        Sampling none = new Sampling(0);
        assertFalse(none.leavesOut("plan", true, null, 1));
        assertTrue(none.leavesOut("plan", true, null, 2));
        assertFalse(none.leavesOut("plan", false, null, 3));
        assertFalse(none.leavesOut("another", true, null, 4));
        assertFalse(none.leavesOut(null, true, null, 5));
        assertFalse(none.leavesOut(null, true, null, 6));
        assertEquals(1, none.leftOut());
    }

    @Test
    void aBatchIsAlwaysKeptOrAlwaysLeftOut() {
        // sha256sum of "query:7" begins with d0807e23, which is 0.8144 of 2^32.
        for (double share : new double[] {0.81, 0.82}) {
            Sampling sampling = new Sampling(share);
            sampling.leavesOut("plan", true, BATCH, 1);
            sampling.leavesOut("retried", true, BATCH, 2);
            assertEquals(share < 0.8144, sampling.leavesOut("plan", true, BATCH, 3));
            assertEquals(share < 0.8144, sampling.leavesOut("retried", true, BATCH, 4));
        }
    }

    @Test
    void theShareIsWhatIsKept() {
        Sampling sampling = new Sampling(0.1);
        int kept = 0;
        for (int i = 0; i < 10_000; i++) {
            kept += sampling.leavesOut("plan", true, null, i) ? 0 : 1;
        }
        assertEquals(1_000, kept, 100);
    }

    @Test
    void plansThatWereForgottenCountAsNew() {
        Sampling sampling = new Sampling(0);
        for (int i = 0; i <= Sampling.PLAN_LIMIT; i++) {
            assertFalse(sampling.leavesOut("plan " + i, true, null, i));
        }
        assertFalse(sampling.leavesOut("plan 0", true, null, -1));
        assertTrue(sampling.leavesOut("plan 2", true, null, -2));
    }
}
