package io.sparklineage;

import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Writes JSON as UTF-8 into one growing byte array. It separates values by itself; the caller keeps
 * the brackets balanced.
 *
 * <p>What is written is noted as tokens first, and turned into bytes later, many at once: the methods that are called from
 * everywhere are a few instructions each, and one loop has all the work. A JVM compiles that loop early and once, instead of its body
 * into each of its callers, which took more time than the writing.
 */
final class JsonWriter {
    private static final byte[] HEX = {
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'
    };

    /** Names of members as they are written: there are few, and each is written thousands of times. */
    private static final ConcurrentHashMap<String, byte[]> NAMES = new ConcurrentHashMap<>();
    private static final int NAME_LIMIT = 500;
    private static final int PIECE = 1024;

    /** So many tokens are worth a loop. */
    private static final int MANY = 4096;

    /** More than a token without a text takes: a comma, a reference and its number. */
    private static final int TOKEN_BYTES = 32;

    /** A token is one of these and, above its four bits, a number. */
    private static final int OPEN = 0;
    private static final int CLOSE = 1;
    private static final int NAME = 2;
    private static final int TEXT = 3;
    private static final int NUMBER = 4;
    private static final int WORD = 5;
    private static final int REFERENCE = 6;
    private static final int RAW = 7;
    private static final int BITS = 4;
    private static final int NAME_BITS = 8;
    private static final long LARGEST = Long.MAX_VALUE >> BITS;

    private byte[] bytes;
    private int size;
    private boolean separate;
    private long[] tokens;
    private Object[] objects;
    private int count;

    /** How long the texts of the tokens are. */
    private int waiting;

    JsonWriter() {
        bytes = new byte[PIECE];
        tokens = new long[PIECE / TOKEN_BYTES];
        objects = new Object[tokens.length];
    }

    /** A copy that goes on by itself. */
    JsonWriter(JsonWriter other) {
        bytes = Arrays.copyOf(other.bytes, other.bytes.length);
        size = other.size;
        separate = other.separate;
        tokens = other.tokens.clone();
        objects = other.objects.clone();
        count = other.count;
        waiting = other.waiting;
    }

    /** Bytes, about: what was noted last is counted without being written. */
    int size() {
        return size + waiting + TOKEN_BYTES / 4 * count;
    }

    /** A place to go back to, until {@link #settle}. */
    int mark() {
        return count;
    }

    /** Takes away all that was written since: what failed in the middle leaves no half of it behind. */
    void backTo(int mark) {
        while (count > mark) {
            count--;
            waiting -= length(tokens[count], objects[count]);
            objects[count] = null;
        }
    }

    /** What a token adds to {@link #waiting}. */
    private static int length(long token, Object object) {
        switch ((int) token & (1 << BITS) - 1) {
            case TEXT:
                return ((String) object).length();
            case RAW:
                return (int) (token >> BITS);
            default:
                return 0;
        }
    }

    byte[] toBytes() {
        render();
        return Arrays.copyOf(bytes, size);
    }

    @Override
    public String toString() {
        render();
        return new String(bytes, 0, size, java.nio.charset.StandardCharsets.UTF_8);
    }

    /** Says that nobody goes back to an earlier place: what is noted may become bytes. */
    void settle() {
        if (count > MANY) {
            render();
        }
    }

    /** Takes no more memory than what is written so far, as bytes. */
    void trim() {
        render();
        bytes = Arrays.copyOf(bytes, size);
        tokens = new long[1];
        objects = new Object[1];
    }

    JsonWriter object() {
        return note(OPEN | '{' << BITS, null);
    }

    JsonWriter endObject() {
        return note(CLOSE | '}' << BITS, null);
    }

    JsonWriter array() {
        return note(OPEN | '[' << BITS, null);
    }

    JsonWriter endArray() {
        return note(CLOSE | ']' << BITS, null);
    }

    JsonWriter name(String name) {
        return note(NAME, name);
    }

    JsonWriter value(String text) {
        if (text == null) {
            return nullValue();
        }
        waiting += text.length();
        return note(TEXT, text);
    }

    JsonWriter value(long number) {
        return number >= 0 && number <= LARGEST ? note(NUMBER | number << BITS, null) : note(WORD, Long.toString(number));
    }

    JsonWriter value(boolean flag) {
        return note(WORD, flag ? "true" : "false");
    }

    JsonWriter nullValue() {
        return note(WORD, "null");
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
        return note(REFERENCE | name << BITS | (long) number << BITS + NAME_BITS, null);
    }

    /** Bytes that are JSON already, one value, or several with their commas; they are not copied yet, and must stay as they are. */
    JsonWriter raw(byte[] json, int length) {
        waiting += length;
        return note(RAW | (long) length << BITS, json);
    }

    /** What another has written so far; it may write on. */
    JsonWriter raw(JsonWriter other) {
        other.render();
        return raw(other.bytes, other.size);
    }

    private JsonWriter note(long token, Object object) {
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
            objects = Arrays.copyOf(objects, 2 * count);
        }
        tokens[count] = token;
        objects[count++] = object;
        return this;
    }

    /** Turns the tokens into bytes. */
    private void render() {
        for (int i = 0; i < count; i++) {
            reserve(TOKEN_BYTES);
            long token = tokens[i];
            int kind = (int) token & (1 << BITS) - 1;
            if (separate && kind != CLOSE) {
                bytes[size++] = ',';
            }
            separate = kind != OPEN && kind != NAME;
            switch (kind) {
                case OPEN:
                case CLOSE:
                    bytes[size++] = (byte) (token >> BITS);
                    break;
                case NAME:
                    name(objects[i]);
                    break;
                case TEXT:
                    quoted((String) objects[i]);
                    break;
                case NUMBER:
                    digits(token >> BITS);
                    break;
                case WORD:
                    ascii((String) objects[i]);
                    break;
                case REFERENCE:
                    bytes[size++] = '{';
                    bytes[size++] = '"';
                    bytes[size++] = (byte) (token >> BITS);
                    bytes[size++] = '"';
                    bytes[size++] = ':';
                    digits(token >> BITS + NAME_BITS);
                    bytes[size++] = '}';
                    break;
                default:
                    copy((byte[]) objects[i], (int) (token >> BITS));
            }
            objects[i] = null;
        }
        count = 0;
        waiting = 0;
    }

    private void name(Object name) {
        byte[] known = NAMES.get(name);
        if (known != null) {
            copy(known, known.length);
            return;
        }
        int from = size;
        quoted((String) name);
        put(':');
        if (NAMES.size() < NAME_LIMIT) {
            NAMES.put((String) name, Arrays.copyOfRange(bytes, from, size));
        }
    }

    private void copy(byte[] source, int length) {
        reserve(length);
        System.arraycopy(source, 0, bytes, size, length);
        size += length;
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
