package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SeenExecutionsTest {
    @Test
    void anExecutionIsSeenOnceHoweverManyComeAfterIt() {
        SeenExecutions seen = new SeenExecutions(3);
        for (long execution = 0; execution < 10; execution++) {
            assertFalse(seen.contains(execution, execution));
            assertTrue(seen.add(execution));
            for (long before = 0; before <= execution; before++) {
                assertTrue(seen.contains(before, before));
                assertFalse(seen.add(before));
            }
        }
    }

    @Test
    void whatRunsInsideOneThatIsNotedIsSeenAndWhatRunsInsideAnotherIsNot() {
        SeenExecutions seen = new SeenExecutions(3);
        seen.add(4);
        assertFalse(seen.contains(5, 4));
        seen.noted(4);
        assertTrue(seen.contains(5, 4));
        assertFalse(seen.contains(5, 5));
    }

    @Test
    void aThreadThatComesLateForgetsNothingYounger() {
        SeenExecutions seen = new SeenExecutions(2);
        seen.add(8);
        seen.add(7);
        seen.add(9);
        assertTrue(seen.contains(8, 8));
        assertFalse(seen.contains(10, 10));
        assertTrue(seen.add(10));
    }
}
