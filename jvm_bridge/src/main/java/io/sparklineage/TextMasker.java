package io.sparklineage;

import java.util.regex.Pattern;

/** One pass over SQL or a message that replaces quoted texts and numbers by `?`. */
final class TextMasker {
    private static final int SCHEME_LIMIT = 20;
    private static final Pattern NUMBER = Pattern.compile("(?<!\\w)\\d\\w*+");

    private final String text;
    private final boolean sql;
    private final boolean foreign;
    private final boolean quotesNames;
    private final StringBuilder out;
    private int at;

    TextMasker(String text, boolean sql) {
        this(text, sql, false, false);
    }

    /**
     * SQL that a database runs, where `foreign`. In that of most databases double quotes are around names, in Spark's and
     * MySQL's around texts; and a backslash before a quote ends a text in some, in others it does not.
     */
    TextMasker(String text, boolean sql, boolean foreign, boolean quotesNames) {
        this.text = text;
        this.sql = sql;
        this.foreign = foreign;
        this.quotesNames = quotesNames;
        this.out = new StringBuilder(text.length());
    }

    String mask() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (sql && text.startsWith("--", at)) {
                skipLine();
            } else if (sql && text.startsWith("/*", at) && !isHint()) {
                skipComment();
            } else if (sql && text.startsWith("$$", at)) {
                skipDollarQuoted();
            } else if (c == '`' || c == '"' && quotesNames) {
                copyName(c);
            } else if (c == '\'' && !isApostrophe() || c == '"') {
                skipQuoted(c);
            } else if (text.startsWith("://", at) || text.regionMatches(true, at, "jdbc:", 0, 5)) {
                copyUrl();
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

    /** To Spark a comment goes on after a backslash at the end of its line. */
    private void skipLine() {
        while (at < text.length() && text.charAt(at) != '\n' && text.charAt(at) != '\r') {
            at += text.startsWith("\\\n", at) ? 2 : 1;
        }
    }

    /** Spark reads what is in a hint as it reads all else; a hint within a comment begins no other comment. */
    private boolean isHint() {
        return !foreign && text.startsWith("/*+", at);
    }

    /** Spark's bracketed comments nest. */
    private void skipComment() {
        int depth = 0;
        do {
            if (text.startsWith("/*", at) && !isHint()) {
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

    /**
     * A doubled quote does not end the text. Where nobody knows whether it has ended, all that follows is taken for it: a database's URL
     * may have quotes around its password, and SQL need no blank behind a text.
     */
    private void skipQuoted(char quote) {
        boolean connection = text.regionMatches(true, at + 1, "jdbc:", 0, 5);
        int password = connection ? at + 1 + UrlMasker.restOfLine(text, at + 1).lastIndexOf(quote + "@") : 0;
        do {
            at++;
            while (at < text.length() && text.charAt(at) != quote) {
                boolean escaped = text.charAt(at) == '\\';
                boolean unsure = foreign && escaped && at + 1 < text.length() && text.charAt(at + 1) == quote;
                at = unsure ? text.length() : at + (escaped ? 2 : 1);
            }
            at++;
        } while (at < text.length() && text.charAt(at) == quote);
        if (connection && at < text.length() && (isInside(text.charAt(at)) || at < password)) {
            at = text.length();
        }
        out.append('?');
    }

    /** Oracle has quotes around a password: what follows an inner one is no separator. */
    private static boolean isInside(char following) {
        return isWordPart(following) || "@/=".indexOf(following) >= 0;
    }

    /** What is quoted may be a path; for a database's URL see `copyUrl`. An open quote is the rest in SQL, a mere character in a message. */
    private void copyName(char quote) {
        int end = text.indexOf(quote, at + 1);
        if (end < 0) {
            out.append(sql ? '?' : quote);
            at = sql ? text.length() : at + 1;
        } else {
            String name = text.substring(at + 1, end);
            out.append(quote).append(UrlMasker.hasConnection(name) ? name : Masking.path(name)).append(quote);
            at = end + 1;
        }
    }

    /**
     * Before the numbers in a URL are masked its password must be seen whole. One of a database goes through here as it is,
     * since it may go on behind blanks and quotes: `UrlMasker.text` masks it with the rest of its line.
     */
    private void copyUrl() {
        int start = at;
        while (at < text.length() && text.charAt(at) > ' ' && "'\"`".indexOf(text.charAt(at)) < 0
                && !(sql && (text.startsWith("/*", at) || text.startsWith("--", at)))) {
            at++;
        }
        int scheme = start;
        while (scheme > 0 && start - scheme < SCHEME_LIMIT && isWordPart(text.charAt(scheme - 1))) {
            scheme--;
        }
        scheme = Character.isLetter(text.charAt(scheme)) ? scheme : start;
        String url = text.substring(scheme, at);
        if (text.regionMatches(true, start, "jdbc:", 0, 5)) {
            out.append(text, start, at);
            return;
        }
        String clean = UrlMasker.text(url);
        at = clean.endsWith("://?") ? UrlMasker.endOfPassword(text, at) : at;
        out.setLength(out.length() - Math.min(out.length(), start - scheme));
        out.append(NUMBER.matcher(clean).replaceAll("?"));
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
        boolean raw = sql && at - start == 1 && (text.charAt(start) == 'r' || text.charAt(start) == 'R');
        if (raw && at < text.length() && (text.charAt(at) == '\'' || text.charAt(at) == '"')) {
            skipRaw();
        } else {
            out.append(text, start, at);
        }
    }

    /** In a raw text a backslash is a character like others. */
    private void skipRaw() {
        int end = text.indexOf(text.charAt(at), at + 1);
        at = end < 0 ? text.length() : end + 1;
        out.append('?');
    }

    private static boolean isWordPart(char c) {
        return Character.isLetterOrDigit(c) || c == '_';
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }
}
