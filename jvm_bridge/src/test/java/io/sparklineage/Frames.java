package io.sparklineage;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/** Reads segments as the contract says, apart from the code that writes them. */
final class Frames {
    private Frames() {
    }

    /** The records up to the first that is torn or damaged. */
    static List<String> of(byte[] segment) {
        List<String> records = new ArrayList<>();
        ByteBuffer in = ByteBuffer.wrap(segment);
        if (segment.length < 8 || !new String(segment, 0, 8, StandardCharsets.US_ASCII).equals("SLSPOOL1")) {
            return records;
        }
        in.position(8);
        while (in.remaining() >= 8) {
            int length = in.getInt();
            int checksum = in.getInt();
            if (length <= 0 || length > in.remaining()) {
                break;
            }
            byte[] payload = new byte[length];
            in.get(payload);
            CRC32 crc = new CRC32();
            crc.update(payload, 0, length);
            if ((int) crc.getValue() != checksum) {
                break;
            }
            records.add(new String(payload, StandardCharsets.UTF_8));
        }
        return records;
    }
}
