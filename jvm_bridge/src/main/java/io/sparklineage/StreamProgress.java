package io.sparklineage;

import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.spark.sql.streaming.SinkProgress;
import org.apache.spark.sql.streaming.SourceProgress;
import org.apache.spark.sql.streaming.StateOperatorProgress;
import org.apache.spark.sql.streaming.StreamingQueryListener;
import org.apache.spark.sql.streaming.StreamingQueryProgress;

/**
 * The records of a streaming query: `stream_start`, `progress` of each micro-batch, `stream_end`. Spark posts these events on the
 * listener bus, so nothing here runs on the stream's own thread.
 */
final class StreamProgress {
    private static final int SOURCE_LIMIT = 1_000;
    private static final int OPERATOR_LIMIT = 1_000;
    private static final int PHASE_LIMIT = 100;
    private static final Pattern IDENTIFIER = Pattern.compile("[A-Za-z_][\\w.-]{0,99}");

    private StreamProgress() {
    }

    /** `stream_start`: a query began, for the first time or again from its checkpoint. */
    static byte[] started(String bridge, StreamingNames.Batch query, long at) {
        return header("stream_start", bridge, query).field("at", at).endObject().toBytes();
    }

    /** `stream_end`: a query ended, by itself or (with an error) because it failed. */
    static byte[] ended(String bridge, StreamingNames.Batch query, Failure failure, long at) {
        JsonWriter json = header("stream_end", bridge, query).field("at", at).name("error");
        if (failure == null) {
            json.nullValue();
        } else {
            failure.write(json);
        }
        return json.endObject().toBytes();
    }

    /** `progress`: one micro-batch; `execution` is its root execution, null where none was heard of. */
    static byte[] progress(String bridge, StreamingQueryListener.QueryProgressEvent event, Long execution) {
        StreamingQueryProgress progress = event.progress();
        StreamingNames.Batch batch = new StreamingNames.Batch(String.valueOf(progress.id()),
                String.valueOf(progress.runId()), progress.name(), progress.batchId());
        JsonWriter json = header("progress", bridge, batch).field("batch_id", progress.batchId())
                .field("execution_id", execution).field("started_at", millis(progress.timestamp()))
                .field("duration_ms", progress.batchDuration());
        json.name("durations_ms").object();
        numbers(json, progress.durationMs());
        json.endObject().name("event_time").object();
        times(json, progress.eventTime());
        json.endObject();
        sources(json, progress.sources());
        operators(json, progress.stateOperators());
        SinkProgress sink = progress.sink();
        json.field("sink", sink == null ? null : StreamTexts.description(sink.description()));
        json.field("output_rows", sink == null ? null : known(sink.numOutputRows()));
        return json.endObject().toBytes();
    }

    private static JsonWriter header(String kind, String bridge, StreamingNames.Batch query) {
        return new JsonWriter().object().field("v", 3).field("kind", kind).field("bridge", bridge)
                .field("query_id", query.queryId).field("run_id", query.runId).field("name", query.label());
    }

    private static void sources(JsonWriter json, SourceProgress[] sources) {
        json.name("sources").array();
        for (int i = 0; sources != null && i < sources.length && i < SOURCE_LIMIT; i++) {
            SourceProgress source = sources[i];
            json.object().field("description", StreamTexts.description(source.description()))
                    .field("start", StreamTexts.offset(source.startOffset()))
                    .field("end", StreamTexts.offset(source.endOffset()))
                    .field("rows", known(source.numInputRows())).endObject();
        }
        json.endArray();
    }

    private static void operators(JsonWriter json, StateOperatorProgress[] operators) {
        json.name("state").array();
        for (int i = 0; operators != null && i < operators.length && i < OPERATOR_LIMIT; i++) {
            StateOperatorProgress operator = operators[i];
            json.object().field("name", identifier(operator.operatorName()))
                    .field("rows", known(operator.numRowsTotal()))
                    .field("updated_rows", known(operator.numRowsUpdated()))
                    .field("removed_rows", known(operator.numRowsRemoved()))
                    .field("late_rows", known(operator.numRowsDroppedByWatermark()))
                    .field("memory_bytes", known(operator.memoryUsedBytes())).endObject();
        }
        json.endArray();
    }

    private static void numbers(JsonWriter json, Map<String, Long> numbers) {
        int count = 0;
        for (Map.Entry<String, Long> entry : sorted(numbers).entrySet()) {
            if (IDENTIFIER.matcher(entry.getKey()).matches() && count++ < PHASE_LIMIT) {
                json.field(entry.getKey(), entry.getValue());
            }
        }
    }

    private static void times(JsonWriter json, Map<String, String> times) {
        Map<String, String> sorted = sorted(times);
        for (String name : new String[] {"avg", "max", "min", "watermark"}) {
            if (sorted.containsKey(name)) {
                json.field(name, millis(sorted.get(name)));
            }
        }
    }

    private static <T> Map<String, T> sorted(Map<String, T> map) {
        return map == null ? new TreeMap<>() : new TreeMap<>(map);
    }

    private static String identifier(String name) {
        return name != null && IDENTIFIER.matcher(name).matches() ? name : "?";
    }

    /** Spark says -1 where it does not know a number. */
    private static Long known(long number) {
        return number < 0 ? null : number;
    }

    /** Epoch milliseconds of a time as Spark writes it, `2026-01-02T03:04:05.678Z`; null for any other text. */
    static Long millis(String time) {
        try {
            return time == null ? null : Instant.parse(time).toEpochMilli();
        } catch (DateTimeParseException | ArithmeticException notATime) {
            return null;
        }
    }
}
