package io.sparklineage;

import java.util.LinkedHashMap;
import java.util.Map;

/** Encoded plans by hash, the least recently used first to go, bounded in bytes. */
final class PlanCache {
    static final long BYTE_LIMIT = 16L << 20;

    private final Map<String, byte[]> plans = new LinkedHashMap<>(16, 0.75f, true);
    private final long limit;
    private long bytes;

    PlanCache(long limit) {
        this.limit = limit;
    }

    byte[] get(String hash) {
        return plans.get(hash);
    }

    /** Keeps a plan; returns the bytes that are kept already where it is known. */
    byte[] intern(String hash, byte[] record) {
        byte[] known = plans.get(hash);
        if (known != null) {
            return known;
        }
        if (record.length <= limit) {
            plans.put(hash, record);
            bytes += record.length;
            evict();
        }
        return record;
    }

    private void evict() {
        java.util.Iterator<byte[]> oldest = plans.values().iterator();
        while (bytes > limit && oldest.hasNext()) {
            bytes -= oldest.next().length;
            oldest.remove();
        }
    }
}
