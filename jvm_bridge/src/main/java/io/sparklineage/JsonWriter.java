package io.sparklineage;

import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Writes JSON as UTF-8 into one growing byte array. It separates values by itself; the caller keeps
 * the brackets balanced.
 */
final class JsonWriter {
    private static final byte[] HEX = {
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'
    };

    /** Names of members as they are written: there are few, and each is written thousands of times. */
    private static final ConcurrentHashMap<String, byte[]> NAMES = new ConcurrentHashMap<>();
    private static final int NAME_LIMIT = 500;
    private static final int PIECE = 1024;

    private byte[] bytes;
    private int size;
    private boolean separate;

    JsonWriter() {
        bytes = new byte[PIECE];
    }

    /** A copy that goes on by itself. */
    JsonWriter(JsonWriter other) {
        bytes = Arrays.copyOf(other.bytes, other.bytes.length);
        size = other.size;
        separate = other.separate;
    }

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
        byte[] known = NAMES.get(name);
        if (known != null) {
            reserve(known.length);
            System.arraycopy(known, 0, bytes, size, known.length);
            size += known.length;
        } else {
            int from = size;
            quoted(name);
            put(':');
            if (NAMES.size() < NAME_LIMIT) {
                NAMES.put(name, Arrays.copyOfRange(bytes, from, size));
            }
        }
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
        if (number < 0) {
            ascii(Long.toString(number));
        } else {
            digits(number);
        }
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

    /** An object of one number, `{"@":7}`: what most values of a plan are. */
    JsonWriter reference(char name, int number) {
        reserve(16);
        if (separate) {
            bytes[size++] = ',';
        }
        bytes[size++] = '{';
        bytes[size++] = '"';
        bytes[size++] = (byte) name;
        bytes[size++] = '"';
        bytes[size++] = ':';
        digits(number);
        put('}');
        separate = true;
        return this;
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
        int length = text.length();
        reserve(length + 2);
        bytes[size++] = '"';
        int plain = 0;
        while (plain < length && isPlain(text.charAt(plain))) {
            bytes[size++] = (byte) text.charAt(plain++);
        }
        if (plain < length) {
            escaped(text, plain);
        }
        put('"');
    }

    private static boolean isPlain(char c) {
        return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
    }

    /** A piece at a time, for which there is room even if every character takes six bytes. */
    private void escaped(String text, int from) {
        for (int start = from; start < text.length(); start += PIECE) {
            int end = Math.min(text.length(), start + PIECE);
            reserve(6 * (end - start));
            for (int i = start; i < end; i++) {
                char c = text.charAt(i);
                if (isPlain(c)) {
                    bytes[size++] = (byte) c;
                } else if (c == '"' || c == '\\') {
                    bytes[size++] = '\\';
                    bytes[size++] = (byte) c;
                } else if (c < 0x20) {
                    escaped(c);
                } else if (c < 0x80) {
                    put(c);
                } else if (Character.isLowSurrogate(c) && i > from && Character.isHighSurrogate(text.charAt(i - 1))) {
                    encode(Character.toCodePoint(text.charAt(i - 1), c));
                } else if (!Character.isHighSurrogate(c) || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    encode(Character.isSurrogate(c) ? 0xFFFD : c);
                }
            }
        }
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
        int length = text.length();
        reserve(length);
        for (int i = 0; i < length; i++) {
            bytes[size++] = (byte) text.charAt(i);
        }
    }

    private void digits(long number) {
        int count = 1;
        for (long rest = number; rest >= 10; rest /= 10) {
            count++;
        }
        reserve(count);
        size += count;
        long rest = number;
        for (int i = size - 1; count > 0; i--, count--) {
            bytes[i] = (byte) ('0' + rest % 10);
            rest /= 10;
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
