package io.sparklineage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

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

    /** The disk refused to take what it had been given: records that may be lost, or may not. */
    static final String SYNC_FAILED = "sync_failed";

    /** Records of sealed segments, of this application or another, that had to go because the spool was full. */
    static final String SPOOL_FULL = "spool_full";

    /** Records of a sealed segment that stays on this machine: the remote spool has something else under its name. */
    static final String UPLOAD_CONFLICT = "upload_conflict";

    /** All reasons for which something is lost; a wrong setting loses nothing, and what is in doubt may be there. */
    static final List<String> LOSSES = Collections.unmodifiableList(Arrays.asList(
            QUEUE_FULL, ENCODE_FAILED, SPOOL_FAILED, EVENTS_DROPPED, TOO_LARGE, INTENT_FAILED, SPOOL_FULL));
    private static final List<String> OTHERS = Collections.unmodifiableList(Arrays.asList(WRONG_SETTING, SYNC_FAILED, UPLOAD_CONFLICT));

    private static final long INTERVAL_NANOS = TimeUnit.MINUTES.toNanos(1);

    private static final class Gap {
        long pending;
        long total;
        Long writtenAt;
        String message;

        /** The record that is to be written next. It stays the same until it is: one that is there twice is told once. */
        Notice notice;
    }

    /** A `gap` record that is to be written; it counts as pending until {@link #told}. */
    static final class Notice {
        final String reason;
        final long count;
        final byte[] record;

        Notice(String reason, long count, byte[] record) {
            this.reason = reason;
            this.count = count;
            this.record = record;
        }
    }

    private final String bridge;
    private final Clock clock;

    /** Made beforehand: a loss is counted even where there is no memory left for anything else. */
    private final TreeMap<String, Gap> gaps = new TreeMap<>();
    private long lost;
    private String lastReason;
    private String lastMessage;

    Gaps(String bridge) {
        this(bridge, Clock.SYSTEM);
    }

    Gaps(String bridge, Clock clock) {
        this.bridge = bridge;
        this.clock = clock;
        LOSSES.forEach(reason -> gaps.put(reason, new Gap()));
        OTHERS.forEach(reason -> gaps.put(reason, new Gap()));
    }

    /** Counts so many losses for one of the reasons above; `problem` is what is said of them, or null. */
    void add(String reason, long count, Object problem) {
        note(reason, count, count, problem);
    }

    /** Counts what is told, and is not for sure a loss of this application. */
    void note(String reason, long count, Object problem) {
        note(reason, 0, count, problem);
    }

    /** Counts so many losses, and what is told of them and perhaps of others. */
    void note(String reason, long losses, long told, Object problem) {
        try {
            String message = problem == null ? null : describe(problem);
            count(reason, losses, told, message);
        } catch (Throwable worse) {
            count(reason, losses, told, null);
        }
    }

    private synchronized void count(String reason, long losses, long told, String message) {
        Gap gap = gaps.get(reason);
        gap.pending += told;
        gap.total += losses;
        lost += losses;
        gap.message = message;
        lastReason = reason;
        lastMessage = message;
    }

    /** What a problem says of itself, masked; its class where it cannot say it. */
    static String describe(Object problem) {
        try {
            return Masking.cut(Masking.line(Masking.message(problem.toString())), 500);
        } catch (Throwable silent) {
            return problem.getClass().getName();
        }
    }

    /** Counts again what was told in a segment that is lost itself. */
    synchronized void retell(Map<String, Long> told) {
        told.forEach((reason, count) -> gaps.get(reason).pending += count);
    }

    /** Notes settings that are not followed: nothing is lost, but it is said. */
    synchronized void complain(List<String> sentences) {
        if (!sentences.isEmpty()) {
            Gap gap = gaps.get(WRONG_SETTING);
            gap.pending += sentences.size();
            gap.total += sentences.size();
            gap.message = Masking.cut(String.join("; ", sentences), 500);
            lastReason = WRONG_SETTING;
            lastMessage = gap.message;
        }
    }

    synchronized void note(String error) {
        lastReason = Masking.cut(Masking.line(Masking.message(error)), 500);
        lastMessage = null;
    }

    synchronized long lost() {
        return lost;
    }

    /** How much was lost for one reason, or how many settings are not followed. */
    synchronized long lost(String reason) {
        return gaps.get(reason).total;
    }

    synchronized String lastError() {
        return lastMessage == null ? lastReason : lastReason + ": " + lastMessage;
    }

    /** What no record tells of yet, by reason. */
    synchronized Map<String, Long> untold() {
        Map<String, Long> untold = new TreeMap<>();
        gaps.forEach((reason, gap) -> {
            if (gap.pending > 0) {
                untold.put(reason, gap.pending);
            }
        });
        return untold;
    }

    /** The records that are due: at most one per reason and minute, or all when the segment closes. */
    synchronized List<Notice> due(boolean closing) {
        List<Notice> notices = new ArrayList<>(0);
        gaps.forEach((reason, gap) -> {
            boolean rested = gap.writtenAt == null || clock.nanos() - gap.writtenAt >= INTERVAL_NANOS;
            if (gap.pending > 0 && (rested || closing)) {
                gap.notice = gap.notice == null ? new Notice(reason, gap.pending, record(reason, gap)) : gap.notice;
                notices.add(gap.notice);
            }
        });
        return notices;
    }

    /** The record of a notice is in a segment. */
    synchronized void told(Notice notice) {
        Gap gap = gaps.get(notice.reason);
        gap.pending -= notice.count;
        gap.notice = null;
        gap.writtenAt = clock.nanos();
    }

    private byte[] record(String reason, Gap gap) {
        return new JsonWriter().object().field("v", 1).field("kind", "gap").field("bridge", bridge)
                .field("reason", reason).field("count", gap.pending).field("message", gap.message)
                .field("at", clock.millis()).endObject().toBytes();
    }
}
