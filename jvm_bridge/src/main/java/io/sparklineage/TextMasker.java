package io.sparklineage;

/** One pass over SQL or a message that replaces quoted texts and numbers by `?`. */
final class TextMasker {
    private final String text;
    private final boolean sql;
    private final StringBuilder out;
    private int at;

    TextMasker(String text, boolean sql) {
        this.text = text;
        this.sql = sql;
        this.out = new StringBuilder(text.length());
    }

    String mask() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (sql && text.startsWith("--", at)) {
                skipLine();
            } else if (sql && text.startsWith("/*", at)) {
                skipComment();
            } else if (sql && text.startsWith("$$", at)) {
                skipDollarQuoted();
            } else if (c == '\'' && !isApostrophe() || c == '"') {
                skipQuoted(c);
            } else if (c == '`') {
                copyBackticks();
            } else if (isDigit(c)) {
                skipNumber();
            } else if (Character.isLetter(c) || c == '_') {
                copyWord();
            } else {
                out.append(c);
                at++;
            }
        }
        return out.toString();
    }

    private void skipLine() {
        while (at < text.length() && text.charAt(at) != '\n') {
            at++;
        }
    }

    /** Spark's bracketed comments nest. */
    private void skipComment() {
        int depth = 0;
        do {
            if (text.startsWith("/*", at)) {
                depth++;
                at += 2;
            } else if (text.startsWith("*/", at)) {
                depth--;
                at += 2;
            } else {
                at++;
            }
        } while (depth > 0 && at < text.length());
        out.append(' ');
    }

    private void skipDollarQuoted() {
        int end = text.indexOf("$$", at + 2);
        at = end < 0 ? text.length() : end + 2;
        out.append('?');
    }

    private boolean isApostrophe() {
        return !sql && at > 0 && at + 1 < text.length()
                && Character.isLetter(text.charAt(at - 1)) && Character.isLetter(text.charAt(at + 1));
    }

    /** A doubled quote does not end the text. */
    private void skipQuoted(char quote) {
        do {
            at++;
            while (at < text.length() && text.charAt(at) != quote) {
                at += text.charAt(at) == '\\' ? 2 : 1;
            }
            at++;
        } while (at < text.length() && text.charAt(at) == quote);
        out.append('?');
    }

    private void copyBackticks() {
        int end = text.indexOf('`', at + 1);
        end = end < 0 ? text.length() : end + 1;
        out.append(text, at, end);
        at = end;
    }

    private void skipNumber() {
        while (at < text.length() && (isWordPart(text.charAt(at)) || isPoint())) {
            at++;
        }
        out.append('?');
    }

    /** A point between digits belongs to the number. */
    private boolean isPoint() {
        return text.charAt(at) == '.' && at + 1 < text.length() && isDigit(text.charAt(at + 1));
    }

    private void copyWord() {
        int start = at;
        while (at < text.length() && isWordPart(text.charAt(at))) {
            at++;
        }
        out.append(text, start, at);
    }

    private static boolean isWordPart(char c) {
        return Character.isLetterOrDigit(c) || c == '_';
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }
}
