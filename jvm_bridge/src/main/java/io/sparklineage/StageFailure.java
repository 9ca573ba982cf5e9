package io.sparklineage;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Why a stage failed, of a text that may be an exception's with a user's data in it: what the scheduler itself says, the
 * class of the exception and Spark's error condition pass, nothing else does.
 */
final class StageFailure {
    private static final int LINE_LIMIT = 2_000;
    private static final int LIMIT = 500;
    private static final String CLASS = "(?:[a-z_$][\\w$]*+\\.)++[A-Z][\\w$]*+";
    private static final Pattern CONDITION = Pattern.compile("^\\[[A-Z][A-Z0-9_]*+(?:\\.[A-Z0-9_]++)?+]");
    private static final Pattern FETCH = Pattern.compile("^org\\.apache\\.spark\\.shuffle\\.[\\w.]++: .*");
    private static final Pattern THROWN = Pattern.compile("^" + CLASS);
    private static final Pattern SCHEDULER = Pattern.compile(
            "^(?:Job aborted due to stage failure|Job \\d++ cancelled|Stage cancelled)(?:: Task \\S++ in stage \\S++ failed \\d++ "
            + "times, most recent failure: Lost task \\S++ in stage \\S++ \\(TID \\d++\\) \\([^()]*+\\): (?:" + CLASS
            + "|[A-Z]\\w*+)?+)?+");

    private StageFailure() {
    }

    /** One line, or null where nothing of the text may be told. */
    static String of(String text) {
        String line = Masking.cut(text.trim().split("\n", 2)[0], LINE_LIMIT);
        if (FETCH.matcher(line).matches()) {
            return masked(line);
        }
        for (Pattern known : new Pattern[] {SCHEDULER, CONDITION, THROWN}) {
            Matcher matcher = known.matcher(line);
            if (matcher.find()) {
                return masked(matcher.group());
            }
        }
        return null;
    }

    private static String masked(String line) {
        return Masking.cut(Masking.message(line), LIMIT);
    }
}
