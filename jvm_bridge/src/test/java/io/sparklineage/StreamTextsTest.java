package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;

class StreamTextsTest {
    private static final String UUID = "0f0e0d0c-0b0a-0908-0706-050403020100";

    @Test
    void positionsPass() {
        for (String offset : new String[] {
            "5", "-1", "{\"logOffset\":3}", "{\"orders\":{\"0\":17,\"1\":-2},\"a.b-c_d\":{}}", "{\"offset\":1,\"timestamp\":2}",
            "{\"sourceVersion\":1,\"reservoirId\":\"" + UUID + "\",\"reservoirVersion\":1,\"index\":-1,\"isStartingVersion\":true}",
            "{\"version\":1,\"snapshot_id\":9,\"position\":0,\"scan_all_files\":false}",
            "{\"0\":{\"value\":1,\"runTimeMs\":2},\"1\":{\"value\":1,\"runTimeMs\":2}}"}) {
            assertEquals(offset, StreamTexts.offset(offset));
        }
        assertEquals("{\"t\":{\"0\":1}}", StreamTexts.offset("{ \"t\" : {\"0\" : 1} }"));
    }

    @Test
    void allElseIsMasked() {
        for (String offset : new String[] {
            "hunter2", "\"hunter2\"", "{\"token\":\"hunter2\"}", "{\"reservoirId\":\"hunter2\"}", "{\"hunter2\":7}", "1.5",
            "{\"orders\":{\"hunter2\":1}}", "{\"orders\":{\"0\":\"hunter2\"}}", "{\"my secret\":{\"0\":1}}", "[1,2]", "{", "{\"a\":1}x"}) {
            assertEquals("\"?\"", StreamTexts.offset(offset), offset);
        }
        assertNull(StreamTexts.offset(null));
        assertNull(StreamTexts.offset("null"));
        assertNull(StreamTexts.offset(""));
        assertEquals("\"?\"", StreamTexts.offset("{\"t\":{\"0\":" + new String(new char[2_000_000]).replace('\0', '1') + "}}"));
    }

    @Test
    void descriptionsAreNames() {
        String[][] cases = {
            {"FileStreamSource[file:/data/in]", "FileStreamSource[file:/data/in]"},
            {"FileSink[s3a://ann:hunter2@bucket/out]", "FileSink[s3a://bucket/out]"},
            {"KafkaV2[Subscribe[orders, clicks]]", "KafkaV2[Subscribe[orders, clicks]]"},
            {"KafkaV2[SubscribePattern[ord.*]]", "KafkaV2[SubscribePattern[ord.*]]"},
            {"RateStreamV2[rowsPerSecond=10, rampUpTimeSeconds=0, numPartitions=2]",
                "RateStreamV2[rowsPerSecond=10, rampUpTimeSeconds=0, numPartitions=2]"},
            {"MemoryStream[value#1]", "MemoryStream[?]"},
            {"org.apache.spark.sql.execution.streaming.ConsoleTable$@5c3f1a", "org.apache.spark.sql.execution.streaming.ConsoleTable$"},
            {"ForeachBatchSink", "ForeachBatchSink"},
            {"Mine[password=hunter2]", "Mine[?]"},
            {"it is hunter2", "?"},
        };
        for (String[] each : cases) {
            assertEquals(each[1], StreamTexts.description(each[0]));
        }
        assertNull(StreamTexts.description(null));
    }

    @Test
    void timesAreMilliseconds() {
        assertEquals(1_767_225_600_001L, StreamProgress.millis("2026-01-01T00:00:00.001Z"));
        assertNull(StreamProgress.millis("yesterday"));
        assertNull(StreamProgress.millis(null));
    }

    @Test
    void aStackTraceTellsItsClass() {
        assertEquals("{\"class\":\"java.io.IOException\",\"message\":\"No space left on ?\",\"condition\":null}",
                json(Failure.ofText("java.io.IOException: No space left on 'hunter2'\n\tat a.B.c(D.java:1)", null)));
        assertEquals("{\"class\":\"org.apache.spark.SparkException\",\"message\":null,\"condition\":\"DIVIDE_BY_ZERO\"}",
                json(Failure.ofText("org.apache.spark.SparkException: hunter2", "DIVIDE_BY_ZERO")));
        assertEquals("{\"class\":\"com.shop.Odd\",\"message\":null,\"condition\":null}",
                json(Failure.ofText("com.shop.Odd: hunter2", null)));
        assertEquals("{\"class\":\"ValueError\",\"message\":\"a Python function raised ValueError\",\"condition\":null}",
                json(Failure.ofText("py4j.Py4JException: x\nTraceback (most recent call last):\n  File\nValueError: hunter2\n", null)));
        assertEquals("{\"class\":\"java.lang.Throwable\",\"message\":null,\"condition\":null}", json(Failure.ofText("hunter2 is odd", null)));
    }

    private static String json(Failure failure) {
        JsonWriter json = new JsonWriter();
        failure.write(json);
        return json.toString();
    }
}
