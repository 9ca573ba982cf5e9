package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Every grammar of `secrets.txt` through every masker, alone and in texts of many kinds: no secret stays, nor its beginning. */
class SecretGrammarsTest {
    private static final String MARK = "cnry";
    private static final String[] AROUND = {
        "%s", "cannot open %s now", "cannot open '%s'", "Check the URL: %s.", "(%s)", "[%s]", "<%s>", "{\"url\": \"%s\"}", "url=%s", "url: %s",
        "a %s, b %s", "x\n%s\ny", " %s", "\t%s ", "\n%s", "\"%s\"", "'%s", "`%s`", "Caused by: java.sql.SQLException: %s", "No suitable driver found for %s",
        "(%s),(%s)", "a=%s&b=1", "\\\"%s\\\""};
    private static final Map<String, UnaryOperator<String>> MASKERS = maskers();

    static List<String> grammars() throws IOException {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                SecretGrammarsTest.class.getResourceAsStream("/secrets.txt"), StandardCharsets.UTF_8))) {
            return lines.lines().filter(line -> !line.startsWith("#") && !line.isEmpty()).collect(Collectors.toList());
        }
    }

    private static String filled(String grammar, int number) {
        String text = grammar;
        for (int i = 0; text.contains("{c}"); i++) {
            text = text.replaceFirst("\\{c}", String.format("%s%04dz%02d", "CnRy", number, i));
        }
        return text;
    }

    private static Map<String, UnaryOperator<String>> maskers() {
        Map<String, UnaryOperator<String>> maskers = new LinkedHashMap<>();
        maskers.put("url", Masking::url);
        maskers.put("path", Masking::path);
        maskers.put("option url", text -> Masking.option("url", text));
        maskers.put("option path", text -> Masking.option("path", text));
        maskers.put("message", Masking::message);
        maskers.put("label", Masking::label);
        maskers.put("sql", Masking::sql);
        maskers.put("relation", Masking::relation);
        maskers.put("relation of a database that quotes names", text -> Masking.relation(text, "jdbc:oracle:thin:@h:1:x"));
        maskers.put("reason", LossReason::of);
        maskers.put("description", text -> String.valueOf(StreamTexts.description("FileSink[" + text + "]")));
        maskers.put("setting", text -> Application.setting("spark.app.name", text));
        return maskers;
    }

    @Test
    void noSecretStays() throws IOException {
        List<String> leaks = new ArrayList<>();
        int number = 0;
        for (String grammar : grammars()) {
            String url = filled(grammar, number++);
            for (String around : AROUND) {
                String text = around.replace("%s", url);
                MASKERS.forEach((name, masker) -> check(leaks, name, text, masker.apply(text)));
                String tabs = around.replace("%s", url.replace(' ', '\t'));
                MASKERS.forEach((name, masker) -> check(leaks, name, tabs, masker.apply(tabs)));
            }
        }
        assertTrue(number > 200, "the grammars are read");
        assertEquals(Collections.emptyList(), leaks.stream().limit(2000).collect(Collectors.toList()), leaks.size() + " leaks");
    }

    private static void check(List<String> leaks, String masker, String text, String masked) {
        if (masked != null && masked.toLowerCase(Locale.ROOT).contains(MARK)) {
            leaks.add("\n" + masker + " | " + text.replace("\n", "\\n") + " | " + masked.replace("\n", "\\n"));
        }
    }
}
