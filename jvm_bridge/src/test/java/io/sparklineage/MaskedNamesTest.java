package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;

class MaskedNamesTest {
    private final MaskedNames names = new MaskedNames();

    @Test
    void aNameThatWasForgottenStillDoesNotPass() {
        names.put(1, "card 4111", "card ?");
        assertEquals("card ?", names.of(1, "card 4111"));
        for (int id = 2; id < 10_100; id++) {
            names.put(id, "pin " + id, "pin ?");
        }
        assertEquals("?", names.of(1, "card 4111"));
        assertEquals("as the user calls it", names.of(1, "as the user calls it"));
        assertEquals("pin ?", names.of(10_099, "pin 10099"));
        assertNull(names.of(99_999, "never masked"));
    }

    @Test
    void longNamesGiveWayByTheirLength() {
        StringBuilder name = new StringBuilder();
        for (int i = 0; i < MaskedNames.CHARACTER_LIMIT / 4; i++) {
            name.append('x');
        }
        for (int id = 0; id < 6; id++) {
            names.put(id, name.toString(), "?x");
        }
        assertEquals("?", names.of(2, name.toString()));
        assertEquals("?x", names.of(3, name.toString()));
        names.put(9, "as long as all together" + name + name + name + name, "?x");
        assertEquals("?", names.of(9, "as long as all together" + name + name + name + name));
        assertEquals("?", names.of(5, name.toString()));
    }
}
