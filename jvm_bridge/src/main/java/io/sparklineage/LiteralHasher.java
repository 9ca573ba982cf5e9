package io.sparklineage;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Keyed hashes of literal values: HMAC-SHA-256 (RFC 2104) on Java's own SHA-256, since asking Java for a `Mac` loads every provider of
 * cryptography, which a short job would feel; not safe for use by several threads.
 */
final class LiteralHasher {
    private static final int BLOCK_BYTES = 64;

    private final MessageDigest digest = Hashes.sha256();
    private final byte[] inner = new byte[BLOCK_BYTES];
    private final byte[] outer = new byte[BLOCK_BYTES];

    LiteralHasher(byte[] key) {
        byte[] block = Arrays.copyOf(key.length > BLOCK_BYTES ? digest.digest(key) : key, BLOCK_BYTES);
        for (int i = 0; i < BLOCK_BYTES; i++) {
            inner[i] = (byte) (block[i] ^ 0x36);
            outer[i] = (byte) (block[i] ^ 0x5c);
        }
    }

    /** The first 16 hex digits of the HMAC of the value's text; of bytes, of themselves. */
    String hash(Object value) {
        return Hashes.toHex(hmac(bytes(value))).substring(0, 16);
    }

    byte[] hmac(byte[] message) {
        digest.update(inner);
        byte[] first = digest.digest(message);
        digest.update(outer);
        return digest.digest(first);
    }

    /** A text has its bytes at hand: one of 100 MB is not copied. */
    private static byte[] bytes(Object value) {
        if (value instanceof byte[]) {
            return (byte[]) value;
        }
        return value instanceof UTF8String ? ((UTF8String) value).getBytes()
                : String.valueOf(value).getBytes(StandardCharsets.UTF_8);
    }
}
