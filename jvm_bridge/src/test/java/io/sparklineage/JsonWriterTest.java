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
}
