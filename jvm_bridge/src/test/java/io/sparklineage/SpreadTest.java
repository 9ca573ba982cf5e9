package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class SpreadTest {
    private static Spread of(LongStream values) {
        Spread spread = new Spread();
        values.forEach(spread::add);
        return spread;
    }

    @Test
    void fewValuesAreCountedOut() {
        assertNull(new Spread().summary());
        assertArrayEquals(new long[] {7, 7, 7, 7, 7}, of(LongStream.of(7)).summary());
        assertArrayEquals(new long[] {1, 3, 5, 7, 8}, of(LongStream.of(8, 1, 7, 2, 6, 3, 5, 4)).summary());
        assertArrayEquals(new long[] {0, 50, 100, 150, 199}, of(LongStream.range(0, 200)).summary());
    }

    @Test
    void ofManyTheEndsAreExactAndTheQuartilesAreNear() {
        long[] summary = of(LongStream.range(0, 100_000).map(i -> i * 7919 % 100_000)).summary();
        assertEquals(0, summary[0]);
        assertEquals(99_999, summary[4]);
        for (int i = 1; i <= 3; i++) {
            assertTrue(Math.abs(summary[i] - i * 25_000) < 5_000, "quartile " + i + " is " + summary[i]);
        }
    }

    @Test
    void oneSlowTaskOfManyIsSeen() {
        long[] summary = of(LongStream.concat(LongStream.generate(() -> 10).limit(5_000), LongStream.of(90_000))).summary();
        assertArrayEquals(new long[] {10, 10, 10, 10, 90_000}, summary);
    }
}
