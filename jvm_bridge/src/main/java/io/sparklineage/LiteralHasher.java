package io.sparklineage;

import java.nio.charset.StandardCharsets;
import javax.crypto.Mac;

/** Keyed hashes of literal values; not safe for use by several threads. */
final class LiteralHasher {
    private final Mac mac;

    LiteralHasher(byte[] key) {
        this.mac = Hashes.hmac(key);
    }

    /** The first 16 hex digits of the HMAC of the value's text. */
    String hash(Object value) {
        byte[] digest = mac.doFinal(String.valueOf(value).getBytes(StandardCharsets.UTF_8));
        return Hashes.toHex(digest).substring(0, 16);
    }
}
