package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.api.Test;

/** HMAC-SHA-256 by the test cases 1, 2, 4 and 7 of RFC 4231. */
class LiteralHasherTest {
    private static byte[] repeated(int octet, int count) {
        byte[] bytes = new byte[count];
        Arrays.fill(bytes, (byte) octet);
        return bytes;
    }

    private static String hmac(byte[] key, byte[] message) {
        return Hashes.toHex(new LiteralHasher(key).hmac(message));
    }

    @Test
    void isTheOneOfTheStandard() {
        assertEquals("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                hmac(repeated(0x0b, 20), "Hi There".getBytes(StandardCharsets.US_ASCII)));
        assertEquals("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                hmac("Jefe".getBytes(StandardCharsets.US_ASCII), "what do ya want for nothing?".getBytes(StandardCharsets.US_ASCII)));
        assertEquals("82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
                hmac(Hashes.fromHex("0102030405060708090a0b0c0d0e0f10111213141516171819"), repeated(0xcd, 50)));
        assertEquals("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
                hmac(repeated(0xaa, 131), ("This is a test using a larger than block-size key and a larger than block-size data. "
                        + "The key needs to be hashed before being used by the HMAC algorithm.").getBytes(StandardCharsets.US_ASCII)));
    }

    @Test
    void aHasherIsUsedAgain() {
        LiteralHasher hasher = new LiteralHasher("Jefe".getBytes(StandardCharsets.US_ASCII));
        hasher.hash(7);
        assertEquals("5bdcc146bf60754e", hasher.hash(UTF8String.fromString("what do ya want for nothing?")));
        assertEquals("5bdcc146bf60754e", hasher.hash("what do ya want for nothing?"));
    }

    @Test
    void equalBytesHaveOneHash() {
        LiteralHasher hasher = new LiteralHasher(new byte[32]);
        assertEquals(hasher.hash(new byte[] {1, 2}), hasher.hash(new byte[] {1, 2}));
    }
}
