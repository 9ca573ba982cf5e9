package io.sparklineage;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;

/** SHA-256 and hex. */
final class Hashes {
    private static final String DIGITS = "0123456789abcdef";

    private Hashes() {
    }

    /** SHA-256 of a text's UTF-8 bytes, 64 hex digits. */
    static String sha256(String text) {
        return sha256(text.getBytes(StandardCharsets.UTF_8));
    }

    static String sha256(byte[] bytes) {
        return toHex(sha256().digest(bytes));
    }

    /** A new digest that has seen nothing yet. */
    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (GeneralSecurityException everyJavaHasIt) {
            throw new IllegalStateException(everyJavaHasIt);
        }
    }

    static String toHex(byte[] bytes) {
        char[] hex = new char[bytes.length * 2];
        for (int i = 0; i < bytes.length; i++) {
            hex[2 * i] = DIGITS.charAt(bytes[i] >> 4 & 15);
            hex[2 * i + 1] = DIGITS.charAt(bytes[i] & 15);
        }
        return new String(hex);
    }

    static byte[] fromHex(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
