package io.sparklineage;

import java.util.Arrays;

/**
 * Writes JSON as UTF-8 into one growing byte array. It separates values by itself; the caller keeps
 * the brackets balanced.
 */
final class JsonWriter {
    private static final byte[] HEX = {
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'
    };

    private byte[] bytes = new byte[1024];
    private int size;
    private boolean separate;

    int size() {
        return size;
    }

    /** A place to go back to. */
    int mark() {
        return separate ? size : ~size;
    }

    /** Takes away all that was written since: what failed in the middle leaves no half of it behind. */
    void backTo(int mark) {
        separate = mark >= 0;
        size = separate ? mark : ~mark;
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes, size);
    }

    @Override
    public String toString() {
        return new String(bytes, 0, size, java.nio.charset.StandardCharsets.UTF_8);
    }

    JsonWriter object() {
        return open('{');
    }

    JsonWriter endObject() {
        return close('}');
    }

    JsonWriter array() {
        return open('[');
    }

    JsonWriter endArray() {
        return close(']');
    }

    JsonWriter name(String name) {
        comma();
        quoted(name);
        put(':');
        separate = false;
        return this;
    }

    JsonWriter value(String text) {
        if (text == null) {
            return nullValue();
        }
        comma();
        quoted(text);
        return this;
    }

    JsonWriter value(long number) {
        comma();
        ascii(Long.toString(number));
        return this;
    }

    JsonWriter value(boolean flag) {
        comma();
        ascii(flag ? "true" : "false");
        return this;
    }

    JsonWriter nullValue() {
        comma();
        ascii("null");
        return this;
    }

    JsonWriter field(String name, String text) {
        return name(name).value(text);
    }

    JsonWriter field(String name, long number) {
        return name(name).value(number);
    }

    JsonWriter field(String name, boolean flag) {
        return name(name).value(flag);
    }

    /** A number that may be unknown. */
    JsonWriter field(String name, Long number) {
        return number == null ? name(name).nullValue() : name(name).value(number.longValue());
    }

    /** An array of texts. */
    JsonWriter field(String name, Iterable<String> texts) {
        name(name).array();
        for (String text : texts) {
            value(text);
        }
        return endArray();
    }

    /** Bytes that are JSON already: one value, or several with their commas. */
    JsonWriter raw(byte[] json, int length) {
        comma();
        reserve(length);
        System.arraycopy(json, 0, bytes, size, length);
        size += length;
        return this;
    }

    JsonWriter raw(JsonWriter other) {
        return raw(other.bytes, other.size);
    }

    private JsonWriter open(char bracket) {
        comma();
        put(bracket);
        separate = false;
        return this;
    }

    private JsonWriter close(char bracket) {
        put(bracket);
        separate = true;
        return this;
    }

    private void comma() {
        if (separate) {
            put(',');
        }
        separate = true;
    }

    private void quoted(String text) {
        put('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                put('\\');
                put(c);
            } else if (c < 0x20) {
                escaped(c);
            } else if (c < 0x80) {
                put(c);
            } else if (Character.isHighSurrogate(c) && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                encode(Character.toCodePoint(c, text.charAt(++i)));
            } else {
                encode(Character.isSurrogate(c) ? 0xFFFD : c);
            }
        }
        put('"');
    }

    private void escaped(char c) {
        ascii("\\u00");
        put((char) HEX[c >> 4]);
        put((char) HEX[c & 15]);
    }

    private void encode(int codePoint) {
        if (codePoint < 0x800) {
            put(0xC0 | codePoint >> 6);
        } else {
            if (codePoint < 0x10000) {
                put(0xE0 | codePoint >> 12);
            } else {
                put(0xF0 | codePoint >> 18);
                put(0x80 | codePoint >> 12 & 0x3F);
            }
            put(0x80 | codePoint >> 6 & 0x3F);
        }
        put(0x80 | codePoint & 0x3F);
    }

    private void ascii(String text) {
        for (int i = 0; i < text.length(); i++) {
            put(text.charAt(i));
        }
    }

    private void put(int octet) {
        reserve(1);
        bytes[size++] = (byte) octet;
    }

    private void reserve(int more) {
        if (size + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(size + more, bytes.length * 2));
        }
    }
}
