package io.sparklineage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Offsets and descriptions of streaming sources and sinks: shapes that are known to be positions and names pass, all else is `?`. */
final class StreamTexts {
    private static final int OFFSET_LIMIT = 1_000_000;
    private static final int DESCRIPTION_LIMIT = 2_000;
    private static final String MASKED = "\"?\"";
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Names of the numbers in the offsets of Spark's own sources, Delta's and Iceberg's. */
    private static final Set<String> MEMBERS = Collections.unmodifiableSet(new HashSet<>(Arrays.asList(
            "logOffset", "offset", "timestamp", "value", "runTimeMs",
            "sourceVersion", "reservoirId", "reservoirVersion", "index", "isStartingVersion",
            "version", "snapshot_id", "position", "scan_all_files")));
    private static final Pattern UUID = Pattern.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

    /** A Kafka topic's name, by Kafka's own rule. */
    private static final Pattern TOPIC = Pattern.compile("[A-Za-z0-9._-]{1,249}");
    private static final Pattern PARTITION = Pattern.compile("\\d{1,9}");

    /** `FileStreamSource[file:/in]`, `KafkaV2[Subscribe[orders]]`, `RateStreamV2[rowsPerSecond=1]`, `ForeachBatchSink`, `a.b.Table$@1f`. */
    private static final Pattern DESCRIPTION = Pattern.compile("(?s)([A-Za-z_][\\w.$]{0,199})(?:@[0-9a-f]{1,16}|\\[(.*)])?");
    private static final Pattern TOPICS = Pattern.compile(
            "(?:Subscribe|Assign)\\[[A-Za-z0-9._, -]{1,2000}]|SubscribePattern\\[[\\w.*+|^$\\\\ -]{1,249}]");
    private static final Pattern NUMBERS = Pattern.compile("\\w{1,50}=\\d{1,19}(?:, ?\\w{1,50}=\\d{1,19}){0,9}");
    private static final Pattern PATH = Pattern.compile("(?:[a-zA-Z][\\w+.-]{0,30}:)?/\\S{0,1900}");

    private StreamTexts() {
    }

    /** What a source or sink calls itself, without what only the object or the user's data tells. */
    static String description(String text) {
        Matcher matcher = text == null || text.length() > DESCRIPTION_LIMIT ? null : DESCRIPTION.matcher(text.trim());
        if (matcher == null || !matcher.matches()) {
            return text == null ? null : "?";
        }
        String inside = matcher.group(2);
        return inside == null ? matcher.group(1) : matcher.group(1) + "[" + inside(inside) + "]";
    }

    private static String inside(String text) {
        if (TOPICS.matcher(text).matches() || NUMBERS.matcher(text).matches()) {
            return text;
        }
        return PATH.matcher(text).matches() ? Masking.path(text) : "?";
    }

    /** An offset as JSON text: as it is where its shape is a known one, `"?"` otherwise, null for none. */
    static String offset(String json) {
        if (json == null || json.trim().isEmpty()) {
            return null;
        }
        if (json.length() > OFFSET_LIMIT) {
            return MASKED;
        }
        try {
            JsonNode node = JSON.readTree(json);
            if (node == null || node.isNull()) {
                return null;
            }
            return isNumber(node) || isMembers(node) || isTopics(node) ? node.toString() : MASKED;
        } catch (java.io.IOException | RuntimeException notJson) {
            return MASKED;
        }
    }

    private static boolean isNumber(JsonNode node) {
        return node.isIntegralNumber();
    }

    /** `{"logOffset":3}`, Delta's, Iceberg's, or the rate source's, which has one of them for each partition. */
    private static boolean isMembers(JsonNode node) {
        if (!node.isObject() || node.size() == 0) {
            return false;
        }
        for (Iterator<Map.Entry<String, JsonNode>> fields = node.fields(); fields.hasNext();) {
            Map.Entry<String, JsonNode> field = fields.next();
            JsonNode value = field.getValue();
            boolean plain = isNumber(value) || value.isBoolean()
                    || value.isTextual() && UUID.matcher(value.textValue()).matches();
            boolean member = MEMBERS.contains(field.getKey()) && plain;
            boolean partition = PARTITION.matcher(field.getKey()).matches() && (isNumber(value) || isMembers(value));
            if (!member && !partition) {
                return false;
            }
        }
        return true;
    }

    /** `{"orders":{"0":17,"1":12}}`. */
    private static boolean isTopics(JsonNode node) {
        if (!node.isObject()) {
            return false;
        }
        for (Iterator<Map.Entry<String, JsonNode>> topics = node.fields(); topics.hasNext();) {
            Map.Entry<String, JsonNode> topic = topics.next();
            if (!TOPIC.matcher(topic.getKey()).matches() || !topic.getValue().isObject()) {
                return false;
            }
            for (Iterator<Map.Entry<String, JsonNode>> parts = topic.getValue().fields(); parts.hasNext();) {
                Map.Entry<String, JsonNode> part = parts.next();
                if (!PARTITION.matcher(part.getKey()).matches() || !isNumber(part.getValue())) {
                    return false;
                }
            }
        }
        return true;
    }
}
