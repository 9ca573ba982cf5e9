package io.sparklineage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;

/**
 * Counts what was lost, by reason, and makes the `gap` records; safe for use by several threads. What counts never throws and
 * needs no memory: it is called where memory, stack or classes have run out, and by threads of Spark that must not end.
 */
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
    private String lastReason;
    private String lastMessage;

    Gaps(String bridge) {
        this.bridge = bridge;
        LOSSES.forEach(reason -> gaps.put(reason, new Gap()));
        gaps.put(WRONG_SETTING, new Gap());
    }

    /** Counts so many losses for one of the reasons above; `problem` is what is said of them, or null. */
    void add(String reason, long count, Object problem) {
        try {
            String message = problem == null ? null : describe(problem);
            count(reason, count, message);
        } catch (Throwable worse) {
            count(reason, count, null);
        }
    }

    private synchronized void count(String reason, long count, String message) {
        Gap gap = gaps.get(reason);
        gap.pending += count;
        gap.total += count;
        lost += count;
        gap.message = message;
        lastReason = reason;
        lastMessage = message;
    }

    /** What a problem says of itself, masked; its class where it cannot say it. */
    static String describe(Object problem) {
        try {
            return Masking.cut(Masking.message(problem.toString()), 500);
        } catch (Throwable silent) {
            return problem.getClass().getName();
        }
    }

    /** Notes settings that are not followed: nothing is lost, but it is said. */
    synchronized void complain(List<String> sentences) {
        if (!sentences.isEmpty()) {
            Gap gap = gaps.get(WRONG_SETTING);
            gap.pending += sentences.size();
            gap.message = Masking.cut(String.join("; ", sentences), 500);
            lastReason = WRONG_SETTING;
            lastMessage = gap.message;
        }
    }

    synchronized void note(String error) {
        lastReason = Masking.cut(Masking.message(error), 500);
        lastMessage = null;
    }

    synchronized long lost() {
        return lost;
    }

    /** How much was lost for one reason. */
    synchronized long lost(String reason) {
        return gaps.get(reason).total;
    }

    synchronized String lastError() {
        return lastMessage == null ? lastReason : lastReason + ": " + lastMessage;
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
