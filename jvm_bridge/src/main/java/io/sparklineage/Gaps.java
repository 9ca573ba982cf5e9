package io.sparklineage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;

/** Counts what was lost, by reason, and makes the `gap` records; safe for use by several threads. */
final class Gaps {
    static final String QUEUE_FULL = "writer_queue_full";
    static final String ENCODE_FAILED = "encode_failed";
    static final String SPOOL_FAILED = "spool_failed";
    static final String EVENTS_DROPPED = "listener_queue_dropped";
    static final String TOO_LARGE = "record_too_large";
    static final String INTENT_FAILED = "intent_failed";
    static final String WRONG_SETTING = "wrong_setting";

    /** All reasons for which something is lost; a wrong setting loses nothing. */
    static final List<String> LOSSES = Collections.unmodifiableList(Arrays.asList(
            QUEUE_FULL, ENCODE_FAILED, SPOOL_FAILED, EVENTS_DROPPED, TOO_LARGE, INTENT_FAILED));

    private static final long INTERVAL_MILLIS = 60_000;

    private static final class Gap {
        long pending;
        long total;
        Long writtenAt;
        String message;
    }

    private final String bridge;
    private final TreeMap<String, Gap> gaps = new TreeMap<>();
    private long lost;
    private String lastError;

    Gaps(String bridge) {
        this.bridge = bridge;
    }

    synchronized void add(String reason, long count, Object problem) {
        Gap gap = gaps.computeIfAbsent(reason, key -> new Gap());
        gap.pending += count;
        gap.total += count;
        lost += count;
        gap.message = problem == null ? null : Masking.cut(Masking.message(problem.toString()), 500);
        lastError = reason + (gap.message == null ? "" : ": " + gap.message);
    }

    /** Notes settings that are not followed: nothing is lost, but it is said. */
    synchronized void complain(List<String> sentences) {
        if (!sentences.isEmpty()) {
            Gap gap = gaps.computeIfAbsent(WRONG_SETTING, key -> new Gap());
            gap.pending += sentences.size();
            gap.message = Masking.cut(String.join("; ", sentences), 500);
            lastError = WRONG_SETTING + ": " + gap.message;
        }
    }

    synchronized void note(String error) {
        lastError = Masking.cut(Masking.message(error), 500);
    }

    synchronized long lost() {
        return lost;
    }

    /** How much was lost for one reason. */
    synchronized long lost(String reason) {
        Gap gap = gaps.get(reason);
        return gap == null ? 0 : gap.total;
    }

    synchronized String lastError() {
        return lastError;
    }

    /** The records that are due: at most one per reason and minute, or all when the segment closes. */
    synchronized List<byte[]> due(long now, boolean closing) {
        List<byte[]> records = new ArrayList<>();
        gaps.forEach((reason, gap) -> {
            boolean rested = gap.writtenAt == null || now - gap.writtenAt >= INTERVAL_MILLIS;
            if (gap.pending > 0 && (rested || closing)) {
                records.add(record(reason, gap, now));
                gap.pending = 0;
                gap.writtenAt = now;
            }
        });
        return records;
    }

    private byte[] record(String reason, Gap gap, long now) {
        return new JsonWriter().object().field("v", 1).field("kind", "gap").field("bridge", bridge)
                .field("reason", reason).field("count", gap.pending).field("message", gap.message)
                .field("at", now).endObject().toBytes();
    }
}
