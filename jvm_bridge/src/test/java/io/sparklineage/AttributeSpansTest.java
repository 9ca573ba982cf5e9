package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AttributeSpansTest {
    private static final Pattern ITEM = Pattern.compile("\\[(\\d+),(\\d+)\\]|(\\d+)");

    private static String written(AttributeSpans spans, int... span) {
        JsonWriter json = new JsonWriter();
        spans.write(json, span, span.length);
        return json.toString();
    }

    private static int[] range(int from, int count) {
        return IntStream.range(from, from + count).toArray();
    }

    @Test
    void whatAnEarlierRunHasIsACopy() {
        AttributeSpans spans = new AttributeSpans();
        assertEquals("{\"a\":[0,1,2,3,4,5,6,7]}", written(spans, range(0, 8)));
        assertEquals("{\"a\":[[0,3],9,[4,4]]}", written(spans, 0, 1, 2, 9, 4, 5, 6, 7));
        // positions 8 to 15 are the second span's; a span that is one copy has no positions of its own
        assertEquals("{\"a\":[[8,8]]}", written(spans, 0, 1, 2, 9, 4, 5, 6, 7));
        assertEquals("{\"a\":[3,[8,8]]}", written(spans, 3, 0, 1, 2, 9, 4, 5, 6, 7));
        assertEquals("{\"a\":[[16,9]]}", written(spans, 3, 0, 1, 2, 9, 4, 5, 6, 7));
    }

    @Test
    void aCopyMayGoOverTheEndOfARun() {
        AttributeSpans spans = new AttributeSpans();
        written(spans, range(0, 8));
        written(spans, range(20, 8));
        assertEquals("{\"a\":[[0,16]]}", written(spans, IntStream.concat(
                Arrays.stream(range(0, 8)), Arrays.stream(range(20, 8))).toArray()));
    }

    @Test
    void whatHasNoOrderIsWrittenOut() {
        AttributeSpans spans = new AttributeSpans();
        written(spans, range(0, 8));
        assertEquals("{\"a\":[7,6,5,4,3,2,1,0]}", written(spans, 7, 6, 5, 4, 3, 2, 1, 0));
        assertEquals("{\"a\":[5,5,5,5,5,5,5,5]}", written(spans, 5, 5, 5, 5, 5, 5, 5, 5));
    }

    @Test
    void whatIsOutsideTheWindowIsNotCopied() {
        AttributeSpans spans = new AttributeSpans(20);
        written(spans, range(0, 8));
        written(spans, range(8, 8));
        assertEquals("{\"a\":[16,17,18,19,20,21,22,23]}", written(spans, range(16, 8)));
        assertEquals("{\"a\":[0,1,2,3,4,5,6,7]}", written(spans, range(0, 8)));
        assertEquals("{\"a\":[[16,8]]}", written(spans, range(16, 8)));
        assertEquals("{\"a\":[[24,8]]}", written(spans, range(0, 8)));
    }

    @Test
    void aWideChainGrowsWithItsOperators() {
        AttributeSpans spans = new AttributeSpans();
        JsonWriter json = new JsonWriter();
        int[] shown = range(0, 5_000);
        for (int operator = 0; operator < 500; operator++) {
            shown[operator * 7 % 5_000] = 5_000 + operator;
            spans.write(json, shown, shown.length);
        }
        int bytes = json.toBytes().length;
        assertTrue(bytes < 5_000 * 5 + 500 * 60, bytes + " bytes");
    }

    @Test
    void readersFindWhatWasWritten() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            AttributeSpans spans = new AttributeSpans(64 + random.nextInt(400));
            List<Integer> sequence = new ArrayList<>();
            List<Integer> shown = new ArrayList<>();
            for (int list = 0; list < 60; list++) {
                change(shown, random);
                int[] span = shown.stream().mapToInt(Integer::intValue).toArray();
                String text = written(spans, span);
                assertEquals(shown, read(text, sequence), "seed " + seed + ": " + text);
            }
        }
    }

    private static void change(List<Integer> shown, Random random) {
        for (int i = random.nextInt(6); i >= 0 || shown.size() < AttributeSpans.SHORTEST; i--) {
            int place = random.nextInt(shown.size() + 1);
            if (random.nextInt(5) == 0 && shown.size() > 20) {
                List<Integer> moved = new ArrayList<>(shown.subList(place / 2, place));
                shown.removeAll(moved);
                shown.addAll(moved);
            } else if (random.nextInt(3) == 0 && place < shown.size()) {
                shown.remove(place);
            } else {
                shown.add(place, random.nextInt(80));
            }
        }
    }

    /** As the contract says. */
    private static List<Integer> read(String text, List<Integer> sequence) {
        List<Integer> found = new ArrayList<>();
        Matcher items = ITEM.matcher(text.substring("{\"a\":[".length(), text.length() - "]}".length()));
        int number = 0;
        boolean copied = false;
        while (items.find()) {
            copied = items.group(3) == null;
            number++;
            if (copied) {
                int from = Integer.parseInt(items.group(1));
                found.addAll(new ArrayList<>(sequence.subList(from, from + Integer.parseInt(items.group(2)))));
            } else {
                found.add(Integer.parseInt(items.group(3)));
            }
        }
        if (number != 1 || !copied) {
            sequence.addAll(found);
        }
        return found;
    }

    @Test
    void aPlanHasAnEnd() {
        AttributeSpans spans = new AttributeSpans();
        assertFalse(spans.exceeds(AttributeSpans.ATTRIBUTE_LIMIT));
        assertTrue(spans.exceeds(1));
    }
}
