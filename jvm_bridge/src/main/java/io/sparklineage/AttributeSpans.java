package io.sparklineage;

import java.util.Arrays;

/**
 * Lists of attributes as copies of what stands in earlier lists: wide operators show mostly what those beside them show.
 *
 * <p>A span is `{"a":[...]}` of attributes' indexes and of `[from,count]`, which stands for `count` attributes as they
 * stand in the sequence of all spans so far, from position `from` on. The sequence is a span's own attributes after those
 * of the spans before it; a span that is one copy adds none. The latest place of its first attribute is where a copy is
 * looked for, so the time is linear in the attributes. A copy reaches back no further than the window.
 */
final class AttributeSpans {
    /** Fewer attributes in a row are written one by one. */
    static final int SHORTEST = 8;

    /** A bound for what a reader has to unfold, and for the time of a walk. */
    static final int ATTRIBUTE_LIMIT = 20_000_000;

    private static final int SHORTEST_COPY = 3;
    private static final int WINDOW = 1 << 20;

    private final int window;
    private int[] history = new int[64];
    private int start;
    private int size;
    private int[] latest = new int[64];
    private long attributes;

    AttributeSpans() {
        this(WINDOW);
    }

    AttributeSpans(int window) {
        this.window = window;
    }

    /** A copy that goes on by itself. */
    AttributeSpans(AttributeSpans other) {
        window = other.window;
        history = other.history.clone();
        start = other.start;
        size = other.size;
        latest = other.latest.clone();
        attributes = other.attributes;
    }

    /** Whether `count` more attributes are too many for one plan; if not, they are counted. */
    boolean exceeds(int count) {
        if (attributes + count > ATTRIBUTE_LIMIT) {
            return true;
        }
        attributes += count;
        return false;
    }

    /** Writes the first `count` attributes of `span`. */
    void write(JsonWriter json, int[] span, int count) {
        int copied = 0;
        json.object().name("a").array();
        for (int i = 0; i < count;) {
            int place = place(span[i]);
            int length = length(place, span, i, count);
            if (length >= SHORTEST_COPY) {
                json.array().value(start + place).value(length).endArray();
                i += length;
                copied = length;
            } else {
                json.value(span[i++]);
            }
        }
        json.endArray().endObject();
        if (copied < count) {
            add(span, count);
        }
    }

    /** Where an attribute stands in the window, the latest place; -1 where it does not. */
    private int place(int attribute) {
        return attribute < latest.length ? latest[attribute] - 1 - start : -1;
    }

    private int length(int place, int[] span, int from, int count) {
        if (place < 0) {
            return 0;
        }
        int longest = Math.min(count - from, size - place);
        int length = 1;
        while (length < longest && history[place + length] == span[from + length]) {
            length++;
        }
        return length;
    }

    private void add(int[] span, int count) {
        if (size + count > window) {
            start += size;
            size = 0;
        }
        if (size + count > history.length) {
            history = Arrays.copyOf(history, Math.max(size + count, history.length * 2));
        }
        System.arraycopy(span, 0, history, size, count);
        for (int i = 0; i < count; i++) {
            if (span[i] >= latest.length) {
                latest = Arrays.copyOf(latest, Math.max(span[i] + 1, latest.length * 2));
            }
            latest[span[i]] = start + size + i + 1;
        }
        size += count;
    }
}
