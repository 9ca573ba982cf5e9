package io.sparklineage;

import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.apache.spark.sql.SparkSession;

/**
 * What the user told Spark to redact: `spark.redaction.regex` and `spark.sql.redaction.options.regex` of keys and values,
 * `spark.sql.redaction.string.regex`, else `spark.redaction.string.regex`, of texts. Only what was set counts: Spark's own default for options
 * would take every `url`, and what passes here of a URL has no secret. A pattern that cannot be read, or that takes too long on a text,
 * redacts all of it.
 */
final class Redaction {
    static final String KEYS = "spark.redaction.regex";
    static final String OPTIONS = "spark.sql.redaction.options.regex";
    static final String TEXTS = "spark.redaction.string.regex";
    static final String SQL_TEXTS = "spark.sql.redaction.string.regex";
    private static final int SETTINGS_LIMIT = 100_000;
    static final String MASK = "?";
    static final Redaction NONE = new Redaction(null, null, null);

    /** Characters that a pattern may look at, over all its attempts on one text, for each character of the text and in all. */
    private static final long STEPS_PER_CHARACTER = 200;
    private static final long STEPS = 200_000;

    /** Matches everything: what a pattern that cannot be read stands for. */
    private static final Pattern ALL = Pattern.compile("(?s).*+");

    private final Pattern keys;
    private final Pattern options;
    private final Pattern texts;

    private Redaction(Pattern keys, Pattern options, Pattern texts) {
        this.keys = keys;
        this.options = options;
        this.texts = texts;
    }

    /** As a session was told, else its application: `getOption` would give Spark's defaults, too. */
    static Redaction of(SparkSession session) {
        Map<String, String> told = new HashMap<>();
        for (String key : new String[] {KEYS, OPTIONS, TEXTS, SQL_TEXTS}) {
            told.put(key, session.sparkContext().getConf().get(key, null));
        }
        for (Object entry : SparkCompat.elements(SparkCompat.sessionConf(session).getAllConfs(), SETTINGS_LIMIT)) {
            Object key = ((scala.Product) entry).productElement(0);
            if (told.containsKey(key)) {
                told.put((String) key, (String) ((scala.Product) entry).productElement(1));
            }
        }
        return of(told::get);
    }

    /** As a configuration says, null where it does not say. */
    static Redaction of(UnaryOperator<String> conf) {
        String texts = conf.apply(SQL_TEXTS) == null ? conf.apply(TEXTS) : conf.apply(SQL_TEXTS);
        Redaction found = new Redaction(pattern(conf.apply(KEYS)), pattern(conf.apply(OPTIONS)), pattern(texts));
        return found.keys == null && found.options == null && found.texts == null ? NONE : found;
    }

    private static Pattern pattern(String regex) {
        if (regex == null || regex.isEmpty()) {
            return null;
        }
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException | StackOverflowError unreadable) {
            return ALL;
        }
    }

    /** Whether Spark would redact an option: by its key, or by its value. */
    boolean hidesOption(String key, String value) {
        return finds(options, key) || finds(options, value) || hidesSetting(key, value);
    }

    /** Whether Spark would redact a setting. */
    boolean hidesSetting(String key, String value) {
        return finds(keys, key) || finds(keys, value);
    }

    private static boolean finds(Pattern pattern, String text) {
        if (pattern == null) {
            return false;
        }
        try {
            return pattern.matcher(new Bounded(text)).find();
        } catch (TooLong | StackOverflowError tooLong) {
            return true;
        }
    }

    /** A text with all that is to be redacted as `?`. */
    String text(String text) {
        if (texts == null || text.isEmpty()) {
            return text;
        }
        try {
            Matcher matcher = texts.matcher(new Bounded(text));
            StringBuilder out = new StringBuilder(text.length());
            int from = 0;
            while (matcher.find()) {
                if (matcher.end() > matcher.start()) {
                    out.append(text, from, matcher.start()).append(MASK);
                    from = matcher.end();
                }
            }
            return out.append(text, from, text.length()).toString();
        } catch (TooLong | StackOverflowError tooLong) {
            return MASK;
        }
    }

    /** Thrown out of a pattern that takes too long. */
    private static final class TooLong extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooLong() {
            super(null, null, false, false);
        }
    }

    /** A text that counts how often it is looked at: of a pattern that backtracks without end nothing else can be told. */
    private static final class Bounded implements CharSequence {
        private final String text;
        private long left;

        Bounded(String text) {
            this.text = text;
            this.left = STEPS + STEPS_PER_CHARACTER * text.length();
        }

        @Override
        public char charAt(int index) {
            if (--left < 0) {
                throw new TooLong();
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
