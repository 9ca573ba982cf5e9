package io.sparklineage;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Why an executor went, as its cluster manager says: the first line, masked but for the exit code of the process. */
final class LossReason {
    private static final int LIMIT = 500;
    private static final String EXIT = "(?i)(\\bexit(?:ed with)? (?:code|status):? ?)";
    private static final Pattern CODE = Pattern.compile(EXIT + "(\\d{1,3})(?!\\d)");
    private static final Pattern MASKED = Pattern.compile(EXIT + "\\?");

    private LossReason() {
    }

    static String of(String reason) {
        String line = reason.trim().split("\n", 2)[0];
        Matcher code = CODE.matcher(line);
        String masked = Masking.message(line);
        return Masking.cut(code.find() ? MASKED.matcher(masked).replaceFirst("$1" + code.group(2)) : masked, LIMIT);
    }
}
