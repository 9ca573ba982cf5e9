package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class JsonWriterTest {
    @Test
    void separatesNestedValues() {
        JsonWriter json = new JsonWriter().object().field("a", 1).name("b").array().value(true).nullValue()
                .object().endObject().endArray().field("c", Arrays.asList("x", "y")).endObject();
        assertEquals("{\"a\":1,\"b\":[true,null,{}],\"c\":[\"x\",\"y\"]}", json.toString());
    }

    @Test
    void oneThatIsTrimmedGoesOn() {
        JsonWriter json = new JsonWriter();
        json.trim();
        json.object().field("a", 1);
        json.trim();
        json.trim();
        assertEquals("{\"a\":1,\"b\":{\"c\":[2,3]}}", json.name("b").object().name("c").array().value(2).value(3).endArray()
                .endObject().endObject().toString());
    }

    @Test
    void escapesAndEncodes() {
        String text = "q\" b\\ n\n \u00e9 \u20ac \uD83D\uDE00 \uD83D";
        assertEquals("\"q\\\" b\\\\ n\\u000a \u00e9 \u20ac \uD83D\uDE00 \uFFFD\"",
                new JsonWriter().value(text).toString());
    }

    @Test
    void joinsRawMembers() {
        JsonWriter members = new JsonWriter().field("a", 1).field("b", 2);
        assertEquals("{\"x\":0,\"a\":1,\"b\":2,\"y\":3}",
                new JsonWriter().object().field("x", 0).raw(members).field("y", 3).endObject().toString());
    }

    @Test
    void longTextsAreWhole() {
        StringBuilder text = new StringBuilder();
        StringBuilder expected = new StringBuilder("\"");
        for (int i = 0; i < 3_000; i++) {
            text.append("ab\"\u20ac\uD83D\uDE00\t");
            expected.append("ab\\\"\u20ac\uD83D\uDE00\\u0009");
        }
        assertEquals(expected.append('"').toString(), new JsonWriter().value(text.toString()).toString());
    }

    @Test
    void writesNumbersAndNamesAgain() {
        JsonWriter json = new JsonWriter().object();
        for (long number : new long[] {0, 9, 10, 1_234_567, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
            json.field("n \"", number);
        }
        assertEquals("{\"n \\\"\":0,\"n \\\"\":9,\"n \\\"\":10,\"n \\\"\":1234567,\"n \\\"\":9223372036854775807,"
                + "\"n \\\"\":-1,\"n \\\"\":-9223372036854775808}", json.endObject().toString());
    }

    @Test
    void whatIsTakenAwayHasNoSize() {
        JsonWriter json = new JsonWriter();
        json.name("a").object().field("text", "long enough").raw("\"b\":1".getBytes(), 5).backTo(0);
        assertEquals(0, json.size());
        assertEquals("", json.toString());
    }

    @Test
    void whatFailedInTheMiddleIsTakenAway() {
        JsonWriter json = new JsonWriter().array();
        for (int i = 0; i < 10_000; i++) {
            int mark = json.reference('@', i).mark();
            json.object().field("half", "of it").name("the rest");
            json.backTo(mark);
            json.settle();
        }
        String[] left = json.endArray().toString().split(",");
        assertEquals(10_000, left.length);
        assertEquals("[{\"@\":0}", left[0]);
        assertEquals("{\"@\":9999}]", left[9_999]);
    }

    @Test
    void aCopyAndWhatWasTakenOverStayAsTheyWere() {
        JsonWriter first = new JsonWriter().value("a");
        JsonWriter taken = new JsonWriter().array().raw(first);
        JsonWriter copy = new JsonWriter(first);
        first.value(1);
        copy.reference('e', 2);
        assertEquals("\"a\",1", first.toString());
        assertEquals("\"a\",{\"e\":2}", copy.toString());
        assertEquals("[\"a\"]", taken.endArray().toString());
    }
}
