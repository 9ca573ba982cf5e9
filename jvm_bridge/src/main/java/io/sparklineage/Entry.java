package io.sparklineage;

import java.util.LinkedHashMap;
import java.util.Map;

/** A record on its way to the spool, with the plans that must stand before it in its segment. */
final class Entry {
    final byte[] record;
    final Map<String, byte[]> plans;

    Entry(byte[] record) {
        this(record, new LinkedHashMap<>());
    }

    Entry(byte[] record, Map<String, byte[]> plans) {
        this.record = record;
        this.plans = plans;
    }

    /** Bytes that the entry holds. */
    long size() {
        long size = record.length;
        for (byte[] plan : plans.values()) {
            size += plan.length;
        }
        return size;
    }
}
