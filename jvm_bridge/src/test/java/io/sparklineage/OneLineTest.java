package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What others name or say is one line in a log: it cannot look like another one, nor as if it said something else. */
class OneLineTest {
    private static final String FORGED = "none\r\nWARN all is well\u001b[K\u0085\u2028a\u202eb\u2066c";

    @Test
    void eachRunOfControlCharactersIsABlank() {
        StringBuilder all = new StringBuilder("a");
        for (int c = 0; c < 0x20; c++) {
            all.append((char) c);
        }
        for (int c = 0x7f; c < 0xa0; c++) {
            all.append((char) c);
        }
        for (char c : "\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069".toCharArray()) {
            all.append(c);
        }
        assertEquals("a b", Masking.line(all.append('b').toString()));
        String names = "a b\u00a0\u00e9\u05d0\u0645 \u200d\u65e5\ud83d\ude00 -?";
        assertEquals(names, Masking.line(names));
    }

    @Test
    void whatLineageComplainsOfIsOneLine() {
        try (LogLines log = new LogLines(Bridge.class)) {
            Bridge.complain("a sentence", new IllegalStateException(FORGED));
            Bridge.failed(new IllegalStateException(FORGED));
            assertEquals(Arrays.asList(
                    "WARN a sentence: java.lang.IllegalStateException: none WARN all is well [K a b c",
                    "WARN Lineage is not captured, the job goes on: java.lang.IllegalStateException: "
                            + "none WARN all is well [K a b c"), log.lines);
        }
    }

    @Test
    void whatIsSaidOfALossIsOneLine() {
        Gaps gaps = new Gaps("b");
        gaps.note(FORGED);
        assertEquals("none WARN all is well [K a b c", gaps.lastError());
        gaps.add(Gaps.SPOOL_FAILED, 1, FORGED);
        assertEquals("spool_failed: none WARN all is well [K a b c", gaps.lastError());
        String record = new String(gaps.due(true).get(0).record, StandardCharsets.UTF_8);
        assertTrue(record.contains("\"message\":\"none WARN all is well [K a b c\""), record);
    }
}
