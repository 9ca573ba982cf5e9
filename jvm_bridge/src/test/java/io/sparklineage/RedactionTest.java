package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RedactionTest {
    @AfterEach
    void none() {
        Masking.redact(Redaction.NONE);
    }

    private static void redact(String... settings) {
        Map<String, String> conf = new HashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            conf.put(settings[i], settings[i + 1]);
        }
        Masking.redact(Redaction.of(conf::get));
    }

    @Test
    void textsLoseWhatSparkWouldRedactInThem() {
        redact(Redaction.TEXTS, "(?i)project-[a-z]+");
        assertEquals("load ? of ann", Masking.label("load Project-Manhattan of ann"));
        assertEquals("cannot load ?", Masking.message("cannot load project-x"));
        assertEquals("SELECT `?` FROM t", Masking.sql("SELECT `project-x` FROM t"));
        redact(Redaction.TEXTS, "a", Redaction.SQL_TEXTS, "b+");
        assertEquals("a?a", Masking.label("abba"));
    }

    @Test
    void aLabelThatWasMetBeforeIsRedactedAsItIsNow() {
        redact();
        assertEquals("load project-x", Masking.label("load project-x"));
        redact(Redaction.TEXTS, "project-[a-z]+");
        assertEquals("load ?", Masking.label("load project-x"));
    }

    @Test
    void optionsAreRedactedByKeyAndByValue() {
        redact(Redaction.OPTIONS, "(?i)table|blue");
        assertNull(Masking.option("dbtable", "orders"));
        assertNull(Masking.option("topic", "blue"));
        assertEquals("orders", Masking.option("topic", "orders"));
        assertEquals("jdbc:postgresql://h/d", Masking.option("url", "jdbc:postgresql://h/d"));
        redact(Redaction.KEYS, "(?i)topic");
        assertNull(Masking.option("topic", "orders"));
        assertEquals("?", Application.setting("spark.app.name", "topic model"));
    }

    @Test
    void placesAreNamesAndStay() {
        redact(Redaction.TEXTS, "file|data", Redaction.KEYS, "data");
        assertEquals("file:/data/x", Masking.path("file:/data/x"));
        assertEquals("file:/data/x", Application.setting("spark.sql.warehouse.dir", "file:/data/x"));
    }

    @Test
    void whatCannotBeReadRedactsAll() {
        redact(Redaction.TEXTS, "(unclosed", Redaction.OPTIONS, "[");
        assertEquals("?", Masking.label("nightly load"));
        assertEquals("?", Masking.sql("SELECT a FROM t"));
        assertNull(Masking.option("topic", "orders"));
    }

    @Test
    void noPatternTakesLong() {
        char[] many = new char[1_900];
        Arrays.fill(many, 'a');
        String text = new String(many) + "!";
        for (String regex : new String[] {"(a+)+$", "(a|aa)+$", "(.*)*x", "(a|a)*b", "((a*)*)*b"}) {
            redact(Redaction.TEXTS, regex, Redaction.OPTIONS, regex);
            CpuTime.assertWithin(Duration.ofSeconds(2), () -> {
                // Java finds out of some that they do not match; the others redact all
                assertTrue(Arrays.asList("?", text).contains(Masking.label(text)), regex);
                assertTrue(Arrays.asList(null, text).contains(Masking.option("topic", text)), regex);
            });
        }
        redact(Redaction.TEXTS, "(.*)*(.*)*(.*)*x");
        assertEquals("?", Masking.label(text));
    }
}
